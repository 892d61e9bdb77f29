"""The options of a study: as they are given, and as they are recorded in a run folder.

A new option is a field here, with its help text and parser. ``kdnet study`` and ``kdnet plan``, the command line that
reproduces a run, ``study.json`` and the training panel take it from its field.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from kdnet.errors import SettingsError
from kdnet.json_schema import parse_dataclass
from kdnet.schema.adaptation import AdaptationSettings
from kdnet.schema.folds import format_folds, parse_folds
from kdnet.schema.former_names import current_study, readable_recipe
from kdnet.schema.labels import LabelTable
from kdnet.schema.labels_option import LABELS_HELP, parse_labels
from kdnet.schema.numbers import format_numbers, parse_numbers
from kdnet.schema.options import DEVICES, described, from_args, option, to_argv
from kdnet.schema.recipe import Recipe
from kdnet.schema.recipe_files import read_recipe, recipe_names

GROUPS = ("student and teacher", "recipe", "training length", "cases", "computer", "run")

MOST_MINUTES = 10_000_000  # 19 years

MOST_EPOCHS = 1_000_000

MOST_THREADS = 1024


def parse_names(text: str) -> tuple[str, ...]:
    """Read ``"T1, t1ce"`` as the names t1 and t1ce."""
    return tuple(part.strip().lower() for part in text.split(","))


def parse_students(text: str) -> tuple[tuple[str, ...], ...]:
    """Read ``"t1ce,t1+t2"`` as a student of T1ce and one of T1 and T2.

    Raises:
        SettingsError: when a student is named twice, most likely instead of another one.
    """
    students = tuple(tuple(part.strip().lower() for part in item.split("+")) for item in text.split(","))
    known = set[frozenset[str]]()
    for student in students:
        if frozenset(student) in known:
            raise SettingsError(f"--student names {'+'.join(student)} twice: name each student once.")
        known.add(frozenset(student))
    return students


def format_students(students: Sequence[Sequence[str]]) -> str:
    """Format students as text; the inverse of :func:`parse_students`."""
    return ",".join("+".join(names) for names in students)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read the seeds of ``--seeds``."""
    return parse_numbers(text, "--seeds")


@dataclass(frozen=True)
class StudySettings:
    """Settings that are the same as they are given and as they are recorded.

    Attributes:
        data: the data folder.
        students: input modalities of each student.
        modalities: input modalities of the teacher, in channel order; all of the data's if empty.
        teacher: model file or MONAI bundle of a pretrained teacher; otherwise a teacher is trained.
        start: model file that networks of the same input modalities start from; they get its architecture.
        minutes: time limit of the whole study, 0 for the recipe's own number of steps.
        epochs: passes of each network over the training cases, 0 for the recipe's own number of steps.
        seeds: training seeds.
        folds: test folds, all of the data's if empty; :data:`~kdnet.schema.folds.ALL_CASES` trains on every
            case and tests on none.
        control: whether to train a control too: a baseline that starts from the teacher's weights, without distillation.
        fold_count: number of folds to create if the data defines none, 0 for three.
        excluded: names of cases to exclude.
        device: name of the compute device; may change on resuming.
        threads: number of CPU threads, 0 for all cores; may also change.

    Raises:
        SettingsError: for values that contradict each other.
    """

    data: Path = field(
        metadata=described(
            "data",
            help="data folder in BraTS, Medical Segmentation Decathlon or nnU-Net layout",
            metavar="DATA",
            parse=Path,
        )
    )
    students: tuple[tuple[str, ...], ...] = field(
        metadata=described(
            "--student",
            help="input modalities of the student; t1ce,t1+t2 trains two students",
            group="student and teacher",
            metavar="MODALITIES",
            parse=parse_students,
            text=format_students,
        )
    )
    _: KW_ONLY
    modalities: tuple[str, ...] = option(
        "--modalities",
        help="input modalities of the teacher, as in t1,t1ce (default: all of the data set)",
        default=(),
        group="student and teacher",
        metavar="NAMES",
        parse=parse_names,
        text=",".join,
    )
    teacher: Path | None = option(
        "--teacher",
        help="pretrained teacher: a model file or MONAI bundle (default: train a teacher)",
        default=None,
        group="student and teacher",
        metavar="FILE",
        parse=Path,
    )
    start: Path | None = option(
        "--start",
        help="model file to start from: networks of the same input modalities get its architecture and weights, and new "
        "outputs for other labels",
        default=None,
        group="student and teacher",
        metavar="MODEL",
        parse=Path,
    )
    control: bool = option(
        "--control",
        help="also train a baseline that starts from the teacher's weights, to separate the gain of its start from that of "
        "the losses",
        default=False,
        group="student and teacher",
        switch=True,
    )
    minutes: float = option(
        "--minutes",
        help="time limit of the whole study; sets the number of steps",
        default=0.0,
        group="training length",
        metavar="N",
        parse=float,
        text="{:g}".format,
    )
    epochs: float = option(
        "--epochs",
        help="epochs of each network; sets the number of steps",
        default=0.0,
        group="training length",
        metavar="N",
        parse=float,
        text="{:g}".format,
    )
    seeds: tuple[int, ...] = option(
        "--seeds",
        help="random seeds, as in 0,1; each one repeats the training (default: 0)",
        default=(0,),
        group="training length",
        metavar="SEEDS",
        parse=parse_seeds,
        text=format_numbers,
    )
    folds: tuple[int, ...] = option(
        "--folds",
        help="test folds, as in 0,1; 'all' trains on every case and tests on none (default: every fold)",
        default=(),
        group="cases",
        metavar="FOLDS",
        parse=parse_folds,
        text=format_folds,
    )
    fold_count: int = option(
        "--fold-count",
        help="number of cross-validation folds if the data set defines none (default: 3)",
        default=0,
        group="cases",
        metavar="N",
        parse=int,
    )
    excluded: tuple[str, ...] = option(
        "--exclude", help="case to exclude; repeatable", default=(), group="cases", metavar="CASE", repeated=True
    )
    device: str = option("--device", help=f"{DEVICES} (default: auto)", default="auto", group="computer", metavar="DEVICE")
    threads: int = option(
        "--threads", help="CPU threads (default: all cores)", default=0, group="computer", metavar="N", parse=int
    )

    def __post_init__(self) -> None:
        for name, value, most in (("minutes", self.minutes, MOST_MINUTES), ("epochs", self.epochs, MOST_EPOCHS)):
            if not 0 <= value <= most:  # also rejects NaN
                raise SettingsError(f"--{name} is {value:g}: give a positive number, at most {most}.")
        if not 0 <= self.threads <= MOST_THREADS:
            raise SettingsError(f"--threads is {self.threads}: give a number from 1 to {MOST_THREADS}, or 0 for all cores.")
        for seed in self.seeds:
            if not 0 <= seed < 1 << 32:
                raise SettingsError(f"--seeds has the seed {seed}: give numbers from 0 to {(1 << 32) - 1}.")
        if len(set(self.modalities)) < len(self.modalities):
            raise SettingsError(f"--modalities {','.join(self.modalities)} names a modality twice: name each once.")
        if self.minutes and self.epochs:
            raise SettingsError("--minutes and --epochs both set the number of steps: give one of them.")
        if self.fold_count and self.fold_count < 2:
            raise SettingsError(f"--fold-count is {self.fold_count}: give at least 2, one to test while others train.")


@dataclass(frozen=True)
class StudyOptions(StudySettings):
    """A study as it is requested on the command line or in the panel.

    Attributes:
        recipe: name of a built-in recipe, or a JSON file.
        settings: recipe values to change, with dotted names such as ``"distillation.gamma"``.
        labels: ``"auto"``, the name of a convention, or pairs such as ``"1=Lesion,2=Core"``.
    """

    _: KW_ONLY
    recipe: str = option(
        "--recipe",
        help=f"{', '.join(recipe_names())}, or a JSON file (default: fast)",
        default="fast",
        group="recipe",
        metavar="RECIPE",
        explicit=True,
    )
    settings: Mapping[str, object] = option(
        "--set",
        help="change a recipe setting, as in distillation.gamma=0.5; repeatable",
        default={},
        group="recipe",
        metavar="NAME=VALUE",
        text=lambda pair: f"{pair[0]}={pair[1] if isinstance(pair[1], str) else json.dumps(pair[1])}",
        items=lambda settings: tuple(settings.items()),
        repeated=True,
        collect=lambda texts: dict(recipe_setting(text) for text in texts),
    )
    labels: str = option("--labels", help=LABELS_HELP, default="auto", group="cases", metavar="LABELS")

    def arguments(self, command: str = "study") -> list[str]:
        """Return the arguments of ``kdnet`` for ``command``, ``"study"`` or ``"plan"``; defaults are omitted."""
        return [command, *to_argv(self, GROUPS)]

    def resolve(self, command: str = "") -> StudyRequest:
        """Return the request, with its recipe and label table read.

        Args:
            command: command line that reproduces the study.

        Raises:
            SettingsError: naming the invalid option.
        """
        given = [
            f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in self.settings.items()
        ]
        return StudyRequest(
            **{item.name: getattr(self, item.name) for item in fields(StudySettings)},
            recipe=read_recipe(self.recipe, given),
            labels=parse_labels(self.labels),
            command=command,
        )


@dataclass(frozen=True)
class StudyRequest(StudySettings):
    """The settings of a study, recorded in the run folder; a resumed study must use the same ones.

    Attributes:
        recipe: training settings.
        labels: label table that replaces the one implied by the data format.
        command: command line that reproduces the study.
        adaptation: None for a study; otherwise its only student is the model ``start``, adapted to the data.
        out: model file to write the adapted model to.
        force: whether to write it even if it is not better than before.
    """

    recipe: Recipe
    labels: LabelTable | None = None
    command: str = ""
    adaptation: AdaptationSettings | None = None
    out: Path | None = None
    force: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.control and not self.recipe.init_from_teacher:
            raise SettingsError(
                "--control separates the gain of the teacher's weights from that of the losses, but the recipe starts from "
                "random weights: give --set init_from_teacher=true, or omit --control."
            )

    def to_json(self) -> dict[str, Any]:
        """Return the request as plain JSON values."""
        return {
            **asdict(self),
            "data": str(self.data.resolve()),
            "recipe": self.recipe.to_json(),
            "labels": self.labels.to_json() if self.labels else None,
            **{name: _absolute(getattr(self, name)) for name in ("teacher", "start", "out")},
            "adaptation": self.adaptation.to_json() if self.adaptation else None,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a request from :meth:`to_json` output; values not written by older versions take their defaults.

        Removed values of its recipe are replaced by the closest ones, so that finished runs stay readable; see
        :func:`~kdnet.schema.former_names.removed_values`.

        Raises:
            KeyError, SettingsError: on invalid content.
        """
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in current_study(content).items() if name in known}
        return parse_dataclass(cls, {**values, "recipe": readable_recipe(values["recipe"])})


def _absolute(path: Path | None) -> str | None:
    return str(path.resolve()) if path else None


def study_options(args: Any) -> StudyOptions:
    """Create options from the arguments of a parser with :func:`~kdnet.schema.options.add_options`."""
    return from_args(StudyOptions, args)


def command_text(arguments: Sequence[str]) -> str:
    """Return a ``kdnet`` command as one line for a POSIX shell."""
    return shlex.join(["kdnet", *arguments])


def recipe_setting(text: str) -> tuple[str, str]:
    """Read a value of ``--set``, as in ``"distillation.gamma=0.5"``.

    Raises:
        SettingsError: if it is not of that form.
    """
    name, separator, value = text.partition("=")
    if not separator:
        raise SettingsError(f'"{text}" is not a setting: write it as name=value.')
    return name, value
