"""``kdnet study`` and ``kdnet resume``."""

from __future__ import annotations

import argparse
import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from kdnet.data.commands import label_table
from kdnet.device import choose_device
from kdnet.errors import SettingsError
from kdnet.training.plan import parse_students
from kdnet.training.processes import joined_processes
from kdnet.training.progress import progress_bars
from kdnet.training.recipe import read_recipe, recipe_names
from kdnet.training.run_folder import RunFolder, open_run, read_study
from kdnet.training.stopping import Stopped, stop_on_signals
from kdnet.training.study import Study, StudyRequest

STOPPED_EXIT = 130


def add_parsers(commands: Any) -> None:
    """Add the commands to the parser of ``kdnet``."""
    study = commands.add_parser(
        "study",
        help="train teacher, baseline and student, compare them and write a report",
        description="Train a teacher on all modalities, a baseline and a distilled student on fewer, score them on held "
        "out cases and write a report. Ctrl-C stops cleanly; the same command, or kdnet resume, goes on. Under torchrun "
        "several processes or GPUs train together.",
    )
    study.add_argument("data", type=Path, help="folder in BraTS, Decathlon or nnU-Net layout")
    study.add_argument("--student", required=True, help="modality of the student; t1ce,t1+t2 gives two students")
    study.add_argument("--recipe", default="fast", help=f"one of {', '.join(recipe_names())}, or a JSON file")
    study.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a value of the recipe")
    study.add_argument("--folds", type=_numbers, default=(), help="test folds, as in 0,1 (default: all)")
    study.add_argument("--seeds", type=_numbers, default=(0,), help="seeds, as in 0,1 (default: 0)")
    study.add_argument("--minutes", type=float, default=0.0, help="time for the whole study; decides the steps")
    study.add_argument("--labels", default="auto", help="auto, brats, or VALUE=NAME,... for exclusive labels")
    study.add_argument("--leave-out", action="append", default=[], metavar="CASE", help="a case that is not used")
    study.add_argument("--out", type=Path, help="run folder (default: runs/DATA-STUDENT-RECIPE)")
    study.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    study.add_argument("--threads", type=int, default=0, help="CPU threads (default: all cores)")
    study.set_defaults(run=run_study)
    resume = commands.add_parser("resume", help="go on with a study that was stopped")
    resume.add_argument("run_folder", type=Path, help="its run folder")
    resume.set_defaults(run=run_resume)


def run_study(args: argparse.Namespace) -> int:
    """Carry out ``kdnet study``; return the exit code."""
    if args.minutes < 0:
        raise SettingsError(f"--minutes is {args.minutes:g}: give a positive number.")
    recipe = read_recipe(args.recipe, args.set)
    request = StudyRequest(
        data=args.data,
        students=parse_students(args.student),
        recipe=recipe,
        folds=args.folds,
        seeds=args.seeds,
        minutes=args.minutes,
        labels=label_table(args.labels),
        leave_out=tuple(args.leave_out),
        command=shlex.join(["kdnet", *args.command_line]),
    )
    name = f"{args.data.resolve().name}-{args.student}-{recipe.name}".replace(",", "_")
    root = args.out or Path("runs") / name
    device = choose_device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    with joined_processes(device) as processes, stop_on_signals() as stop:  # noqa: SIM117 - the line would be too long
        with open_run(root) if processes.first else nullcontext(RunFolder(root)) as run:
            bars = progress_bars(run.events) if processes.first else nullcontext()
            try:
                with bars:
                    report = Study(request, run, device, processes, stop).run()
            except Stopped:
                print(f"Stopped. To go on: kdnet resume {shlex.quote(str(root))}", file=sys.stderr)
                return STOPPED_EXIT
    if processes.first:
        print((report.parent / "results.md").read_text(encoding="utf-8"))
        print(f"Report: {report}")
    return 0


def run_resume(args: argparse.Namespace) -> int:
    """Carry out ``kdnet resume``: the command that the run folder remembers, in that folder."""
    from kdnet.cli import main  # noqa: PLC0415 - cli imports this module

    command = shlex.split(str(read_study(args.run_folder)["command"]))[1:]
    if "--out" in command:
        position = command.index("--out")
        del command[position : position + 2]
    return main([*command, "--out", str(args.run_folder)])


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))
