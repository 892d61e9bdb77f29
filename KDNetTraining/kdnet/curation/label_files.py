"""Recognize expert segmentations by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from kdnet.schema.modalities import REFERENCE, file_part
from kdnet.segmentation.grouping import image_stem
from kdnet.segmentation.not_scans import is_no_scan

# words of labelmaps and maps that no expert has drawn, or that do not show the tumor
FOREIGN = re.compile(
    r"brain|skull|bet|hdbet|wmparc|aseg|aparc|probseg|[a-z]*prob\w*|percent|uncertainty|pred\w*|[gcw]m|csf|tissue"
    r"|kdnet|auto\w*|synthseg|robex|mask-?brain|brainmask|cortex|ventricles?"
)

# "P1_T1ce-2_tumor" was drawn on the scan "P1_T1ce-2"; "brain_tumor" may be a scan
OUTLINE = re.compile(
    r"(.*[\W_])?(t1|t1w|t1c|t1ce|t1gd|t2|t2w|flair)([-_]\d)?[-_](tumou?rs?|lesions?)([-_]\d)?", re.IGNORECASE
)


def is_label_name(stem: str) -> bool:
    """Check whether an image with this name is a labelmap, mask or map rather than a scan."""
    part = file_part(stem)
    return is_no_scan(stem) or (part is not None and part.part == REFERENCE) or OUTLINE.fullmatch(stem) is not None


def may_be_reference(path: Path) -> bool:
    """Check whether a labelmap may be an expert segmentation of a tumor, rather than a brain mask or a program's result.

    Example:
        >>> may_be_reference(Path("P1_seg.nii.gz")), may_be_reference(Path("P1_brain_mask.nii.gz"))
        (True, False)
    """
    return not any(FOREIGN.fullmatch(word) for word in re.split(r"[\W_]+", image_stem(path).lower()))


def references_of(labels: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the expert segmentations among labelmaps: those named as such (``seg``), or else all."""
    named = [path for path in labels if (part := file_part(image_stem(path))) is not None and part.part == REFERENCE]
    return tuple(named) or labels


def named_scan(label: str, scans: Iterable[str]) -> str:
    """Return the longest of the scans' stems after which a segmentation is named; empty if it is named after none.

    Example:
        >>> named_scan("P1_T1-2_seg", ["P1_T1", "P1_T1-2"]), named_scan("P1_seg", ["P1_T1"])
        ('P1_T1-2', '')
    """
    fitting = [stem for stem in scans if label.startswith(stem) and re.match(r"[\W_]", label[len(stem) :])]
    return max(fitting, key=len, default="")
