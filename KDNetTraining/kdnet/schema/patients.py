"""The patient of a case, derived from the naming schemes of public data sets."""

from __future__ import annotations

import re

_NUMBERED = r"(?P<patient>\D*\d.*?)"

_PATIENTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<patient>BraTS-[a-z]+(?:-RT)?-\d+)-\d+",  # BraTS-GLI-00001-100: the last number is the visit
        r"(?P<patient>UPENN-GBM-\d+)_\d+",
        r"(?P<patient>UCSF-[a-z]+-\d+)(?:_FU\d+\w*|_\d+)",
        r"(?P<patient>TCGA-[a-z0-9]{2}-[a-z0-9]{4})(?:[-_.].*)?",
        r"(?P<patient>sub-[a-z0-9]+)(?:_ses-[a-z0-9]+)?(?:_.*)?",
        r"(?P<patient>RHUH-\d+)[-_]\d+",
        r"(?P<patient>.+?)[-_](?:ses|session|visit|tp|timepoint|baseline|follow-?up|fu|week|month)[-_]?\d*(?:-\d+)?",
        # these also follow data set names ("glioma_scan_001"), so a patient number must precede them
        rf"{_NUMBERED}[-_](?:scan|mri|exam|study|time|day|v|t)[-_]?\d+",
        rf"{_NUMBERED}[-_](?:pre|post)(?:-?(?:op|rt|treatment))?",
        rf"{_NUMBERED}[-_](?:19|20)\d\d(?P<mark>[-.]?)(?:0[1-9]|1[0-2])(?P=mark)(?:0[1-9]|[12]\d|3[01])",
    )
)

_TCGA = re.compile(r"TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}", re.IGNORECASE)

_TCIA_VISIT = re.compile(r"(?P<patient>brats(?:\d+)_TCIA\d*_\d+)_\d+", re.IGNORECASE)


def patient_of(case: str) -> str:
    """Return the patient of a case, or the case name itself if it does not contain one.

    Example:
        >>> patient_of("BraTS-GLI-00001-101"), patient_of("Phantom_003")
        ('BraTS-GLI-00001', 'Phantom_003')
    """
    for pattern in (*_PATIENTS, _TCIA_VISIT):
        if match := pattern.fullmatch(case):
            return match["patient"]
    found = _TCGA.search(case)  # also within other names, such as Brats_TCGA-02-0006_1
    return found[0].upper() if found else case
