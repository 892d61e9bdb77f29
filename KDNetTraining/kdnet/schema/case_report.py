"""What the inspection of a case found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CaseReport:
    """What the inspection of a case found.

    Attributes:
        name: of the case.
        modalities: that it has.
        shape, spacing, orientation: of its first readable volume.
        labels: values in its reference file, background left out.
        problems: sentences, each with its remedy; empty for a usable case.
        digests: modality to a digest of its voxels.
        lesions: number of connected parts of the reference, of any label.
        small_lesions: volumes in mm^3 of those up to 100 mm^3, smallest first, at most 1000 of them.
    """

    name: str
    modalities: tuple[str, ...]
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    orientation: str = ""
    labels: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    lesions: int = 0
    small_lesions: tuple[float, ...] = ()
