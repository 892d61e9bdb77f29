"""``kdnet study`` and ``kdnet resume``, and the study options shared with ``kdnet plan``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch

from kdnet.device import choose_device
from kdnet.errors import RunFolderError, SettingsError
from kdnet.runs.control import clear_stop_request
from kdnet.runs.folder import RunFolder, open_run
from kdnet.runs.progress_bars import progress_bars
from kdnet.runs.stop_request import StopRequest, stop_on_signals
from kdnet.schema.interruption import Interrupted
from kdnet.schema.study_request import StudyRequest, command_text, format_students, study_options
from kdnet.study.reader import open_readonly
from kdnet.study.runner import Study
from kdnet.training.distributed import DistributedContext, announced_processes, check_device_name, joined_processes

STOPPED_EXIT = 130


def run_study(args: argparse.Namespace) -> int:
    """Run ``kdnet study``; return the exit code."""
    request = study_options(args).resolve(command_text(args.command_line))
    name = f"{args.data.resolve().name}-{format_students(request.students)}-{request.recipe.name}".replace(",", "_")
    return carry_out_request(request, args.out or Path("runs") / name, args.wait_for, args.started)


def run_resume(args: argparse.Namespace) -> int:
    """Run ``kdnet resume``, with the request recorded in the run folder."""
    root: Path = args.run_folder
    reader = open_readonly(root)
    reader.require_current_settings()
    request = reader.request
    if args.data is not None:
        request = replace(request, data=args.data)
    if args.force and request.adaptation is None:
        raise SettingsError(f"{root} is a study, whose models are always written: resume it without --force.")
    if not request.data.is_dir():
        raise RunFolderError(
            f"the data folder {request.data} of {root} is not there: "
            f"give its new place with kdnet resume {shlex.quote(str(root))} --data FOLDER."
        )
    device = request.device if args.device is None else args.device
    threads = request.threads if args.threads is None else args.threads
    request = replace(request, device=device, threads=threads, force=request.force or args.force)
    return carry_out_request(request, root, args.wait_for, args.started, moved=args.data is not None)


def carry_out_request(
    request: StudyRequest, root: Path, after: Sequence[Path], started: float, *, moved: bool = False
) -> int:
    """Run a study or an adaptation in a run folder, and print its results; return the exit code.

    Args:
        request: what to do.
        root: the run folder.
        after: run folders to wait for.
        started: start time of the process in seconds since 1970.
        moved: whether the data folder changed its place.
    """
    check_device_name(request.device, announced_processes())
    device = choose_device(request.device)
    if request.threads:
        torch.set_num_threads(request.threads)
    with joined_processes(device) as processes, stop_on_signals(root) as stop:  # noqa: SIM117 - the line would be too long
        with open_run(root) if processes.is_main else nullcontext(RunFolder(root)) as run:
            if processes.is_main:
                clear_stop_request(root, started)
                if moved:
                    run.move_data(request.data)
            try:
                report = _study(request, run, device, processes, stop, after)
            except Interrupted as stopped:
                message = f"{stopped.stop.mode.done.capitalize()}. To continue: kdnet resume {shlex.quote(str(root))}"
                print(message, file=sys.stderr)
                return STOPPED_EXIT
    if processes.is_main:
        print((report.parent / "results.md").read_text(encoding="utf-8"))
        print(f"Report: {report}")
    return 0


def _study(
    request: StudyRequest,
    run: RunFolder,
    device: torch.device,
    processes: DistributedContext,
    stop: StopRequest,
    after: Sequence[Path],
) -> Path:
    with progress_bars(run.events) if processes.is_main else nullcontext():
        return Study(request, run, device, processes, stop, after).run()
