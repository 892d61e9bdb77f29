"""Previews: segmenting a case with a network during or after training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from kdnet.data.dataset import Case, Dataset, case_files
from kdnet.data.volumes.io import write_volume
from kdnet.errors import ModelFileError, RunFolderError, SettingsError
from kdnet.foreign import reading
from kdnet.inference.predictor import Predictor
from kdnet.model_file import Model
from kdnet.networks.factory import build_network
from kdnet.runs.events import EventKind
from kdnet.schema.decoding import default_decoding
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.networks import preset
from kdnet.schema.preprocessing import Preprocessing
from kdnet.study.reader import RunReader, load_finished, open_readonly
from kdnet.study.scoring import read_inputs
from kdnet.training.checkpoint import REMEDY, Checkpoint, read_checkpoint


def preview(root: Path, name: str, out: Path, device: torch.device, case_name: str = "") -> dict[str, Any]:
    """Segment a case with the current weights of network ``name``, on the case's original grid.

    Uses the finished model if there is one, otherwise the checkpoint, with averaged weights if the recipe averages.

    Args:
        root: the run folder, which is not modified.
        name: the network's key, such as ``"fold0/seed0/student-t1ce"``.
        out: the labelmap to write.
        device: compute device.
        case_name: by default the first validation case of the network's fold.

    Returns:
        ``network``, ``case``, ``part`` (training, validation, or test), ``step``, ``finished``, ``labelmap`` (file),
        ``labels`` (table), and the files of the case, as plain JSON values.

    Raises:
        RunFolderError: when nothing of the network is saved yet, or the data folder is missing.
        SettingsError: for an unknown network or case.
        KDNetError: when the labelmap cannot be written.
    """
    view = open_readonly(root)
    network = _planned(view, name)
    case, part = _shown_case(view, network, case_name, out)
    model, step, finished = _model(view, network)
    missing = [name for name in model.card.modalities if name not in case.images]
    if missing:
        raise SettingsError(f"case {case.name} lacks {', '.join(missing)}, which the network needs: choose another case.")
    labelmap = Predictor(model, device).predict(read_inputs(case, model.card.modalities)).labelmap
    write_volume(out, labelmap)
    return {
        "network": name,
        "case": case.name,
        "part": part,
        "step": step,
        "finished": finished,
        "labelmap": str(out.resolve()),
        "labels": model.card.labels.to_json(),
        **case_files(case),
    }


def _shown_case(view: RunReader, network: NetworkId, name: str, out: Path) -> tuple[Case, str]:
    """Return the case to segment into ``out``, and its part of the split of the network's fold."""
    root = view.run.root
    if view.dataset is None:
        raise RunFolderError(f"the data folder {view.request.data} of {root} does not exist: restore it to preview a case.")
    parts = view.splits.get(network.fold)
    if parts is None or not parts.validation:
        raise RunFolderError(f"{view.run.splits} is missing or damaged: delete it, then resume the run.")
    name = name or parts.validation[0]
    case = next((case for case in view.dataset.cases if case.name == name), None)
    if case is None:
        raise SettingsError(f'the data of {root} has no case "{name}": choose one of its validation cases.')
    _keep_data(out, view.dataset)
    return case, next((part for part in ("train", "validation", "test") if name in getattr(parts, part)), "excluded")


def _keep_data(out: Path, dataset: Dataset) -> None:
    """Check that no image or reference of the data would be overwritten."""
    if not out.exists():
        return
    for case in dataset.cases:
        for image in (*case.images.values(), *([case.reference] if case.reference else [])):
            if image.path.exists() and image.path.samefile(out):
                raise SettingsError(
                    f"{out} belongs to case {case.name} of the data, so it is not overwritten: choose another file name."
                )


def _planned(view: RunReader, name: str) -> NetworkId:
    network = view.network(name)
    if network is not None:
        return network
    known = ", ".join(network.key for network in view.networks) or "none yet, as it has not started to train"
    raise SettingsError(f'{view.run.root} has no network "{name}": choose one of {known}.')


def _model(view: RunReader, network: NetworkId) -> tuple[Model, int, bool]:
    """Return the network, its current step, and whether it is finished."""
    folder = view.folder(network)
    # a training that ends right now first writes the model, then removes its state
    for attempt in range(2):
        try:
            if folder.model.exists():
                return load_finished(network, folder), _chosen_step(view, network.key), True
            if folder.checkpoint.exists():
                with reading(folder.checkpoint, REMEDY, RunFolderError):
                    state = read_checkpoint(folder.checkpoint)
                    return _from_state(view, network, state), int(state.values["step"]), False
        except (RunFolderError, ModelFileError):
            if attempt:
                raise
    raise RunFolderError(f"there is no checkpoint of {network.key} yet: wait until it has been trained for a minute.")


def _from_state(view: RunReader, network: NetworkId, state: Checkpoint) -> Model:
    view.require_current_settings()
    recipe, labels = view.recipe(), view.labels
    assert labels is not None  # the data exists
    name = recipe.network if network.role is Role.TEACHER else recipe.trained_student_network
    spec = preset(name).spec(len(network.modalities), labels.channels, recipe.deep_supervision)
    built = build_network(spec)
    built.load_state_dict(_weights(state.groups))
    spec = replace(spec, arguments={**spec.arguments, "deep_supervision": 0})
    preprocessing = Preprocessing(spacing=recipe.spacing)
    card = ModelCard(
        network.role,
        network.key,
        spec,
        network.modalities,
        labels,
        preprocessing,
        sliding_window_size=recipe.sliding_window_size,
        decoding=default_decoding(labels),
    )
    return Model(card, built.eval().requires_grad_(False))


def _weights(groups: Mapping[str, Mapping[str, torch.Tensor]]) -> Mapping[str, torch.Tensor]:
    if "average" in groups:
        return groups["average"]
    prefix = "network."
    return {name.removeprefix(prefix): value for name, value in groups["trainee"].items() if name.startswith(prefix)}


def _chosen_step(view: RunReader, name: str) -> int:
    """Return the step whose weights became the model; 0 for a pretrained teacher."""
    steps = [
        int(event.values.get("step", 0))
        for event in view.events
        if event.event is EventKind.NETWORK_FINISHED and event.network == name
    ]
    return steps[-1] if steps else 0
