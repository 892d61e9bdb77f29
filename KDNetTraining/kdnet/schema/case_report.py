"""Findings of the inspection of a case."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CaseReport:
    """Findings of the inspection of a case.

    Attributes:
        name: name of the case.
        modalities: available modalities.
        shape, spacing, orientation: geometry of the first readable volume.
        labels: values in the reference file, excluding background.
        problems: one sentence per problem, each with a remedy; empty for a usable case.
        digests: digest of the voxels of each modality.
        lesions: number of connected components of the reference, over all labels.
        small_lesions: volumes of those up to 100 mm^3, in mm^3, in ascending order, at most 1000.
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
