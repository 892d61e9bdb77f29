"""The results of a run so far, finished or not, as ``kdnet results`` reports them and the training panel reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from kdnet.json_schema import parse_dataclass
from kdnet.schema.adaptation import AdaptationResult
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.results import MEAN, Comparison, GainPart, NetworkSummary, Score


@dataclass(frozen=True)
class NetworkResult:
    """One network of a run.

    Attributes:
        network: its identity.
        model: its model file; None until it is trained.
        scored: whether it has been evaluated.
    """

    network: NetworkId
    model: Path | None
    scored: bool

    def to_json(self) -> dict[str, Any]:
        """Return the network as plain JSON values."""
        return {**self.network.to_json(), "model": _text(self.model), "scored": self.scored}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a network from :meth:`to_json` output."""
        return cls(NetworkId.from_json(content), _path(content["model"]), bool(content["scored"]))


@dataclass(frozen=True)
class CaseResult:
    """One test case of a student, with the networks it is compared with.

    Attributes:
        case: name of the case.
        fold: fold that tests it.
        dice: role to mean Dice over regions and seeds.
        regions: region to role to mean Dice over seeds.
        hd95: likewise, in mm.
        labelmaps: role to segmentation file, of the first seed.
    """

    case: str
    fold: int
    dice: Mapping[str, float]
    regions: Mapping[str, Mapping[str, float]]
    hd95: Mapping[str, Mapping[str, float]]
    labelmaps: Mapping[str, Path]

    @property
    def student_dice(self) -> float:
        """Mean Dice of the student; above all others if it was not scored."""
        return self.dice.get(Role.STUDENT.value, 2.0)

    def to_json(self) -> dict[str, Any]:
        """Return the case as plain JSON values."""
        return {**asdict(self), "labelmaps": {role: str(path) for role, path in self.labelmaps.items()}}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a case from :meth:`to_json` output."""
        return cls(
            case=str(content["case"]),
            fold=int(content["fold"]),
            dice=dict(content["dice"]),
            regions=dict(content["regions"]),
            hd95=dict(content["hd95"]),
            labelmaps={str(role): Path(path) for role, path in content["labelmaps"].items()},
        )


@dataclass(frozen=True)
class StudentResult:
    """One student of a run, over all folds and seeds.

    Attributes:
        modalities: its input modalities, in channel order.
        model: its model file: that trained on all cases, else that of the first fold and seed; None until there is one.
        comparisons: comparison with its baseline by region, the mean over regions last.
        cases: its test cases, those with the lowest Dice of the student first.
        gains: gain of the start and of the losses by region; empty without a control.
    """

    modalities: tuple[str, ...]
    model: Path | None
    comparisons: tuple[Comparison, ...]
    cases: tuple[CaseResult, ...]
    gains: tuple[GainPart, ...] = ()

    @property
    def key(self) -> str:
        """The modalities as one key, such as ``"t1+t2"``."""
        return "+".join(self.modalities)

    @property
    def mean(self) -> Comparison | None:
        """The comparison of the mean over regions; None without scores."""
        return next((row for row in self.comparisons if row.region == MEAN), None)

    def worse_regions(self) -> tuple[str, ...]:
        """Return the regions in which the student is not better than its baseline on average."""
        return tuple(row.region for row in self.comparisons if row.region != MEAN and row.difference.value <= 0)

    def to_json(self) -> dict[str, Any]:
        """Return the student as plain JSON values."""
        return {
            "modalities": self.key,
            "inputs": list(self.modalities),
            "model": _text(self.model),
            "comparisons": [asdict(row) for row in self.comparisons],
            "cases": [case.to_json() for case in self.cases],
            "gains": [asdict(row) for row in self.gains],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a student from :meth:`to_json` output."""
        return cls(
            modalities=tuple(map(str, content["inputs"])),
            model=_path(content["model"]),
            comparisons=tuple(parse_dataclass(Comparison, row) for row in content["comparisons"]),
            cases=tuple(CaseResult.from_json(case) for case in content["cases"]),
            gains=tuple(parse_dataclass(GainPart, row) for row in content.get("gains", ())),
        )


@dataclass(frozen=True)
class RunResults:
    """All results of a run so far.

    Attributes:
        data: data folder.
        data_there: whether the data folder exists.
        report: HTML report; None until there is one.
        labels: label table as JSON values (:class:`~kdnet.schema.labels.LabelTable`); empty while unknown.
        regions: names of the scored regions.
        recipe: name of the recipe.
        teacher: input modalities of the teacher.
        networks: all planned networks, in training order.
        summary: mean and standard deviation of Dice and HD95 by network and region.
        students: in the order of the study.
        scores: every score.
        files: test case to its images and reference; empty if the data folder is missing.
        adapts: whether the run is an adaptation: its baseline is the model before.
        adaptation: the result of the adaptation; None until it is finished.
    """

    data: Path
    data_there: bool = True
    report: Path | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    recipe: str = ""
    teacher: tuple[str, ...] = ()
    networks: tuple[NetworkResult, ...] = ()
    summary: tuple[NetworkSummary, ...] = ()
    students: tuple[StudentResult, ...] = ()
    scores: tuple[Score, ...] = ()
    files: Mapping[str, Any] = field(default_factory=dict)
    adapts: bool = False
    adaptation: AdaptationResult | None = None

    def offered(self, student: StudentResult) -> Path | None:
        """Return the model file of a student to offer to users; None if there is none.

        An adapted model is offered once it has been written, because it is better than before or was asked for anyway.
        """
        if not self.adapts:
            return student.model
        return self.adaptation.written if self.adaptation is not None else None

    @property
    def student(self) -> StudentResult:
        """The first student."""
        return self.students[0]

    @property
    def missing(self) -> tuple[NetworkId, ...]:
        """The networks that have not been evaluated."""
        return tuple(item.network for item in self.networks if not item.scored)

    def to_json(self) -> dict[str, Any]:
        """Return the results as plain JSON values, with ``missing``."""
        return {
            "data": str(self.data),
            "data_there": self.data_there,
            "report": _text(self.report),
            "labels": dict(self.labels) or None,
            "regions": list(self.regions),
            "recipe": self.recipe,
            "teacher": list(self.teacher),
            "missing": [network.to_json() for network in self.missing],
            "networks": [item.to_json() for item in self.networks],
            "summary": [asdict(row) for row in self.summary],
            "students": [student.to_json() for student in self.students],
            "scores": [asdict(score) for score in self.scores],
            "files": dict(self.files),
            "adapts": self.adapts,
            "adaptation": self.adaptation.to_json() if self.adaptation is not None else None,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create results from :meth:`to_json` output.

        Raises:
            KeyError, TypeError, ValueError, SettingsError: on invalid content.
        """
        return cls(
            data=Path(content["data"]),
            data_there=bool(content["data_there"]),
            report=_path(content["report"]),
            labels=dict(content["labels"] or {}),
            regions=tuple(map(str, content["regions"])),
            recipe=str(content["recipe"]),
            teacher=tuple(map(str, content["teacher"])),
            networks=tuple(NetworkResult.from_json(item) for item in content["networks"]),
            summary=tuple(parse_dataclass(NetworkSummary, row) for row in content["summary"]),
            students=tuple(StudentResult.from_json(item) for item in content["students"]),
            scores=tuple(parse_dataclass(Score, score) for score in content["scores"]),
            files=dict(content["files"]),
            adapts=bool(content.get("adapts", False)),
            adaptation=AdaptationResult.from_json(content["adaptation"]) if content.get("adaptation") else None,
        )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _text(path: Path | None) -> str | None:
    return str(path) if path is not None else None
