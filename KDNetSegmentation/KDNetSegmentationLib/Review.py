"""The review of a segmented folder: which case is looked at, and what was decided; without widgets.

Decisions are in ``review.csv`` in the folder of the labelmaps, so that a review continues after a restart.
"""

from __future__ import annotations

import csv
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kdnet.files import atomic_write

FILE = "review.csv"


class Decision(enum.Enum):
    """What was decided on a case."""

    NONE = ""
    ACCEPTED = "accepted"
    MARKED = "to correct"


@dataclass(frozen=True)
class ReviewCase:
    """A case with a labelmap to look at.

    Attributes:
        name: name of the case.
        scan: segmented file.
        labelmap: its labelmap.
    """

    name: str
    scan: Path
    labelmap: Path


class Review:
    """Goes through cases and records decisions.

    Args:
        folder: folder of the labelmaps.
        cases: cases in their order.
    """

    def __init__(self, folder: Path, cases: Sequence[ReviewCase]) -> None:
        self.folder, self.cases = folder, tuple(cases)
        self.index = -1  # of the case that is looked at
        self._decisions = _read(folder / FILE)

    @property
    def current(self) -> ReviewCase | None:
        """The case that is looked at; None before the first."""
        return self.cases[self.index] if 0 <= self.index < len(self.cases) else None

    def go(self, steps: int) -> ReviewCase | None:
        """Go forward, or back if ``steps`` is negative; return the case, or None if there is none."""
        target = self.index + steps if self.index >= 0 else 0
        if not 0 <= target < len(self.cases):
            return None
        self.index = target
        return self.current

    def decision(self, case: ReviewCase) -> Decision:
        """Return what was decided on a case."""
        return self._decisions.get(case.labelmap.name, Decision.NONE)

    def decide(self, decision: Decision) -> None:
        """Record a decision on the case that is looked at.

        Raises:
            KDNetError: if it cannot be written.
        """
        if self.current is None:
            return
        decisions = {**self._decisions, self.current.labelmap.name: decision}
        with atomic_write(self.folder / FILE) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["labelmap", "decision"])
            writer.writerows((name, each.value) for name, each in decisions.items() if each is not Decision.NONE)
        self._decisions = decisions

    def counts(self) -> tuple[int, int]:
        """Return how many cases were accepted, and how many are to be corrected."""
        made = [self.decision(case) for case in self.cases]
        return made.count(Decision.ACCEPTED), made.count(Decision.MARKED)


def _read(path: Path) -> dict[str, Decision]:
    """Return the decisions in a file; none if there is no such file or it has other columns."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = [(row.get("labelmap"), row.get("decision")) for row in csv.DictReader(stream)]
    except (OSError, ValueError, csv.Error):
        return {}
    known = {decision.value: decision for decision in Decision}
    return {name: known[text] for name, text in rows if name and text in known}
