"""Parsers of ``kdnet plan``, ``kdnet study`` and ``kdnet resume``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_device, add_json
from kdnet.schema.options import add_options
from kdnet.schema.study_request import GROUPS, StudyOptions


def add_parsers(commands: Any) -> None:
    """Add the commands to the ``kdnet`` parser."""
    plan = add_command(
        commands,
        "plan",
        "kdnet.cli.plan:run_plan",
        "Inspect the data, run a few steps of each network, and report what kdnet study with the same options would do,\n"
        "and the time, memory and disk space that it needs on this computer. Nothing is kept.",
        "kdnet plan data/brats --student t1ce --minutes 60",
    )
    add_options(plan, StudyOptions, GROUPS)
    plan.add_argument("--out", type=Path, metavar="RUN", help="accepted as in kdnet study; not used")
    add_json(plan)
    study = add_command(
        commands,
        "study",
        "kdnet.cli.study:run_study",
        "Train a teacher on all modalities, then a baseline and a distilled student on fewer; evaluate them on held-out\n"
        "cases and write a report. Ctrl-C pauses; the same command or kdnet resume continues. Start it with torchrun to\n"
        "train with several processes or GPUs.",
        "kdnet study data/brats --student t1ce --minutes 60 --out runs/first",
    )
    add_options(study, StudyOptions, GROUPS)
    run = study.add_argument_group("run")
    run.add_argument("--out", type=Path, metavar="RUN", help="run folder (default: runs/DATA-STUDENT-RECIPE)")
    _add_wait_for(run)
    resume = add_command(
        commands,
        "resume",
        "kdnet.cli.study:run_resume",
        "Resume a study or an adaptation that was paused, stopped or killed, from its last checkpoint.",
        "kdnet resume runs/first",
    )
    resume.add_argument("run_folder", type=Path, metavar="RUN", help="run folder of the study")
    resume.add_argument("--data", type=Path, metavar="DATA", help="current location of the data, if it was moved")
    add_device(resume, None, "default: as before")
    resume.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: as before)")
    resume.add_argument("--force", action="store_true", help="write the model of an adaptation even if it is not better")
    _add_wait_for(resume)


def _add_wait_for(target: Any) -> None:
    target.add_argument(
        "--wait-for",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help="start after the run in this folder has ended; repeatable",
    )
