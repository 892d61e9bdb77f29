"""``kdnet study`` and ``kdnet resume``, and the study options shared with ``kdnet plan``."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from kdnet.cli.labels_option import LABELS_HELP, label_table
from kdnet.device import choose_device
from kdnet.errors import RunFolderError, SettingsError
from kdnet.runs.control import clear_stop_request
from kdnet.runs.folder import RunFolder, open_run
from kdnet.runs.progress_bars import progress_bars
from kdnet.runs.stop_request import StopRequest, stop_on_signals
from kdnet.schema.folds import parse_folds
from kdnet.schema.interruption import Interrupted
from kdnet.schema.recipe import read_recipe, recipe_names
from kdnet.schema.study_request import StudyRequest, parse_students
from kdnet.study.reader import recorded_request
from kdnet.study.runner import Study
from kdnet.text import one_line
from kdnet.training.distributed import DistributedContext, announced_processes, check_device_name, joined_processes


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """Add the data folder and all options of a :class:`StudyRequest`."""
    add = parser.add_argument
    add("data", type=Path, help="folder in BraTS, Decathlon or nnU-Net layout")
    add("--student", required=True, help="modality of the student; t1ce,t1+t2 gives two students")
    add("--modalities", type=_names, default=(), help="of the teacher, as in t1,t1ce (default: all of the data)")
    add("--teacher", type=Path, help="model file or MONAI bundle to learn from, instead of training a teacher")
    add("--recipe", default="fast", help=f"one of {', '.join(recipe_names())}, or a JSON file")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="change a value of the recipe")
    add("--folds", help="test folds, as in 0,1 (default: each); all trains on every case")
    add("--fold-count", type=int, default=0, help="folds to deal out where cases.csv gives none (default: 3)")
    add("--seeds", type=_seeds, default=(0,), help="seeds, as in 0,1 (default: 0)")
    add("--minutes", type=float, default=0.0, help="time for the whole study; decides the steps")
    add("--epochs", type=float, default=0.0, help="times that each network sees every training case; decides the steps")
    add("--labels", default="auto", help=LABELS_HELP)
    add("--exclude", action="append", default=[], metavar="CASE", help="a case that is not used")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add("--threads", type=int, default=0, help="CPU threads (default: all cores)")


def study_request(args: argparse.Namespace) -> StudyRequest:
    """Create a request from the options of :func:`add_study_options`.

    Raises:
        SettingsError: naming the invalid option.
    """
    return StudyRequest(
        data=args.data,
        students=parse_students(args.student),
        recipe=read_recipe(args.recipe, args.set),
        folds=() if args.folds is None else parse_folds(args.folds),
        seeds=args.seeds,
        minutes=args.minutes,
        epochs=args.epochs,
        labels=label_table(args.labels),
        excluded=tuple(args.exclude),
        modalities=args.modalities,
        fold_count=args.fold_count,
        teacher=args.teacher,
        command=shlex.join(["kdnet", *args.command_line]),
        device=args.device,
        threads=args.threads,
    )


def _seeds(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"-?[0-9]{1,20}", part) for part in parts):
        raise SettingsError(f'--seeds is "{one_line(text, 40)}": give whole numbers, as in 0,1.')
    return tuple(map(int, parts))


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(","))


STOPPED_EXIT = 130


def add_parsers(commands: Any) -> None:
    """Add the commands to the ``kdnet`` parser."""
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
    """Run ``kdnet study``; return the exit code."""
    request = study_request(args)
    name = f"{args.data.resolve().name}-{args.student}-{request.recipe.name}".replace(",", "_")
    return _carry_out(request, args.out or Path("runs") / name, args.wait_for, args.started)


def run_resume(args: argparse.Namespace) -> int:
    """Run ``kdnet resume``, with the request recorded in the run folder."""
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
    return _carry_out(request, root, args.wait_for, args.started, moved=args.data is not None)


def _carry_out(request: StudyRequest, root: Path, after: Sequence[Path], started: float, *, moved: bool = False) -> int:
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
                told = f"{stopped.stop.mode.done.capitalize()}. To go on: kdnet resume {shlex.quote(str(root))}"
                print(told, file=sys.stderr)
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


def _add_after(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait-for",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help="wait until the run in this folder has ended; may be given several times",
    )
