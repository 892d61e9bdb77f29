"""What ``kdnet prepare`` is asked for, and how it reports its progress.

Standard library only, because the training panel starts the command and reads its lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from kdnet.errors import SettingsError
from kdnet.schema.modalities import MODALITIES, channel_modality

AUTO = "auto"
FINEST_MM, COARSEST_MM = 0.3, 5.0
BRAIN_CHOICES = ("automatic", "student", "none")


@dataclass(frozen=True)
class CurationSettings:
    """How studies become cases.

    Attributes:
        modalities: those that each case must have.
        reference: modality whose grid all scans are resampled to; ``"auto"`` takes the scan on which the expert
            segmentation was drawn, or else the finest.
        spacing: edge of the voxels in mm; 0 keeps those of the reference.
        brain: brain extraction: ``automatic`` where a scan shows a skull, ``student`` always, ``none`` never.
        force: whether implausible scans are prepared with a warning instead of refused.

    Raises:
        SettingsError: naming the value that is not valid.
    """

    modalities: tuple[str, ...] = MODALITIES
    reference: str = AUTO
    spacing: float = 0.0
    brain: str = BRAIN_CHOICES[0]
    force: bool = False

    def __post_init__(self) -> None:
        unknown = [name for name in self.modalities if name not in MODALITIES]
        if unknown or not self.modalities or len(set(self.modalities)) < len(self.modalities):
            raise SettingsError(f'--modalities is "{",".join(self.modalities)}": give some of {",".join(MODALITIES)}.')
        if self.reference != AUTO and self.reference not in self.modalities:
            raise SettingsError(f'--reference is "{self.reference}": give auto, or one of {",".join(self.modalities)}.')
        if self.spacing and not FINEST_MM <= self.spacing <= COARSEST_MM:
            raise SettingsError(f"--spacing is {self.spacing:g} mm: give {FINEST_MM:g} to {COARSEST_MM:g} mm.")
        if self.brain not in BRAIN_CHOICES:
            raise SettingsError(f'--brain is "{self.brain}": give {", ".join(BRAIN_CHOICES)}.')

    @classmethod
    def parse_modalities(cls, text: str) -> tuple[str, ...]:
        """Parse ``--modalities``; names that are not known are kept, for the message that refuses them.

        Example:
            >>> CurationSettings.parse_modalities("T1, T1c,FLAIR")
            ('t1', 't1ce', 'flair')
        """
        names = [part.strip() for part in text.split(",") if part.strip()]
        return tuple(channel_modality(name) or name for name in names)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON; they decide whether a case has to be prepared again."""
        return {**asdict(self), "modalities": list(self.modalities)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CurationSettings:
        """Read what :meth:`to_json` returned.

        Raises:
            SettingsError, KeyError, TypeError: if it is something else.
        """
        return cls(**{**content, "modalities": tuple(content["modalities"])})


@dataclass(frozen=True)
class CurationProgress:
    """How far the preparation of a folder is.

    Attributes:
        total: number of cases; 0 while the folder is being searched.
        done: cases that are prepared, or could not be.
        failed: cases that could not be prepared.
        files: files that have been looked at.
        case: the case that was finished last; empty before the first.
        reason: why it could not be prepared; empty if it was.
        seconds_left: expected remaining time; None if unknown.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    files: int = 0
    case: str = ""
    reason: str = ""
    seconds_left: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the progress as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CurationProgress:
        """Read a line of ``kdnet prepare --jsonl``.

        Raises:
            KeyError, TypeError, ValueError: if it is not one.
        """
        values = {field.name: content[field.name] for field in fields(cls)}
        left = values.pop("seconds_left")
        numbers = {name: int(values[name]) for name in ("total", "done", "failed", "files")}
        return cls(
            **numbers,
            case=str(values["case"]),
            reason=str(values["reason"]),
            seconds_left=None if left is None else float(left),
        )
