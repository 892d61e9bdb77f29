"""The options that tell what a study is to do, for ``kdnet study`` and ``kdnet plan`` alike."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

from kdnet.data.commands import LABELS_HELP, label_table
from kdnet.data.fold_names import parse_folds
from kdnet.errors import SettingsError
from kdnet.text import one_line
from kdnet.training.plan import parse_students
from kdnet.training.recipe import read_recipe, recipe_names
from kdnet.training.request import StudyRequest


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """Add the data folder and all that a :class:`StudyRequest` holds."""
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
    add("--leave-out", action="append", default=[], metavar="CASE", help="a case that is not used")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add("--threads", type=int, default=0, help="CPU threads (default: all cores)")


def study_request(args: argparse.Namespace) -> StudyRequest:
    """The request that the options of :func:`add_study_options` make.

    Raises:
        SettingsError: naming the option that makes no sense.
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
        leave_out=tuple(args.leave_out),
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
