"""How images become what a network sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from kdnet.json_schema import parse_dataclass
from kdnet.schema.bounds import check_grid


class Intensities(StrEnum):
    """How intensities are normalized.

    ``patient`` is a z-score over the patient, and 0 outside. It suits brains without skull, whose background is known.
    ``range`` maps the darkest hundredth to 0 and the brightest to 1, and tells nothing apart: in a whole head, skull and
    fluid can be as dark as air, and the dark rim around the brain is what shows where it ends.
    """

    PATIENT = "patient"
    RANGE = "range"


@dataclass(frozen=True)
class Preprocessing:
    """Settings that a model file stores, because a network only understands volumes prepared as in its training.

    Attributes:
        spacing: of the network's grid in mm, along the axes closest to right, anterior and superior.
        margin: kept around the head, in mm.
        intensities: how they are normalized.
    """

    spacing: tuple[float, float, float]
    margin: float = 4.0
    intensities: Intensities = Intensities.PATIENT

    def __post_init__(self) -> None:
        check_grid(self.spacing, self.margin)

    def to_json(self) -> dict[str, Any]:
        """The settings as plain JSON values.

        The usual intensities are left out, so that model files and caches stay what they were before there was a choice.
        """
        content = {**asdict(self), "spacing": list(self.spacing)}
        if self.intensities is Intensities.PATIENT:
            del content["intensities"]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; raises SettingsError on foreign content."""
        return parse_dataclass(cls, content)
