"""A finished network of a run as a model file for users, whose card says how well it did on cases that it had not seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kdnet.errors import RunFolderError
from kdnet.evaluation.results import Role
from kdnet.files import replacing
from kdnet.model_file import load_model, save_model
from kdnet.training.results import read_results
from kdnet.training.run_folder import NetworkFolder


def export_model(root: Path, network: str, target: Path, *, name: str = "", summary: str = "") -> None:
    """Copy a network's model file, with its test figures beside those of its teacher and baseline.

    Args:
        root: the run folder.
        network: its path inside the run, for example ``"fold0/seed0/student-t1ce"``.
        target: the model file to write.
        name: shown to users; as before when empty.
        summary: of the training data; as before when empty.

    Raises:
        KDNetError: when the network is not finished and scored, or the file cannot be written.
    """
    folder = NetworkFolder(root / network, network)
    results = read_results(root)
    own = next((item for item in results["networks"] if item["name"] == network), None)
    if own is None or not folder.model.exists():
        known = ", ".join(item["name"] for item in results["networks"])
        raise RunFolderError(f'{root} has no finished network "{network}": choose one of {known}.')
    figures = _figures(results["scores"], own)
    if not figures:
        raise RunFolderError(f"{network} in {root} is not tested yet: wait until the run has scored it.")
    model = load_model(folder.model)
    card = replace(
        model.card,
        name=name or model.card.name,
        figures={**model.card.figures, **figures},
        training_data={**model.card.training_data, **({"summary": summary} if summary else {})},
    )
    with replacing(target) as temporary:
        save_model(temporary, card, model.network)


def _figures(scores: Sequence[Mapping[str, Any]], own: Mapping[str, Any]) -> dict[str, Any]:
    """Mean test Dice by region, of the network, its teacher and its baseline, and the number of cases."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        same = (score["fold"], score["seed"]) == (own["fold"], own["seed"])
        if same and (score["role"] == Role.TEACHER.value or score["modalities"] == own["modalities"]):
            found[str(score["role"])][str(score["region"])].append(float(score["dice"]))
    role = str(own["role"])
    if role not in found:
        return {}
    means = {
        kind: {region: round(float(np.mean(values)), 4) for region, values in regions.items()}
        for kind, regions in found.items()
    }
    figures: dict[str, Any] = {"dice": means[role], "test_cases": len(next(iter(found[role].values())))}
    return figures | {f"{kind}_dice": mean for kind, mean in means.items() if kind != role}
