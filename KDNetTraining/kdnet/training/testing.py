"""Segmenting the test cases of a fold with a finished model, on their original grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from kdnet.data.cache import read_reference
from kdnet.data.cases import Case
from kdnet.data.image_io import read_volume, write_volume
from kdnet.evaluation.metrics import score_case
from kdnet.evaluation.results import Score
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model
from kdnet.training.events import EventKind, EventWriter
from kdnet.training.plan import PlannedNetwork
from kdnet.training.processes import Processes
from kdnet.training.run_folder import NetworkFolder


def score_network(
    network: PlannedNetwork,
    folder: NetworkFolder,
    cases: Sequence[Case],
    device: torch.device,
    processes: Processes,
    events: EventWriter | None,
) -> list[dict[str, object]]:
    """Segment and score ``cases`` with the model in ``folder``, shared among the processes.

    Labelmaps go to the folder's predictions. Returns the scores as JSON objects, in the order of ``cases``.
    """
    model = load_model(folder.model)
    predictor = Predictor(model, device)
    own = []
    for case in cases[processes.rank :: processes.count]:
        volumes = [read_volume(case.images[name].path, case.images[name].component) for name in network.modalities]
        labelmap = predictor.predict(volumes).labelmap
        folder.predictions.mkdir(parents=True, exist_ok=True)
        write_volume(prediction_path(folder, case.name), labelmap)
        reference = read_reference(case, model.card.labels)
        regions = score_case(
            np.asarray(labelmap.voxels), np.asarray(reference.voxels), model.card.labels, labelmap.grid.spacing
        )
        for region in regions:
            own.append(
                Score(
                    network.role,
                    network.sees,
                    network.fold,
                    network.seed,
                    case.name,
                    region.region,
                    region.dice,
                    region.hd95,
                )
            )
        if events is not None:
            done = len({score.case for score in own})
            events.write(EventKind.EVALUATION, folder.name, case=case.name, done=done, total=len(cases))
    order = {case.name: index for index, case in enumerate(cases)}
    scores = sorted((score for part in processes.gather(own) for score in part), key=lambda item: order[item.case])
    return [asdict(score) for score in scores]


def prediction_path(folder: NetworkFolder, case: str) -> Path:
    """Where the labelmap of a test case is kept."""
    return folder.predictions / f"{case}.nii.gz"
