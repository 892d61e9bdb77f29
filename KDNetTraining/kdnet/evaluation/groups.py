"""Results per group of cases, such as their site, and on cases without a region (docs/method.md section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kdnet.evaluation.statistics import summarize
from kdnet.schema.network_id import Role
from kdnet.schema.results import Empty, Score, StudySummary


@dataclass(frozen=True)
class AbsentRegion:
    """What a network does where the reference lacks a region.

    Attributes:
        role: role of the network.
        modalities: input modalities.
        region: name of the region.
        scored: number of segmentations whose reference lacks the region (cases times seeds).
        empty: how many of them lack it too.
    """

    role: Role
    modalities: str
    region: str
    scored: int
    empty: int


def summarize_groups(
    scores: Sequence[Score], groups: Mapping[str, str], patients: Mapping[str, str] | None = None
) -> dict[str, StudySummary]:
    """Summarize the scores of each group of cases on its own, in alphabetical order of the groups.

    Args:
        scores: scores of all networks.
        groups: case to group; cases without a group are in none of the summaries.
        patients: case to patient; a case without an entry is its own patient.
    """
    members: dict[str, list[Score]] = {}
    for score in scores:
        if score.case in groups:
            members.setdefault(groups[score.case], []).append(score)
    return {group: summarize(members[group], patients=patients) for group in sorted(members)}


def absent_regions(scores: Sequence[Score]) -> Iterator[AbsentRegion]:
    """Yield, per network and region, how often an absent region was left empty; nothing where no reference lacks one.

    Scores of older versions, which do not record what is empty, are left out.
    """
    found: dict[tuple[Role, str, str], list[bool]] = {}
    for score in scores:
        if score.empty in (Empty.REFERENCE, Empty.BOTH):
            cells = found.setdefault((score.role, score.modalities, score.region), [])
            cells.append(score.empty == Empty.BOTH)
    for (role, modalities, region), cells in found.items():
        yield AbsentRegion(role, modalities, region, len(cells), sum(cells))
