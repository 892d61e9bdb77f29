"""The model file: one safetensors file that holds a network's weights and, in its header, all there is to know of it.

Teacher, baseline and student are all such files. Loading validates everything and never unpickles. The header is described
in :mod:`kdnet.model_header`, the card in :mod:`kdnet.model_card`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from kdnet.bounds import check_window
from kdnet.errors import KDNetError, ModelFileError, SettingsError
from kdnet.files import replacing
from kdnet.foreign import reading
from kdnet.model_card import RESEARCH_ONLY, ModelCard
from kdnet.model_header import HEADER_KEY, REMEDY, SCHEMA, ModelHeader, header_text, parse_header
from kdnet.networks import SegmentationNetwork
from kdnet.networks.fill import first_not_finite, network_with
from kdnet.tensor_file import save_tensors
from kdnet.text import one_line, printable

__all__ = [
    "HEADER_KEY",
    "RESEARCH_ONLY",
    "SCHEMA",
    "Model",
    "ModelCard",
    "describe",
    "load_model",
    "read_card",
    "save_model",
    "weights_hash",
]


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its card.

    Attributes:
        card: what it is.
        network: in evaluation mode.
    """

    card: ModelCard
    network: SegmentationNetwork


def save_model(path: Path, card: ModelCard, network: SegmentationNetwork) -> None:
    """Write a model file, atomically. Heads of deep supervision only serve training and are left out.

    Raises:
        KDNetError: when the file cannot be written, or could not be read again.
    """
    arguments = {**card.network.arguments, "deep_supervision": 0}
    card = replace(card, network=replace(card.network, arguments=arguments))
    tensors = {
        name: value.detach().cpu().contiguous()
        for name, value in network.state_dict().items()
        if not name.startswith("heads.")
    }
    broken = first_not_finite(tensors)
    if broken:
        raise KDNetError(f"{path} is not written, because {broken} holds NaN or infinite weights: train it again.")
    with replacing(path) as temporary:
        save_tensors(temporary, tensors, {HEADER_KEY: header_text(card.to_json(), weights_hash(tensors))})


def read_card(path: Path) -> ModelCard:
    """Read what a model is without its weights.

    Raises:
        ModelFileError: naming what is wrong with the file.
    """
    return _card(path, _read_header(path))


def load_model(path: Path, device: torch.device | str = "cpu") -> Model:
    """Load and validate a model file.

    Raises:
        ModelFileError: when the file is missing, truncated, altered, foreign, or newer than this program.
        PackageError: when its network needs a package that is not installed.
    """
    header = _read_header(path)
    card = _card(path, header)
    with reading(path, REMEDY, ModelFileError), safe_open(path, framework="pt") as stream:
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - no mapping
    if weights_hash(tensors) != header.weights_sha256:
        raise ModelFileError(f"{path} was altered (its weights do not match their hash): {REMEDY}.")
    try:
        network = network_with(card.network, tensors)
        # a network trained elsewhere, whose levels are not known, takes any window
        check_window(card.window, network.stride if network.bottleneck_features else 1)
    except (SettingsError, RuntimeError) as error:
        told = one_line(str(error), 200).rstrip(".:")
        raise ModelFileError(f"{path} holds weights that do not fit its network ({told}): export it again.") from error
    broken = first_not_finite(network.state_dict())
    if broken:
        raise ModelFileError(
            f"{path} holds NaN or infinite weights ({broken}), as after a diverged training: train it again."
        )
    return Model(card, network.eval().requires_grad_(False).to(device))


def weights_hash(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over name, type, shape and bytes of every tensor, sorted by name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.view(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()


def describe(path: Path) -> str:
    """A model file in words and numbers, for ``kdnet describe``."""
    card = read_card(path)
    rows = {
        "name": card.name,
        "role": card.role.value,
        "needs": " + ".join(card.modalities),
        "segments": ", ".join(label.name for label in card.labels.labels),
        "network": f"{card.network.architecture} {json.dumps(dict(card.network.arguments))}",
        "grid": " x ".join(f"{step:g}" for step in card.preprocessing.spacing) + " mm",
        **{f"figure {name}": json.dumps(value) for name, value in card.figures.items()},
        **{f"data {name}": json.dumps(value) for name, value in card.training_data.items()},
        "recipe": str(card.recipe.get("name", "")),
        "created": f"{card.created} with kdnet {card.version}",
        "size": f"{path.stat().st_size / 1e6:.1f} MB",
        "intended use": card.intended_use,
        "limits": card.limits,
        "licence": card.licence,
    }
    width = min(max(map(len, rows)), 40)
    return "\n".join(f"{printable(name):<{width}}  {printable(value)}" for name, value in rows.items())


def _read_header(path: Path) -> ModelHeader:
    _refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{path} is truncated or no model file ({one_line(str(error), 200)}): {REMEDY}.") from error
    if HEADER_KEY not in metadata:
        raise ModelFileError(f"{path} holds weights of another program: choose a model file written by kdnet.")
    return parse_header(path, metadata[HEADER_KEY])


def _card(path: Path, header: ModelHeader) -> ModelCard:
    try:
        return ModelCard.from_json(header.card)
    except SettingsError as error:
        told = one_line(str(error), 300).rstrip(".")
        raise ModelFileError(f"{path} has a damaged model card ({told}): {REMEDY}.") from error


def _refuse_pickle(path: Path) -> None:
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe or device could be read for ever
        raise ModelFileError(f"{path} is not a regular file: choose a model file written by kdnet.")
    try:
        with path.open("rb") as stream:
            start = stream.read(9)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read ({error.strerror}): correct its name.") from error
    # the first eight bytes of a safetensors file are a length, which can look like a pickle's or an archive's first ones
    if start[8:] != b"{" and (start[:2] == b"PK" or start[:1] == b"\x80"):
        raise ModelFileError(f"{path} is a pickled PyTorch file, which can run code: choose a .safetensors model file.")
