"""The results of a run, as reported by ``kdnet results``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdnet.schema.network_id import NetworkId

MEAN = "mean"


@dataclass(frozen=True)
class Comparison:
    """Comparison of a student with its baseline and teacher in one region.

    Attributes:
        region: region name, or ``"mean"``.
        teacher, baseline, student: mean Dice; None where not scored.
        difference: student minus baseline with its 95 % interval.
        p: p value of the signed-rank test.
        recovery: fraction of the gap from baseline to teacher; None if undefined.
        cases: number of pairs.
        no_recovery: why it is undefined.
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
        case: case name.
        dice: mean over regions for each role that was scored.
        labelmaps: segmentation files by role.
    """

    case: str
    dice: Mapping[str, float]
    labelmaps: Mapping[str, Path]


@dataclass(frozen=True)
class StudentResult:
    """One student of a run.

    Attributes:
        modalities: its input modalities, joined by ``"+"``.
        inputs: the same as a list, in channel order.
        model: its model file, from the first fold and seed; None until there is one.
        comparisons: by region, their mean last.
        cases: its test cases.
    """

    modalities: str
    model: Path | None
    comparisons: tuple[Comparison, ...]
    cases: tuple[CaseResult, ...]
    inputs: tuple[str, ...] = ()

    def worse_regions(self) -> tuple[str, ...]:
        """Return the regions in which the student is not better than its baseline on average."""
        return tuple(item.region for item in self.comparisons if item.region != MEAN and item.difference[0] <= 0)

    def worst(self) -> tuple[CaseResult, ...]:
        """Return the test cases, those with the lowest Dice of the student first."""
        return tuple(sorted(self.cases, key=lambda case: case.dice.get("student", 1.0)))


@dataclass(frozen=True)
class Results:
    """All results of a run.

    Attributes:
        data: data folder.
        labels: label table as JSON values.
        students: in the order of the study.
        report: HTML report; None until there is one.
        missing: networks without scores.
    """

    data: Path
    labels: Mapping[str, Any]
    students: tuple[StudentResult, ...]
    report: Path | None = None
    missing: Sequence[NetworkId] = field(default_factory=tuple)

    @property
    def student(self) -> StudentResult:
        """The first student."""
        return self.students[0]


def read_results(content: Mapping[str, Any]) -> Results:
    """Read the output of ``kdnet results RUN --json``."""
    return Results(
        data=Path(content["data"]),
        labels=content["labels"] or {},
        students=tuple(_student(item) for item in content["students"]),
        report=_path(content["report"]),
        missing=tuple(NetworkId.from_json(item) for item in content["missing"]),
    )


def _student(item: Mapping[str, Any]) -> StudentResult:
    cases = (
        CaseResult(case["case"], case["dice"], {role: Path(path) for role, path in case["labelmaps"].items()})
        for case in item["cases"]
    )
    comparisons = tuple(_comparison(row) for row in item["comparisons"])
    inputs = tuple(item["inputs"])
    return StudentResult(item["modalities"], _path(item["model"]), comparisons, tuple(cases), inputs)


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
