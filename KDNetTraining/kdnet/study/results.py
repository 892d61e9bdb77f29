"""Results of a run so far, as figures and files, whether or not it is finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kdnet.data.dataset import case_files
from kdnet.evaluation.pairing import MEAN, per_case
from kdnet.evaluation.statistics import summarize
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.patients import patient_of
from kdnet.schema.results import Score, StudySummary
from kdnet.study.reader import RunReader, open_readonly
from kdnet.study.scoring import prediction_path


def read_results(root: Path) -> dict[str, Any]:
    """Return the results of the run in ``root`` as plain JSON values.

    - ``data``, ``data_there``, ``report`` (None if there is none yet), ``labels``, ``regions``, ``recipe``, ``teacher``
      (modalities), ``missing`` (identities of networks without scores, see ``networks``);
    - ``networks``: ``id`` (as on the command line), ``role``, ``modalities``, ``fold``, ``seed``, ``model`` (file or None),
      ``scored``;
    - ``summary``: mean and standard deviation of Dice and HD95 per network and region;
    - ``students``: per student ``modalities``, ``inputs`` (the same as a list), ``model`` (of all cases, else of the
      first fold and seed), ``comparisons`` by region with ``"mean"`` last
      (:class:`~kdnet.schema.results.Comparison`), and ``cases``, worst first by the student's mean Dice: ``case``,
      ``fold``, ``dice`` (role to the mean over regions and seeds), ``regions`` (region to role to Dice), ``hd95``
      likewise in mm, and ``labelmaps`` (role to file);
    - ``scores``: every score;
    - ``files``: test case to its images and reference; empty if the data folder is missing.

    Raises:
        KDNetError: when there is no run, it is of a newer version, or its scores do not pair.
    """
    view = open_readonly(root)
    scores = view.scores()
    summary = summarize(scores, patients=_patients(view, scores)) if scores else StudySummary((), ())
    report = view.run.report / "report.html"
    tested = {score.case for score in scores}
    cases = view.dataset.cases if view.dataset else ()
    return {
        "data": str(view.request.data),
        "data_there": view.dataset is not None,
        "report": str(report.resolve()) if report.exists() else None,
        "labels": view.labels.to_json() if view.labels else None,
        "regions": list(dict.fromkeys(score.region for score in scores)),
        "recipe": view.request.recipe.name,
        "teacher": list(view.teacher_modalities),
        "missing": [network.to_json() for network in view.networks if not view.folder(network).scores.exists()],
        "networks": [_network(view, network) for network in view.networks],
        "summary": [asdict(row) for row in summary.networks],
        "students": [_student(view, inputs, scores, summary) for inputs in _students(view)],
        "scores": [asdict(score) for score in scores],
        "files": {case.name: case_files(case) for case in cases if case.name in tested},
    }


def _patients(view: RunReader, scores: Sequence[Score]) -> dict[str, str]:
    """Return the patient of each scored case, from the data, or from case names if the data is missing."""
    known = view.dataset.patients if view.dataset else {}
    return {score.case: known.get(score.case) or patient_of(score.case) for score in scores}


def _students(view: RunReader) -> list[tuple[str, ...]]:
    """Return the input modalities of each student."""
    planned = [network.modalities for network in view.networks if network.role is Role.STUDENT]
    return list(dict.fromkeys(planned or view.request.students))


def _network(view: RunReader, network: NetworkId) -> dict[str, Any]:
    folder = view.folder(network)
    return {
        **network.to_json(),
        "model": _path(folder.model),
        "scored": folder.scores.exists(),
    }


def _student(view: RunReader, inputs: tuple[str, ...], scores: Sequence[Score], summary: StudySummary) -> dict[str, Any]:
    own = [network for network in view.networks if network.role is Role.STUDENT and network.modalities == inputs]
    modality_key = "+".join(inputs)
    own.sort(key=lambda network: network.fold != ALL_CASES)
    models = [path for network in own if (path := _path(view.folder(network).model))]
    return {
        "modalities": modality_key,
        "inputs": list(inputs),
        "model": models[0] if models else None,
        "comparisons": [asdict(row) for row in summary.comparisons if row.modalities == modality_key],
        "cases": _cases(view, modality_key, scores, summary),
    }


def _cases(view: RunReader, modality_key: str, scores: Sequence[Score], summary: StudySummary) -> list[dict[str, Any]]:
    teacher = "+".join(view.teacher_modalities)
    networks = {Role.TEACHER: teacher, Role.BASELINE: modality_key, Role.STUDENT: modality_key}
    regions = [*dict.fromkeys(row.region for row in summary.networks if row.region != MEAN), MEAN]
    dice: dict[str, dict[str, dict[str, float]]] = {}
    hd95: dict[str, dict[str, dict[str, float]]] = {}
    for role, modalities in networks.items():
        for region in regions:
            for case, value in per_case(scores, role, modalities, region, lambda score: score.dice).items():
                dice.setdefault(case, {}).setdefault(region, {})[role.value] = value
            for case, value in per_case(scores, role, modalities, region, lambda score: score.hd95).items():
                hd95.setdefault(case, {}).setdefault(region, {})[role.value] = value
    folds = {score.case: score.fold for score in scores}
    rows = [
        {
            "case": case,
            "fold": folds[case],
            "dice": figures.pop(MEAN),
            "regions": figures,
            "hd95": {region: hd95[case][region] for region in figures},
            "labelmaps": _labelmaps(view, case, folds[case], networks),
        }
        for case, figures in dice.items()
    ]
    return sorted(rows, key=lambda row: (row["dice"].get(Role.STUDENT.value, 2.0), row["case"]))


def _labelmaps(view: RunReader, case: str, fold: int, networks: dict[Role, str]) -> dict[str, str]:
    """Map each role to its segmentation of ``case`` for the first seed."""
    found: dict[str, str] = {}
    for network in view.networks:
        if network.fold == fold and networks[network.role] == network.modality_key and network.role.value not in found:
            path = _path(prediction_path(view.folder(network), case))
            if path:
                found[network.role.value] = path
    return found


def _path(path: Path) -> str | None:
    return str(path.resolve()) if path.exists() else None
