"""What came out of a run, as ``kdnet results`` tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEAN = "mean"


@dataclass(frozen=True)
class Comparison:
    """A student against its baseline and its teacher in one region.

    Attributes:
        region: name, or ``"mean"``.
        teacher, baseline, student: mean Dice; None where not scored.
        difference: student minus baseline with its 95 % interval.
        p: of the signed-rank test.
        recovery: share of the distance from baseline to teacher; None where there is none.
        cases: number of pairs.
        no_recovery: why there is none.
    """

    region: str
    teacher: float | None
    baseline: float
    student: float
    difference: tuple[float, float, float]
    p: float
    recovery: float | None
    cases: int
    no_recovery: str = ""


@dataclass(frozen=True)
class CaseResult:
    """A test case.

    Attributes:
        case: its name.
        dice: mean over regions of each role that was scored.
        labelmaps: files of the segmentations by role.
    """

    case: str
    dice: Mapping[str, float]
    labelmaps: Mapping[str, Path]


@dataclass(frozen=True)
class StudentResult:
    """One student of a run.

    Attributes:
        modalities: that it sees, joined by ``"+"``.
        model: its model file, of the first fold and seed; None while there is none.
        comparisons: by region, their mean last.
        cases: that it was tested on.
    """

    modalities: str
    model: Path | None
    comparisons: tuple[Comparison, ...]
    cases: tuple[CaseResult, ...]

    def beaten(self) -> tuple[str, ...]:
        """Regions in which the student is not better than its baseline on average."""
        return tuple(item.region for item in self.comparisons if item.region != MEAN and item.difference[0] <= 0)


@dataclass(frozen=True)
class Results:
    """All of a run.

    Attributes:
        data: the data folder.
        labels: label table as JSON values.
        students: in the order of the study.
        report: the HTML report; None while there is none.
        missing: networks without scores.
    """

    data: Path
    labels: Mapping[str, Any]
    students: tuple[StudentResult, ...]
    report: Path | None = None
    missing: Sequence[str] = field(default_factory=tuple)

    @property
    def student(self) -> StudentResult:
        """The first student."""
        return self.students[0]

    def worst(self, student: int = 0) -> tuple[CaseResult, ...]:
        """The cases of a student, those that it segments worst first."""
        return tuple(sorted(self.students[student].cases, key=lambda item: item.dice.get("student", 1.0)))


def read_results(content: Mapping[str, Any]) -> Results:
    """What ``kdnet results RUN --json`` printed."""
    return Results(
        data=Path(content["data"]),
        labels=content["labels"] or {},
        students=tuple(_student(item) for item in content["students"]),
        report=_path(content["report"]),
        missing=tuple(content["missing"]),
    )


def _student(item: Mapping[str, Any]) -> StudentResult:
    cases = (
        CaseResult(case["case"], case["dice"], {role: Path(path) for role, path in case["labelmaps"].items()})
        for case in item["cases"]
    )
    comparisons = tuple(_comparison(row) for row in item["comparisons"])
    return StudentResult(item["modalities"], _path(item["model"]), comparisons, tuple(cases))


def _comparison(row: Mapping[str, Any]) -> Comparison:
    difference, recovery = row["difference"], row["recovery"]
    return Comparison(
        region=row["region"],
        teacher=row["teacher"],
        baseline=row["baseline"],
        student=row["student"],
        difference=(difference["value"], difference["low"], difference["high"]),
        p=row["p"],
        recovery=recovery["value"] if recovery else None,
        cases=row["cases"],
        no_recovery=row["no_recovery"],
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
