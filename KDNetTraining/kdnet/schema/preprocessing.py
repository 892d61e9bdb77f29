"""Preprocessing of images into network inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from kdnet.json_schema import parse_dataclass
from kdnet.schema.bounds import check_grid


class Intensities(StrEnum):
    """Intensity normalization.

    ``patient`` is a z-score over the patient, with 0 outside. It suits skull-stripped brains, whose background is known.
    ``range`` maps the 1st percentile to 0 and the 99th to 1, with no foreground mask: in a whole head, skull and
    fluid can be as dark as air, and the dark rim around the brain marks its boundary.
    """

    PATIENT = "patient"
    RANGE = "range"


@dataclass(frozen=True)
class Preprocessing:
    """Settings stored in a model file, because a network requires volumes preprocessed as in training.

    Attributes:
        spacing: spacing of the network's grid in mm, along the axes closest to right, anterior and superior.
        margin: margin around the head in mm.
        intensities: intensity normalization.
    """

    spacing: tuple[float, float, float]
    margin: float = 4.0
    intensities: Intensities = Intensities.PATIENT

    def __post_init__(self) -> None:
        check_grid(self.spacing, self.margin)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values.

        The default intensities are omitted, so that model files and caches match those of versions without this choice.
        """
        content = {**asdict(self), "spacing": list(self.spacing)}
        if self.intensities is Intensities.PATIENT:
            del content["intensities"]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create settings from :meth:`to_json` output; raises SettingsError on invalid content."""
        return parse_dataclass(cls, content)
