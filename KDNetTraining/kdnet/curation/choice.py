"""Choose the best series of each modality, and the scan on whose grid the case is prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdnet.curation.candidate import Candidate, coverage_mm
from kdnet.data.volumes.geometry import SAME_PLACE_MM
from kdnet.data.volumes.grid import Grid
from kdnet.errors import DataError
from kdnet.schema.modalities import display_name, format_modalities
from kdnet.schema.raw_studies import AUTO

ENOUGH_COVERAGE = 0.85  # of the largest; a thinner series that shows less of the head is not better
HEAD_MM = 150.0  # more coverage shows neck
FIRST = ("t1ce", "t1", "flair", "t2")  # as the reference where scans are equally fine


@dataclass(frozen=True, eq=False)
class Chosen:
    """The series of a case that are used.

    Attributes:
        scans: by modality.
        skipped: name of each other series, and why it is not used.
    """

    scans: Mapping[str, Candidate]
    skipped: tuple[tuple[str, str], ...]


def choose_series(candidates: Sequence[Candidate], modalities: Sequence[str], drawn: Candidate | None = None) -> Chosen:
    """Return the best series of each modality.

    The one on which the expert drew is the best of its modality. Otherwise, an original is better than a derived series;
    then coverage of the head, thin slices, fine pixels and a late acquisition count, in this order.

    Args:
        candidates: series of one case.
        modalities: those that are needed.
        drawn: the series on which the expert segmentation was drawn, if that is known.

    Raises:
        DataError: if there is none of a modality, with what there is instead.
    """
    scans: dict[str, Candidate] = {}
    skipped = [(item.name, item.why_not) for item in candidates if item.grid is None]
    usable = [item for item in candidates if item.grid is not None]
    for modality in modalities:
        best = _best([item for item in usable if item.modality == modality and drawn in (None, item)])
        best = best or _best([item for item in usable if item.modality == modality])
        if best is not None:
            scans[modality] = best
    for item in usable:
        best = scans.get(item.modality)
        if best is None:
            skipped.append((item.name, f"{display_name(item.modality)} is not needed"))
        elif best is not item:
            why = "has the segmentation" if best is drawn else f"is the better {display_name(item.modality)}"
            skipped.append((item.name, f"{best.name} {why}"))
    missing = [modality for modality in modalities if modality not in scans]
    if missing:
        raise DataError(_missing(missing, candidates))
    return Chosen(scans, tuple(skipped))


def _best(candidates: Sequence[Candidate]) -> Candidate | None:
    if not candidates:
        return None
    originals = [item for item in candidates if item.original] or candidates
    most = max(_coverage(item) for item in originals)
    return min((item for item in originals if _coverage(item) >= ENOUGH_COVERAGE * most), key=_rank)


def _coverage(candidate: Candidate) -> float:
    return min(HEAD_MM, coverage_mm(candidate.usable_grid))


def _rank(candidate: Candidate) -> tuple[float, float, int, str]:
    spacing = sorted(candidate.usable_grid.spacing)
    return round(spacing[2], 1), round(spacing[1], 1), -candidate.number, candidate.name


def _missing(missing: Sequence[str], candidates: Sequence[Candidate]) -> str:
    """Return which modality is missing, and the series that came closest to it."""
    near = [item for item in candidates if item.grid is None and (item.modality in missing or not item.modality)]
    near.sort(key=lambda item: item.modality not in missing)
    named = "; ".join(f"{item.name}: {item.why_not}" for item in near[:3])
    more = f"; and {len(near) - 3} others" if len(near) > 3 else ""
    text = f"no usable {format_modalities(missing).replace(' + ', ', ')} among {len(candidates)} series"
    return f"{text} ({named}{more})." if named else f"{text}: add it, or prepare fewer modalities (--modalities)."


def reference_modality(scans: Mapping[str, Candidate], asked: str, labels: Grid | None) -> str:
    """Return the modality whose grid the case gets.

    Args:
        scans: chosen series by modality.
        asked: ``"auto"`` or a modality.
        labels: grid of the expert segmentation, if there is one; ``"auto"`` takes the scan on which it was drawn.
    """
    if asked != AUTO:
        return asked
    order = [name for name in FIRST if name in scans]
    if labels is not None:
        for name in order:
            if scans[name].usable_grid.matches(labels, SAME_PLACE_MM):
                return name
    return min(order, key=lambda name: (round(max(scans[name].usable_grid.spacing)), order.index(name)))
