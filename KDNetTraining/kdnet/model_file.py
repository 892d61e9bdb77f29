"""Model files: safetensors files that hold a network's weights and, in the header, its full description.

Teacher, baseline and student all use this format. Loading validates everything and never unpickles. The header is described
in :mod:`kdnet.schema.model_header`, the card in :mod:`kdnet.schema.model_card`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import safe_open

from kdnet.errors import KDNetError, ModelFileError, SettingsError
from kdnet.files import atomic_write
from kdnet.foreign import reading
from kdnet.networks.base import SegmentationNetwork
from kdnet.networks.fill import first_not_finite, network_with
from kdnet.schema.bounds import check_window
from kdnet.schema.model_card import ModelCard, _card, _read_header
from kdnet.schema.model_header import HEADER_KEY, REMEDY, header_text
from kdnet.tensor_file import save_tensors, weights_hash
from kdnet.text import one_line

__all__ = [
    "HEADER_KEY",
    "Model",
    "ModelCard",
    "load_model",
    "save_model",
]


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its card.

    Attributes:
        card: card of the model.
        network: network in evaluation mode.
    """

    card: ModelCard
    network: SegmentationNetwork


def save_model(path: Path, card: ModelCard, network: SegmentationNetwork, *, half: bool = False) -> None:
    """Write a model file atomically. Deep supervision heads are only for training and are not saved.

    Args:
        path: file to write.
        card: its card.
        network: its network.
        half: whether to store weights in 16 bits (float16), which halves the file; they are loaded as float32.

    Raises:
        KDNetError: if the file cannot be written, or could not be read back.
    """
    arguments = {**card.network.arguments, "deep_supervision": 0}
    card = replace(card, network=replace(card.network, arguments=arguments))
    tensors = {
        name: _stored(value, half=half) for name, value in network.state_dict().items() if not name.startswith("heads.")
    }
    broken = first_not_finite(tensors)
    if broken:
        raise KDNetError(f"{path} is not written because {broken} contains NaN or infinite weights: train it again.")
    with atomic_write(path) as temporary:
        save_tensors(temporary, tensors, {HEADER_KEY: header_text(card.to_json(), weights_hash(tensors))})


def _stored(value: torch.Tensor, *, half: bool) -> torch.Tensor:
    value = value.detach().cpu().contiguous()
    return value.half() if half and value.is_floating_point() else value


def load_model(path: Path, device: torch.device | str = "cpu") -> Model:
    """Load and validate a model file.

    Raises:
        ModelFileError: if the file is missing, truncated, altered, of another program, or newer than this program.
        PackageError: if its network needs a package that is not installed.
    """
    header = _read_header(path)
    card = _card(path, header)
    with reading(path, REMEDY, ModelFileError), safe_open(path, framework="pt") as stream:
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - not a mapping
    if weights_hash(tensors) != header.weights_sha256:
        raise ModelFileError(f"{path} was modified (its weights do not match their hash): {REMEDY}.")
    try:
        network = network_with(card.network, tensors)
        # a network trained elsewhere, whose levels are unknown, accepts any window
        check_window(card.sliding_window_size, network.stride if network.bottleneck_features else 1)
    except (SettingsError, RuntimeError) as error:
        problem = one_line(str(error), 200).rstrip(".:")
        raise ModelFileError(
            f"{path} contains weights that do not fit its network ({problem}): export it again."
        ) from error
    broken = first_not_finite(network.state_dict())
    if broken:
        raise ModelFileError(
            f"{path} contains NaN or infinite weights ({broken}), as after a diverged training: train it again."
        )
    return Model(card, network.eval().requires_grad_(False).to(device))
