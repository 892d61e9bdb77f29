"""Options, progress and volumes of a segmentation, as command line, panel and worker exchange them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from kdnet.errors import SettingsError
from kdnet.json_schema import parse_dataclass
from kdnet.schema.former_names import current_name
from kdnet.schema.options import DEVICES, option

WORKER_IDLE_SECONDS = 900.0
"""How long the worker waits for a request before it exits, which frees its memory."""

GROUPS = ("output", "brain extraction", "preparation", "computer")
"""Headings of the options in the help of ``kdnet segment``."""


@dataclass(frozen=True)
class SegmentationOptions:
    """How to segment. A new option is a field here: command line, worker and panel take it from its field.

    Attributes:
        probabilities: also return a map in percent per region.
        min_component: connected components of the labelmap smaller than this volume in mm³ are removed.
        keep_doubtful: keep lesions about which the model is rarely right, by its card.
        overwrite: segment finished cases of a folder again; manually corrected labelmaps are kept.
        brain: ``"automatic"``, ``"student"``, ``"hd-bet"``, ``"none"``, or a mask file.
        save_brain: also return the mask of the extracted brain.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
        tta: test-time augmentation: average the predictions of eight mirrored images; eight times slower, slightly better.
        shading: when to correct shading: ``"automatic"``, ``"off"`` or ``"on"``.
        save_transforms: also write the transforms of scans that were registered to the first.
        force: segment scans that are probably not MR of an adult's brain, with a warning.

    Raises:
        SettingsError: for a volume that is negative or not finite.
    """

    probabilities: bool = option(
        "--probabilities", help="also write a map in percent per region", default=False, group="output", switch=True
    )
    min_component: float = option(
        "--min-component",
        help="remove connected components smaller than this",
        default=0.0,
        group="output",
        metavar="MM3",
        parse=float,
        text="{:g}".format,
    )
    keep_doubtful: bool = option(
        "--keep-doubtful",
        help="keep lesions about which the model is rarely right, by its card",
        default=False,
        group="output",
        switch=True,
    )
    overwrite: bool = option(
        "--overwrite",
        help="segment finished cases again; corrected files are kept",
        default=False,
        group="output",
        switch=True,
    )
    brain: str = option(
        "--brain",
        help="automatic (if the skull is visible), student or hd-bet (always), none, or a mask file (default: automatic)",
        default="automatic",
        group="brain extraction",
        metavar="HOW",
    )
    save_brain: bool = option(
        "--save-brain",
        help="also write the mask of the extracted brain",
        default=False,
        group="brain extraction",
        switch=True,
    )
    device: str = option("--device", help=f"{DEVICES} (default: auto)", default="auto", group="computer", metavar="DEVICE")
    tta: bool = option(
        "--tta",
        help="test-time augmentation: average 8 mirrored predictions",
        default=False,
        group="computer",
        switch=True,
    )
    shading: str = option(
        "--shading",
        help="correct shading: automatic (if it is strong and the brain is extracted), off, or on (default: automatic)",
        default="automatic",
        group="preparation",
        metavar="WHEN",
    )
    save_transforms: bool = option(
        "--save-transforms",
        help="also write the transforms of scans that were registered",
        default=False,
        group="preparation",
        switch=True,
    )
    force: bool = option(
        "--force",
        help="also segment scans that do not look like MR of an adult's brain",
        default=False,
        group="preparation",
        switch=True,
    )

    def __post_init__(self) -> None:
        if not 0 <= self.min_component < math.inf:
            raise SettingsError(f"--min-component is {self.min_component:g}: give 0 or a positive number of mm³.")

    def to_json(self) -> dict[str, Any]:
        """Return the options as plain JSON values, the part of a request to the worker that contains them."""
        return {item.name: getattr(self, item.name) for item in fields(SegmentationOptions)}

    @staticmethod
    def from_json(request: Mapping[str, Any]) -> SegmentationOptions:
        """Create options from a request; its other values are ignored, and omitted options take their defaults.

        Raises:
            SettingsError: naming an invalid value.
        """
        known = {item.name for item in fields(SegmentationOptions)}
        return parse_dataclass(SegmentationOptions, {name: request[name] for name in known & request.keys()})


class Stage(StrEnum):
    """The steps of a segmentation, in order."""

    BRAIN = "brain"
    REGISTRATION = "registration"
    SHADING = "shading"
    PREPARE = "prepare"
    FORWARD = "forward"
    LABEL = "label"


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` parts of a stage."""

    stage: Stage
    done: int
    total: int


ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True)
class RegionVolume:
    """The volume of a region in a labelmap."""

    name: str
    milliliters: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", current_name(self.name))
