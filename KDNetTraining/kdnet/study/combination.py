"""Combining students into one model, which takes the scans of all of them and each region from the one that finds it best.

A student of T1ce finds the core, one of FLAIR the whole tumor: whoever has both scans uses both without further training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import torch

import kdnet
from kdnet.data.dataset import Case
from kdnet.data.preprocessing.prepare import prepare_image
from kdnet.data.references import read_reference
from kdnet.data.volumes.geometry import require_same_grid
from kdnet.errors import SettingsError
from kdnet.evaluation.metrics import score_case
from kdnet.inference.precision import BFLOAT16_AGREEMENT, bfloat16_agreement
from kdnet.inference.predictor import Predictor
from kdnet.model_file import Model
from kdnet.networks.combined import CombinedNetwork
from kdnet.networks.factory import build_network
from kdnet.schema.decoding import Decoding, default_decoding
from kdnet.schema.labels import LabelMode, LabelTable
from kdnet.schema.modalities import MODALITIES, format_modalities
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import Role
from kdnet.schema.networks import NetworkSpec
from kdnet.study.scoring import read_inputs

COMBINED = "combined"


def combine_models(models: Sequence[Model], regions: Mapping[str, Sequence[int]], name: str = "") -> Model:
    """Return one model that runs all of ``models`` and takes each region from those chosen for it.

    Where a region comes from other models than one that it contains, it is at least as probable as that one: what T1ce
    shows of the core belongs to the whole tumor, whatever FLAIR says.

    Args:
        models: at least two, with the same regions and preprocessing.
        regions: region to positions of its models in ``models``, whose logits are averaged; other regions come from the
            model with the best Dice for them.
        name: display name; that of the first model if empty.

    Raises:
        SettingsError: when the models do not fit together, or a region is unknown.
    """
    _check(models)
    table = models[0].card.labels
    sources = _sources(models, table, regions)
    modalities = _modalities(models)
    parts = [_part(model.card, modalities) for model in models]
    arguments = {"parts": parts, "sources": sources, "contained": _contained(table, sources)}
    spec = NetworkSpec(COMBINED, len(modalities), table.channels, arguments)
    network = build_network(spec)
    assert isinstance(network, CombinedNetwork)
    for part, model in zip(network.parts, models, strict=True):
        part.load_state_dict(model.network.state_dict())
    card = _card(models, spec, name or models[0].card.name)
    return Model(card, network.eval().requires_grad_(False))


def tested(model: Model, cases: Sequence[Case], device: torch.device, progress: Callable[[int], None]) -> Model:
    """Return ``model`` with figures of ``cases``, which none of its parts may have learned from, in its card.

    Args:
        model: whose network is moved to ``device``.
        cases: at least one, with its scans and a reference.
        device: to compute on.
        progress: called with the number of segmented cases after each.

    Raises:
        KDNetError: when a case cannot be read or does not fit the model.
    """
    predictor, table = Predictor(model, device), model.card.labels
    found: dict[str, list[float]] = {region.name: [] for region in table.regions}
    images = []
    for done, case in enumerate(cases, 1):
        volumes = read_inputs(case, model.card.modalities)
        labelmap, reference = predictor.predict(volumes).labelmap, read_reference(case, table)
        require_same_grid(reference.grid, labelmap.grid, f"the reference of {case.name}", "its images")
        for score in score_case(np.asarray(labelmap.voxels), np.asarray(reference.voxels), table, reference.grid.spacing):
            found[score.region].append(score.dice)
        images.append(torch.from_numpy(prepare_image(volumes, model.card.preprocessing)[0])[None])
        progress(done)
    figures = {
        "dice": {region: round(float(np.mean(values)), 4) for region, values in found.items()},
        "test_cases": len(cases),
        BFLOAT16_AGREEMENT: round(_agreement(model, images, device), 5),
    }
    return replace(model, card=replace(model.card, figures={**model.card.figures, **figures}))


def _agreement(model: Model, images: Sequence[torch.Tensor], device: torch.device) -> float:
    card = model.card
    on_device = (image.to(device) for image in images)
    return bfloat16_agreement(model.network, on_device, card.labels, card.sliding_window_size)


def _check(models: Sequence[Model]) -> None:
    """Check that models can be combined."""
    if len(models) < 2:
        raise SettingsError("Only one model is given: give at least two to combine.")
    first = models[0].card
    for card in (model.card for model in models):
        if card.labels.mode is not LabelMode.REGIONS or card.labels.meaning != first.labels.meaning:
            raise SettingsError(f"{card.name} and {first.name} find other regions: combine models of the same regions.")
        if card.preprocessing != first.preprocessing or card.sliding_window_size != first.sliding_window_size:
            raise SettingsError(f"{card.name} and {first.name} prepare scans differently: combine models of one recipe.")
        if card.network.architecture == COMBINED:
            raise SettingsError(f"{card.name} is a combination already: combine the models that it is made of.")


def _card(models: Sequence[Model], spec: NetworkSpec, name: str) -> ModelCard:
    first = models[0].card
    return ModelCard(
        role=Role.STUDENT,
        name=name,
        network=spec,
        modalities=_modalities(models),
        labels=first.labels,
        preprocessing=first.preprocessing,
        figures=_figures(models),
        training_data=_training_data(models),
        sliding_window_size=first.sliding_window_size,
        decoding=_decoding(models, spec.arguments["sources"]),
        intended_use=" ".join(dict.fromkeys(model.card.intended_use for model in models if model.card.intended_use)),
        limits=" ".join(dict.fromkeys(model.card.limits for model in models if model.card.limits)),
        license=first.license,
        created=date.today().isoformat(),
        version=kdnet.__version__,
    )


def _part(card: ModelCard, modalities: Sequence[str]) -> dict[str, Any]:
    """Return the description of a network in the combination, see :class:`~kdnet.networks.combined.CombinedNetwork`."""
    arguments: dict[str, Any] = {**card.network.arguments, "deep_supervision": 0}
    inputs = [modalities.index(modality) for modality in card.modalities]
    return {"architecture": card.network.architecture, "arguments": arguments, "inputs": inputs}


def _modalities(models: Sequence[Model]) -> tuple[str, ...]:
    """Return all modalities of the models, in the usual order."""
    found = list(dict.fromkeys(modality for model in models for modality in model.card.modalities))
    return tuple(sorted(found, key=lambda name: MODALITIES.index(name) if name in MODALITIES else len(MODALITIES)))


def _sources(models: Sequence[Model], table: LabelTable, regions: Mapping[str, Sequence[int]]) -> list[list[int]]:
    """Return for each region the positions of its models."""
    known = [region.name for region in table.regions]
    for name, chosen in regions.items():
        if name not in known:
            raise SettingsError(f'the models have no region "{name}": choose from {", ".join(known)}.')
        if not chosen:
            raise SettingsError(f"no model is chosen for {name}: name one.")
    return [list(regions.get(name) or [_best(models, name)]) for name in known]


def _best(models: Sequence[Model], region: str) -> int:
    """Return the position of the model with the best test Dice for a region.

    Raises:
        SettingsError: when a model was not tested.
    """
    dice = [model.card.figures.get("dice", {}).get(region) for model in models]
    for model, value in zip(models, dice, strict=True):
        if value is None:
            raise SettingsError(
                f"{model.card.name} ({format_modalities(model.card.modalities)}) has no test Dice of {region}, so the "
                f"models cannot be compared: choose with --region {region}=MODEL."
            )
    return max(range(len(models)), key=lambda index: dice[index])


def _contained(table: LabelTable, sources: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return for each region the regions that lie in it and come from other models."""
    return [
        [
            inner
            for inner, other in enumerate(table.regions)
            if set(other.values) < set(region.values) and sources[inner] != sources[outer]
        ]
        for outer, region in enumerate(table.regions)
    ]


def _decoding(models: Sequence[Model], sources: Sequence[Sequence[int]]) -> Decoding:
    """Return the decoding of each region from the first of its models."""
    table = models[0].card.labels
    default = default_decoding(table)
    cards = {region.name: models[chosen[0]].card for region, chosen in zip(table.regions, sources, strict=True)}
    return Decoding(tuple((cards[item.region].decoding or default).of(item.region) for item in default.regions))


def _figures(models: Sequence[Model]) -> dict[str, Any]:
    """Return what is known of the combination: 16 bits are as precise as in the least precise part."""
    known = [model.card.figures[BFLOAT16_AGREEMENT] for model in models if BFLOAT16_AGREEMENT in model.card.figures]
    return {BFLOAT16_AGREEMENT: min(known)} if len(known) == len(models) else {}


def _training_data(models: Sequence[Model]) -> dict[str, Any]:
    data = [model.card.training_data for model in models]
    parts = [
        f"{format_modalities(model.card.modalities)}: {model.card.training_data.get('summary', '')}".rstrip(": ")
        for model in models
    ]
    citations = list(dict.fromkeys(citation for item in data for citation in item.get("citations", ())))
    return {
        "format": str(data[0].get("format", "")),
        "cases": min(int(item.get("cases", 0)) for item in data),
        "citations": citations,
        "summary": "; ".join(parts),
    }
