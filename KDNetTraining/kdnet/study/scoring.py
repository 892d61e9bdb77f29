"""Segmenting the test cases of a fold with a finished model, on their original grids."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from kdnet.data.dataset import Case
from kdnet.data.references import read_reference
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.errors import RunFolderError
from kdnet.evaluation.metrics import score_case
from kdnet.files import write_json
from kdnet.inference.predictor import Predictor
from kdnet.runs.events import EventKind
from kdnet.runs.folder import NetworkFolder
from kdnet.schema.network_id import NetworkId
from kdnet.schema.results import Score
from kdnet.study.reader import load_finished, read_scores
from kdnet.study.running_study import RunningStudy
from kdnet.training.interruption import raise_if_stop_requested


def score_network(network: NetworkId, cases: Sequence[Case], study: RunningStudy) -> list[Score]:
    """Segment and score ``cases`` with the finished model of ``network``, distributed over the processes.

    Labelmaps go to the folder's predictions, scores to one file per process, so that an interruption loses one case.

    Returns:
        The scores in the order of ``cases``.

    Raises:
        Interrupted: after a stop request, between two cases.
    """
    folder, processes = study.folder(network), study.context.processes
    predictor = Predictor(load_finished(network, folder), study.context.device)
    known = _read_parts(folder)
    processes.gather(None)  # none writes before all have read
    open_cases = [case for case in cases if case.name not in {score.case for score in known}]
    own: list[Score] = []
    started = time.monotonic()
    for index in range(0, len(open_cases), processes.count):  # equally often in all processes
        raise_if_stop_requested(study.context)
        for case in open_cases[index : index + processes.count][processes.rank :][:1]:
            own += _score(network, folder, case, predictor)
            write_json(_part(folder, processes.rank), [asdict(score) for score in [*known, *own]])
        done = min(index + processes.count, len(open_cases))
        seconds = (time.monotonic() - started) / done
        tested = len(cases) - len(open_cases) + done
        study.record.write(
            EventKind.EVALUATION,
            network.key,
            case=open_cases[done - 1].name,
            done=tested,
            total=len(cases),
            seconds_per_case=round(seconds, 2),
            study_seconds_left=study.time_remaining.during_test(network, tested, seconds),
        )
    scores = {(score.case, score.region): score for part in processes.gather([*known, *own]) for score in part}
    order = {case.name: index for index, case in enumerate(cases)}
    return sorted((score for score in scores.values() if score.case in order), key=lambda score: order[score.case])


def clear_parts(folder: NetworkFolder) -> None:
    """Remove the partial results of :func:`score_network` once the scores are written."""
    for path in folder.root.glob("scores-part-*.json"):
        path.unlink(missing_ok=True)


def read_inputs(case: Case, modalities: Sequence[str]) -> list[Volume]:
    """Read the volumes of ``case`` for ``modalities``, in that order."""
    return [read_volume(case.images[name].path, case.images[name].component) for name in modalities]


def prediction_path(folder: NetworkFolder, case: str) -> Path:
    """Return the labelmap path of a test case."""
    return folder.predictions / f"{case}.nii.gz"


def _score(network: NetworkId, folder: NetworkFolder, case: Case, predictor: Predictor) -> list[Score]:
    labels = predictor.model.card.labels
    labelmap = predictor.predict(read_inputs(case, network.modalities)).labelmap
    folder.predictions.mkdir(parents=True, exist_ok=True)
    write_volume(prediction_path(folder, case.name), labelmap)
    reference = read_reference(case, labels)
    regions = score_case(np.asarray(labelmap.voxels), np.asarray(reference.voxels), labels, labelmap.grid.spacing)
    return [
        Score(
            network.role,
            network.modality_key,
            network.fold,
            network.seed,
            case.name,
            region.region,
            region.dice,
            region.hd95,
            region.empty,
        )
        for region in regions
    ]


def _part(folder: NetworkFolder, rank: int) -> Path:
    return folder.root / f"scores-part-{rank}.json"


def _read_parts(folder: NetworkFolder) -> list[Score]:
    scores: dict[tuple[str, str], Score] = {}
    for path in sorted(folder.root.glob("scores-part-*.json")):
        with suppress(RunFolderError):  # damaged by a machine crash: its cases are scored again
            scores |= {(score.case, score.region): score for score in read_scores(path)}
    return list(scores.values())
