"""The options of ``kdnet adapt``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from kdnet.errors import SettingsError
from kdnet.schema.adaptation import MOST_FOLDS
from kdnet.schema.labels_option import LABELS_HELP
from kdnet.schema.options import DEVICES, described, option, to_argv
from kdnet.schema.study_request import MOST_MINUTES, MOST_THREADS, recipe_setting

ADAPT_GROUPS = ("cases", "training", "computer")


@dataclass(frozen=True)
class AdaptOptions:
    """An adaptation as it is requested on the command line or in a panel.

    Attributes:
        model: model file to adapt.
        collection: corrected cases: a collection, or any data folder.
        out: model file to write.
        old: data folder of earlier cases with labels, which are trained on too.
        unlabeled: folder of scans without labels, on which the model before the adaptation teaches.
        labels: as in a study.
        excluded: names of cases to exclude.
        minutes: time limit; it shortens the training only.
        steps: optimization steps, 0 to choose them by the number of cases.
        fold_count: number of groups of patients to test on, 0 to choose it by their number.
        settings: values of the model's recipe to change.
        force: whether to write a model that is not better than before, or cannot be tested.
        device: name of the compute device.
        threads: number of CPU threads, 0 for all cores.

    Raises:
        SettingsError: for a value out of range.
    """

    model: Path = field(metadata=described("model", help="model file to adapt", metavar="MODEL", parse=Path))
    collection: Path = field(
        metadata=described(
            "collection",
            help="corrected cases: a collection, or a data folder as for kdnet study",
            metavar="COLLECTION",
            parse=Path,
        )
    )
    out: Path = field(metadata=described("--out", short="-o", help="model file to write", metavar="FILE", parse=Path))
    _: KW_ONLY
    old: Path | None = option(
        "--old",
        help="data folder of earlier cases, to train on too and to test what is forgotten",
        default=None,
        group="cases",
        metavar="DATA",
        parse=Path,
    )
    unlabeled: Path | None = option(
        "--unlabeled",
        help="folder of scans without segmentation, on which the model should stay as it is",
        default=None,
        group="cases",
        metavar="FOLDER",
        parse=Path,
    )
    labels: str = option("--labels", help=LABELS_HELP, default="auto", group="cases", metavar="LABELS")
    excluded: tuple[str, ...] = option(
        "--exclude", help="case to exclude; repeatable", default=(), group="cases", metavar="CASE", repeated=True
    )
    minutes: float = option(
        "--minutes",
        help="time limit; fewer steps are trained if they take longer",
        default=0.0,
        group="training",
        metavar="N",
        parse=float,
        text="{:g}".format,
    )
    steps: int = option(
        "--steps",
        help="training steps (default: by the number of cases)",
        default=0,
        group="training",
        metavar="N",
        parse=int,
    )
    fold_count: int = option(
        "--fold-count",
        help=f"groups of patients that are tested in turn (default: one per patient, at most {MOST_FOLDS})",
        default=0,
        group="training",
        metavar="N",
        parse=int,
    )
    settings: Mapping[str, object] = option(
        "--set",
        help="change a setting of the model's recipe, as in learning_rate=1e-4; repeatable",
        default={},
        group="training",
        metavar="NAME=VALUE",
        text=lambda pair: f"{pair[0]}={pair[1] if isinstance(pair[1], str) else json.dumps(pair[1])}",
        items=lambda settings: tuple(settings.items()),
        repeated=True,
        collect=lambda texts: dict(recipe_setting(text) for text in texts),
    )
    force: bool = option(
        "--force",
        help="write the model even if it is not better than before, or cannot be tested",
        default=False,
        group="training",
        switch=True,
    )
    device: str = option("--device", help=f"{DEVICES} (default: auto)", default="auto", group="computer", metavar="DEVICE")
    threads: int = option(
        "--threads", help="CPU threads (default: all cores)", default=0, group="computer", metavar="N", parse=int
    )

    def __post_init__(self) -> None:
        if not 0 <= self.minutes <= MOST_MINUTES:
            raise SettingsError(f"--minutes is {self.minutes:g}: give a positive number, at most {MOST_MINUTES}.")
        if self.steps < 0:
            raise SettingsError(f"--steps is {self.steps}: give a positive number.")
        if self.fold_count and self.fold_count < 2:
            raise SettingsError(f"--fold-count is {self.fold_count}: give at least 2, one to test while others train.")
        if not 0 <= self.threads <= MOST_THREADS:
            raise SettingsError(f"--threads is {self.threads}: give a number from 1 to {MOST_THREADS}, or 0 for all cores.")
        if self.out.resolve() == self.model.resolve():
            raise SettingsError(f"{self.out} is the model to adapt: choose another file for the adapted one.")

    def arguments(self) -> list[str]:
        """Return the arguments of ``kdnet``; defaults are left out."""
        return ["adapt", *to_argv(self, ADAPT_GROUPS)]
