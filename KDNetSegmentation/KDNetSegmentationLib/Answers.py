"""What the worker answers, as JSON objects; see ``kdnet.segmentation.worker_tasks``."""

from __future__ import annotations

from typing import TypedDict


class Amount(TypedDict):
    """The volume of a label or region."""

    name: str
    milliliters: float


class CaseOutcome(TypedDict):
    """The outcome of a case of a batch.

    ``state`` is ``"segmented"``, ``"done before"``, ``"failed"`` or ``"skipped"``; ``labelmap`` is the path of the file
    that was written, or empty; ``scan`` is the path of the segmented file, or the folder of a DICOM series, or empty;
    ``brain`` describes how the brain was extracted.
    """

    name: str
    state: str
    labelmap: str
    scan: str
    amounts: list[Amount]
    error: str
    warnings: list[str]
    brain: str


class RegionScore(TypedDict):
    """The agreement of a segmentation with its reference in a region.

    ``hd95`` is in mm; ``empty`` is ``"neither"``, ``"both"``, ``"prediction"`` or ``"reference"``.
    """

    region: str
    dice: float
    hd95: float
    empty: str
