"""``kdnet study`` and ``kdnet resume``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from kdnet.device import choose_device
from kdnet.errors import RunFolderError
from kdnet.training.control import forget_request
from kdnet.training.options import add_study_options, study_request
from kdnet.training.processes import Processes, announced_processes, check_device_name, joined_processes
from kdnet.training.progress import progress_bars
from kdnet.training.request import StudyRequest
from kdnet.training.run_folder import RunFolder, open_run
from kdnet.training.stopping import Stopped, StopRequest, stop_on_signals
from kdnet.training.study import Study
from kdnet.training.view import recorded_request

STOPPED_EXIT = 130


def add_parsers(commands: Any) -> None:
    """Add the commands to the parser of ``kdnet``."""
    study = commands.add_parser(
        "study",
        help="train teacher, baseline and student, compare them and write a report",
        description="Train a teacher on all modalities, a baseline and a distilled student on fewer, score them on held "
        "out cases and write a report. Ctrl-C pauses; the same command, or kdnet resume, goes on. Under torchrun "
        "several processes or GPUs train together.",
    )
    add_study_options(study)
    study.add_argument("--out", type=Path, help="run folder (default: runs/DATA-STUDENT-RECIPE)")
    _add_after(study)
    study.set_defaults(run=run_study)
    resume = commands.add_parser("resume", help="go on with a study that was stopped or killed")
    resume.add_argument("run_folder", type=Path, help="its run folder")
    resume.add_argument("--data", type=Path, help="where the data is now, when it was moved")
    resume.add_argument("--device", help="auto, cpu, cuda, cuda:N or mps (default: as before)")
    resume.add_argument("--threads", type=int, help="CPU threads (default: as before)")
    _add_after(resume)
    resume.set_defaults(run=run_resume)


def run_study(args: argparse.Namespace) -> int:
    """Carry out ``kdnet study``; return the exit code."""
    request = study_request(args)
    name = f"{args.data.resolve().name}-{args.student}-{request.recipe.name}".replace(",", "_")
    return _carry_out(request, args.out or Path("runs") / name, args.after, args.started)


def run_resume(args: argparse.Namespace) -> int:
    """Carry out ``kdnet resume``: what the run folder remembers."""
    root: Path = args.run_folder
    request = recorded_request(root)
    if args.data is not None:
        request = replace(request, data=args.data)
    if not request.data.is_dir():
        raise RunFolderError(
            f"the data folder {request.data} of {root} is not there: "
            f"give its new place with kdnet resume {shlex.quote(str(root))} --data FOLDER."
        )
    device = request.device if args.device is None else args.device
    threads = request.threads if args.threads is None else args.threads
    request = replace(request, device=device, threads=threads)
    return _carry_out(request, root, args.after, args.started, moved=args.data is not None)


def _carry_out(request: StudyRequest, root: Path, after: Sequence[Path], started: float, *, moved: bool = False) -> int:
    check_device_name(request.device, announced_processes())
    device = choose_device(request.device)
    if request.threads:
        torch.set_num_threads(request.threads)
    with joined_processes(device) as processes, stop_on_signals(root) as stop:  # noqa: SIM117 - the line would be too long
        with open_run(root) if processes.first else nullcontext(RunFolder(root)) as run:
            if processes.first:
                forget_request(root, started)
                if moved:
                    run.move_data(request.data)
            try:
                report = _study(request, run, device, processes, stop, after)
            except Stopped as stopped:
                told = f"{stopped.intent.done.capitalize()}. To go on: kdnet resume {shlex.quote(str(root))}"
                print(told, file=sys.stderr)
                return STOPPED_EXIT
    if processes.first:
        print((report.parent / "results.md").read_text(encoding="utf-8"))
        print(f"Report: {report}")
    return 0


def _study(
    request: StudyRequest,
    run: RunFolder,
    device: torch.device,
    processes: Processes,
    stop: StopRequest,
    after: Sequence[Path],
) -> Path:
    with progress_bars(run.events) if processes.first else nullcontext():
        return Study(request, run, device, processes, stop, after).run()


def _add_after(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--after",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help="wait until the run in this folder has ended; may be given several times",
    )
