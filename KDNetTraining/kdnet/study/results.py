"""Results of a run so far, as figures and files, whether or not it is finished."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kdnet.data.dataset import case_files
from kdnet.evaluation.pairing import per_case
from kdnet.evaluation.statistics import summarize
from kdnet.schema.adaptation import read_adaptation
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.patients import patient_of
from kdnet.schema.results import MEAN, Score, StudySummary
from kdnet.schema.run_results import CaseResult, NetworkResult, RunResults, StudentResult
from kdnet.study.reader import RunReader, open_readonly
from kdnet.study.scoring import prediction_path

Figures = dict[str, dict[str, dict[str, float]]]
"""Case to region to role to figure."""


def read_results(root: Path) -> RunResults:
    """Return the results of the run in ``root``.

    Raises:
        KDNetError: when there is no run, it is of a newer version, or its scores do not pair.
    """
    view = open_readonly(root)
    scores = view.scores()
    summary = summarize(scores, patients=_patients(view, scores)) if scores else StudySummary((), ())
    tested = {score.case for score in scores}
    cases = view.dataset.cases if view.dataset else ()
    return RunResults(
        data=view.request.data,
        data_there=view.dataset is not None,
        report=_existing(view.run.report / "report.html"),
        labels=view.labels.to_json() if view.labels else {},
        regions=tuple(dict.fromkeys(score.region for score in scores)),
        recipe=view.request.recipe.name,
        teacher=view.teacher_modalities,
        networks=tuple(_network(view, network) for network in view.networks),
        summary=summary.networks,
        students=tuple(_student(view, inputs, scores, summary) for inputs in _students(view)),
        scores=tuple(scores),
        files={case.name: case_files(case) for case in cases if case.name in tested},
        adapts=view.request.adaptation is not None,
        adaptation=read_adaptation(view.run.adaptation) if view.run.adaptation.exists() else None,
    )


def _patients(view: RunReader, scores: Sequence[Score]) -> dict[str, str]:
    """Return the patient of each scored case, from the data, or from case names if the data is missing."""
    known = view.dataset.patients if view.dataset else {}
    return {score.case: known.get(score.case) or patient_of(score.case) for score in scores}


def _students(view: RunReader) -> list[tuple[str, ...]]:
    """Return the input modalities of each student."""
    planned = [network.modalities for network in view.networks if network.role is Role.STUDENT]
    return list(dict.fromkeys(planned or view.request.students))


def _network(view: RunReader, network: NetworkId) -> NetworkResult:
    folder = view.folder(network)
    return NetworkResult(network, _existing(folder.model), folder.scores.exists())


def _student(view: RunReader, inputs: tuple[str, ...], scores: Sequence[Score], summary: StudySummary) -> StudentResult:
    own = [network for network in view.networks if network.role is Role.STUDENT and network.modalities == inputs]
    own.sort(key=lambda network: network.fold != ALL_CASES)
    models = (_existing(view.folder(network).model) for network in own)
    comparisons = tuple(row for row in summary.comparisons if row.modalities == "+".join(inputs))
    cases = _cases(view, inputs, scores, summary)
    gains = tuple(row for row in summary.gains if row.modalities == "+".join(inputs))
    return StudentResult(inputs, next(filter(None, models), None), comparisons, tuple(cases), gains)


def _cases(view: RunReader, inputs: tuple[str, ...], scores: Sequence[Score], summary: StudySummary) -> list[CaseResult]:
    """Return the test cases of a student, those with the lowest Dice of the student first."""
    networks = {Role.TEACHER: view.teacher_modalities, Role.BASELINE: inputs, Role.CONTROL: inputs, Role.STUDENT: inputs}
    regions = [*dict.fromkeys(row.region for row in summary.networks if row.region != MEAN), MEAN]
    dice: Figures = {}
    hd95: Figures = {}
    for role, modalities in networks.items():
        for region in regions:
            key = "+".join(modalities)
            for case, value in per_case(scores, role, key, region, lambda score: score.dice).items():
                dice.setdefault(case, {}).setdefault(region, {})[role.value] = value
            for case, value in per_case(scores, role, key, region, lambda score: score.hd95).items():
                hd95.setdefault(case, {}).setdefault(region, {})[role.value] = value
    folds = {score.case: score.fold for score in scores}
    rows = (
        CaseResult(
            case=case,
            fold=folds[case],
            dice=figures[MEAN],
            regions={region: values for region, values in figures.items() if region != MEAN},
            hd95={region: hd95[case][region] for region in figures if region != MEAN},
            labelmaps=_labelmaps(view, case, folds[case], networks),
        )
        for case, figures in dice.items()
    )
    return sorted(rows, key=lambda row: (row.student_dice, row.case))


def _labelmaps(view: RunReader, case: str, fold: int, networks: dict[Role, tuple[str, ...]]) -> dict[str, Path]:
    """Map each role to its segmentation of ``case`` for the first seed."""
    found: dict[str, Path] = {}
    for network in view.networks:
        if network.fold == fold and networks[network.role] == network.modalities and network.role.value not in found:
            path = _existing(prediction_path(view.folder(network), case))
            if path is not None:
                found[network.role.value] = path
    return found


def _existing(path: Path) -> Path | None:
    return path.resolve() if path.exists() else None
