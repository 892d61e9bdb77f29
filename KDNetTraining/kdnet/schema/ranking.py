"""A ranked scan, as ``kdnet rank --json`` prints it and the panel reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from kdnet.json_schema import parse_dataclass


@dataclass(frozen=True)
class Ranked:
    """A scan with the uncertainty of its segmentation.

    Attributes:
        name: name of the case.
        uncertainty: 0 (certain) to 1, mean over regions; None if it could not be segmented.
        regions: uncertainty of each region.
        problem: why it could not be segmented, in a sentence.
        files: one file per modality, in the model's order, or the folder of a DICOM series.
    """

    name: str
    uncertainty: float | None
    regions: Mapping[str, float] = field(default_factory=dict)
    problem: str = ""
    files: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the scan as plain JSON values."""
        return {**asdict(self), "files": [str(path) for path in self.files]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a scan from :meth:`to_json` output; raises SettingsError on invalid content."""
        return parse_dataclass(cls, content)
