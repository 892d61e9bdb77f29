"""Export of a finished network as a model file, whose card reports its performance on unseen cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kdnet.errors import ModelFileError, RunFolderError, SettingsError
from kdnet.model_file import Model, load_model, save_model
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.model_card import ModelCard, read_card
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.results import Score
from kdnet.study.comparable import check_comparable
from kdnet.study.decoding_sizes import cases_to_learn_from, learned_card
from kdnet.study.reader import RunReader, load_finished, open_readonly


@dataclass(frozen=True)
class CardText:
    """User-supplied text of a model card; empty fields are left unchanged.

    Attributes:
        name: display name.
        summary: of the training data.
        intended_use: intended use.
        limits: known limitations.
    """

    name: str = ""
    summary: str = ""
    intended_use: str = ""
    limits: str = ""

    def apply_to(self, card: ModelCard) -> ModelCard:
        """Return the card with this text."""
        return replace(
            card,
            name=self.name or card.name,
            training_data={**card.training_data, **({"summary": self.summary} if self.summary else {})},
            intended_use=self.intended_use or card.intended_use,
            limits=self.limits or card.limits,
        )


def export_model(
    root: Path,
    network: str,
    target: Path,
    wording: CardText = CardText(),
    *,
    metrics_from: Path | None = None,
    decoding_cases: int = 0,
) -> None:
    """Copy a network's model file and add its test figures and those of its teacher and baseline.

    Args:
        root: the run folder.
        network: its key, for example ``"fold0/seed0/student-t1ce"``.
        target: the model file to write.
        wording: text of the card.
        metrics_from: the run that cross-validated the same settings, for a network trained on every case.
        decoding_cases: validation and training cases to learn the decoding from, 0 to keep that of the run.

    Raises:
        KDNetError: when the network is not finished and scored, or the file cannot be written.
    """
    check_target(target)
    view = open_readonly(root)
    _keep_others(target, view)
    own = view.network(network)
    if own is None or not view.folder(own).model.exists():
        known = ", ".join(item.key for item in view.networks)
        raise RunFolderError(f'{root} has no finished network "{network}": choose one of {known}.')
    scores = view.scores() if metrics_from is None else _scores_of(open_readonly(metrics_from), view)
    figures = tested_figures(own if metrics_from is None else replace(own, fold=ALL_CASES), scores)
    if not figures:
        if own.fold == ALL_CASES or metrics_from is not None:
            kind = f"{own.modality_key} {own.role.value}"
            raise RunFolderError(f"{metrics_from or root} has tested no {kind}: name the run that has with --metrics-from.")
        raise RunFolderError(f"{network} in {root} is not tested yet: wait until the run has scored it.")
    model = load_finished(own, view.folder(own))
    if decoding_cases < 0:
        raise SettingsError(f"--decoding-cases is {decoding_cases}: give 0 or a positive number.")
    if decoding_cases:
        if view.dataset is None or own.fold not in view.splits:
            raise RunFolderError(f"the data folder {view.request.data} of {root} does not exist: restore it to learn.")
        cases = cases_to_learn_from(view.splits[own.fold], view.dataset.cases, own.modalities, decoding_cases)
        model = replace(model, card=learned_card(model, cases, torch.device("cpu")))
    _save(model, target, figures, wording)


def check_target(target: Path) -> None:
    """Refuse a folder as the model file to write.

    Raises:
        RunFolderError: with an example.
    """
    if not target.name or target.is_dir():
        example = target / "student.safetensors"
        raise RunFolderError(f"{target} is a folder: give the model file to write, such as {example}.")


def _keep_others(target: Path, view: RunReader) -> None:
    """Check that a model the run needs, or a file that is not a model, would not be overwritten."""
    if not target.exists():
        return
    kept = [view.run.teacher, *(view.folder(network).model for network in view.networks)]
    if any(path.exists() and path.samefile(target) for path in kept):
        raise RunFolderError(f"{target} is a model of the run {view.run.root}: choose another file name.")
    try:
        read_card(target)
    except ModelFileError as error:
        raise RunFolderError(
            f"{target} exists and is not a kdnet model file, so it is not overwritten: choose another file name."
        ) from error


def _scores_of(tested: RunReader, own: RunReader) -> list[Score]:
    check_comparable(tested, own)
    return tested.scores()


def copy_model(source: Path, target: Path, figures: Mapping[str, Any], wording: CardText = CardText()) -> None:
    """Write the model file ``source`` to ``target``, which may be the same, with additions to its card.

    Raises:
        KDNetError: when a file cannot be read or written.
    """
    _save(load_model(source), target, figures, wording)


def _save(model: Model, target: Path, figures: Mapping[str, Any], wording: CardText) -> None:
    card = replace(wording.apply_to(model.card), figures={**model.card.figures, **figures})
    save_model(target, card, model.network)


def tested_figures(network: NetworkId, scores: Sequence[Score]) -> dict[str, Any]:
    """Return mean test Dice by region of the network, its teacher, and its baseline, and the number of cases.

    From its own fold and seed or, for a network of all cases, from every fold (cross-validation). Empty if the network
    has not been tested.
    """
    found: dict[Role, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    cases = set()
    for score in scores:
        same = network.fold == ALL_CASES or (score.fold, score.seed) == (network.fold, network.seed)
        if same and (score.role is Role.TEACHER or score.modalities == network.modality_key):
            found[score.role][score.region].append(score.dice)
            cases |= {score.case} if score.role is network.role else set()
    if network.role not in found:
        return {}
    means = {
        role: {region: round(float(np.mean(values)), 4) for region, values in regions.items()}
        for role, regions in found.items()
    }
    figures: dict[str, Any] = {"dice": means[network.role], "test_cases": len(cases)}
    return figures | {f"{role.value}_dice": mean for role, mean in means.items() if role is not network.role}
