"""Recognize image files that are not scans by name: labelmaps, masks, probability maps, and results of earlier runs."""

from __future__ import annotations

import re

# endings of a name's last word that only labelmaps and maps have; "seg" alone also ends data set names (MSSEG)
LAST_WORD = re.compile(
    r"(segs?|[ad]seg|probseg|[gcp]tv|wmparc|segmentierung|.*segmentations?|.*segmented|.*labels?|.*labelmaps?|.*masks?|.*contours?"
    r"|rois?|gt|groundtruth|.*annotations?|pred|preds|truth|.*predictions?|prob|probs|.*probabilit(y|ies)|percent|.*uncertainty)"
)
# words that identify a labelmap or map anywhere in the name
ANY_WORD = re.compile(r"d?seg|probseg|segmentations?|labelmap|labels?|mask|percent|probabilit(y|ies)|uncertainty")
# suffixes that people and programs append to a name without changing what the file is
APPENDED = re.compile(
    r"\(?\d+\)?|v\d+|final|new|old|edit|edited|correct|corrected|manual|auto|copy|kdnet|bin|binary|resampled|reviewed|expert"
)
MODALITY_WORD = re.compile(r"t1|t1w|t1c|t1ce|t1n|t1gd|t2|t2w|t2f|flair|pd|pdw|adc|dwi|swi")
RESULT = re.compile(r".*_(seg|percent)(_kdnet)?", re.IGNORECASE)  # names of files that kdnet writes


def is_no_scan(stem: str, modalities: tuple[str, ...] = ()) -> bool:
    """Check whether a file with this name (without its suffix) is a labelmap, mask or map rather than a scan.

    Args:
        stem: file name without folder and suffix.
        modalities: modalities of the model, with which scan names may end.

    Example:
        >>> is_no_scan("Segmentation.seg"), is_no_scan("brainmask"), is_no_scan("P1_t1ce")
        (True, True, False)
    """
    if RESULT.fullmatch(stem):
        return True
    words = _words(stem)
    while len(words) > 1 and APPENDED.fullmatch(words[-1]):
        words.pop()
    if not words:
        return False
    last = re.sub(r"\d+$", "", words[-1]) or words[-1]
    telling = [word for word in words if ANY_WORD.fullmatch(word)]
    if words[-1] in {name.lower() for name in modalities} or MODALITY_WORD.fullmatch(words[-1]):
        # "P1_mask_t1ce" was drawn on the scan "P1_t1ce"; "MR-SEG-007_t1ce" is a scan from a data set
        return words[-2:-1] == ["seg"] or any(word != "seg" for word in telling)
    return bool(telling) or LAST_WORD.fullmatch(last) is not None


def _words(stem: str) -> list[str]:
    """Return the words of a name in lower case; a capital after a lowercase letter starts a new word."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", stem)
    return [word for word in re.split(r"[\s_.,;+\-\[\]%=]+", spaced.lower()) if word]
