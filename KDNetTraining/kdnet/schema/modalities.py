"""MR modalities: their names in files, in the user interface and in series descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kdnet.schema.series_names import guess_modality

MODALITIES = ("t1", "t1ce", "t2", "flair")

ANY_SEQUENCE = "mr"  # for a model that accepts any of them, and proton density

_DISPLAY_NAMES = {"t1": "T1", "t1ce": "T1ce", "t2": "T2", "flair": "FLAIR", ANY_SEQUENCE: "MR"}

REFERENCE = "reference"

_AGENT = r"(?:gd|gad|gado|gadolinium|km)"

_CONTRAST = rf"(?:c|ce|{_AGENT}|enhanced|contrast|(?:post|with)(?:-?(?:contrast|{_AGENT}))?)"

_NATIVE = r"(?:n|pre|native?|(?:pre|non|no|without)-?contrast|unenhanced|non-?enhanced)"

_WEIGHTED = r"-?(?:w|wi|weighted)"

_SPELLINGS = {
    "flair": rf"(?:t2f|(?:t2(?:{_WEIGHTED})?-?)?flair)",
    "t1ce": rf"t1(?:{_WEIGHTED})?-?{_CONTRAST}",
    "t1": rf"t1(?:{_WEIGHTED})?(?:-?{_NATIVE})?",
    "t2": rf"t2(?:{_WEIGHTED})?",
    REFERENCE: r"(?:seg|segm|dseg|gtv|(?:tumou?r|lesion)-(?:seg|segmentation|mask))",
}

_PARTS = {part: re.compile(pattern, re.IGNORECASE) for part, pattern in _SPELLINGS.items()}

_MOST_WORDS = 4  # in the longest spelling, "t1-weighted-post-contrast"

_BIDS_ENTITY = re.compile(r"(?P<key>[a-zA-Z]+)-(?P<value>[a-zA-Z0-9.+]+)")

_BIDS_CASE = ("sub", "ses")  # the other entities describe the acquisition, not the subject


@dataclass(frozen=True)
class FilePart:
    """The case and modality that an image file name encodes.

    Attributes:
        case: the case of the file; empty if the name is only a modality (``t1ce.nii.gz``).
        part: one of :data:`MODALITIES`, or :data:`REFERENCE` for the expert segmentation.
    """

    case: str
    part: str


def display_name(modality: str) -> str:
    """Return the name of a modality as clinicians write it; a modality of another data set keeps its own name.

    Example:
        >>> display_name("t1ce"), display_name("flair"), display_name("adc")
        ('T1ce', 'FLAIR', 'adc')
    """
    return _DISPLAY_NAMES.get(modality, modality)


def format_modalities(modalities: Iterable[str]) -> str:
    """Join the display names of modalities.

    Example:
        >>> format_modalities(["t1", "t1ce"])
        'T1 + T1ce'
    """
    return " + ".join(map(display_name, modalities))


def file_part(stem: str) -> FilePart | None:
    """Split a file name without its suffix into case and modality.

    Args:
        stem: for example ``"BraTS-GLI-00001-000-t1c"`` or ``"sub-01_ce-gadolinium_T1w"``.

    Returns:
        None if the name does not end in a known spelling of a modality or reference.

    Example:
        >>> file_part("sub-01_ses-2_acq-mprage_ce-gadolinium_T1w")
        FilePart(case='sub-01_ses-2', part='t1ce')
        >>> file_part("P1_t2f")
        FilePart(case='P1', part='flair')
    """
    if stem.lower().startswith("sub-") and (found := _bids_part(stem)) is not None:
        return found
    cuts = [match.start() for match in re.finditer("[_-]", stem)]
    starts = [-1, *cuts][-_MOST_WORDS:]
    for start in starts:  # longest ending first: "T2-FLAIR" is not "FLAIR" of a case named "..._T2"
        ending = stem[start + 1 :].replace("_", "-")
        for part, pattern in _PARTS.items():
            if pattern.fullmatch(ending):
                return FilePart(stem[: max(start, 0)], part)
    return None


def spelled_modality(name: str) -> str:
    """Return the modality that ``name`` is a known spelling of, as in data set channel names; empty otherwise."""
    ending = re.sub(r"[\s_-]+", "-", name.strip())
    return next((part for part, pattern in _PARTS.items() if part != REFERENCE and pattern.fullmatch(ending)), "")


def channel_modality(name: str) -> str:
    """Return the modality of a channel by its spelling, else by its words; empty if it is not one of the four."""
    return spelled_modality(name) or guess_modality(name)


def _bids_part(stem: str) -> FilePart | None:
    """Parse a BIDS name, which may have entities between subject and suffix; None if the suffix is unknown."""
    *fields, suffix = stem.split("_")
    entities = [_BIDS_ENTITY.fullmatch(field) for field in fields]
    if not all(entities):
        return None
    pairs = [(match["key"].lower(), match["value"]) for match in entities if match is not None]
    values = dict(pairs)
    if re.fullmatch("seg|dseg|mask", suffix, re.IGNORECASE) and "brain" not in stem.lower():
        part = REFERENCE
    elif re.fullmatch("t1w?|t2w?|flair|t1c|t1ce|t1gd", suffix, re.IGNORECASE):
        agent = "" if values.get("ce", "none").lower() in ("none", "no", "pre") else "contrast"
        part = guess_modality(" ".join((values.get("acq", ""), suffix, agent))) or spelled_modality(suffix)
    else:
        return None
    case = "_".join(f"{key}-{value}" for key, value in pairs if key in _BIDS_CASE)
    return FilePart(case, part) if part else None
