"""The model file: one safetensors file that holds a network's weights and, in its header, all there is to know of it.

Teacher, baseline and student are all such files. Loading validates everything and never unpickles.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

import kdnet
from kdnet.data.preprocessing import Preprocessing
from kdnet.errors import ModelFileError, SettingsError
from kdnet.evaluation.results import Role
from kdnet.files import replacing
from kdnet.labels import LabelTable
from kdnet.networks import NetworkSpec, SegmentationNetwork, build_network
from kdnet.tensor_file import save_tensors
from kdnet.typed_json import parse_dataclass

SCHEMA = 1
HEADER_KEY = "kdnet"
RESEARCH_ONLY = "For research use only; not a medical device."


@dataclass(frozen=True)
class ModelCard:
    """What a model is, needs and can do.

    Attributes:
        role: its part in the study that it comes from.
        name: shown to users.
        network: what to build.
        modalities: that it needs, in channel order.
        labels: what it segments.
        preprocessing: how volumes are prepared.
        window: edge of the windows in which the network does best, in its voxels; 0 for whole heads.
        recipe: how it was trained.
        figures: how well it does, by name; with those of its teacher and baseline where known.
        training_data: summary, number of cases, citations.
        intended_use: what for, in words for users.
        limits: where it may fail, in words for users.
        licence: terms of use.
        created: ISO date.
        version: of kdnet.
    """

    role: Role
    name: str
    network: NetworkSpec
    modalities: tuple[str, ...]
    labels: LabelTable
    preprocessing: Preprocessing
    recipe: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    training_data: Mapping[str, Any] = field(default_factory=dict)
    window: int = 0
    intended_use: str = ""
    limits: str = ""
    licence: str = RESEARCH_ONLY
    created: str = ""
    version: str = kdnet.__version__

    def __post_init__(self) -> None:
        if not self.modalities or len(self.modalities) != self.network.in_channels:
            raise SettingsError(
                f"the network takes {self.network.in_channels} modalities, but the model names {len(self.modalities)}."
            )
        if self.network.out_channels != self.labels.channels:
            raise SettingsError(
                f"the network gives {self.network.out_channels} channels, but its labels need {self.labels.channels}."
            )

    def to_json(self) -> dict[str, Any]:
        """The card as plain JSON values."""
        return {
            **asdict(self),
            "modalities": list(self.modalities),
            "labels": self.labels.to_json(),
            "preprocessing": self.preprocessing.to_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ModelCard:
        """The inverse of :meth:`to_json`; raises KeyError, TypeError, ValueError or SettingsError on foreign content."""
        return cls(
            role=Role(content["role"]),
            name=str(content["name"]),
            network=NetworkSpec(
                str(content["network"]["architecture"]),
                int(content["network"]["in_channels"]),
                int(content["network"]["out_channels"]),
                dict(content["network"]["arguments"]),
            ),
            modalities=tuple(str(name) for name in content["modalities"]),
            labels=LabelTable.from_json(content["labels"]),
            preprocessing=parse_dataclass(Preprocessing, content["preprocessing"]),
            recipe=dict(content["recipe"]),
            figures=dict(content["figures"]),
            training_data=dict(content["training_data"]),
            window=int(content.get("window", 0)),
            intended_use=str(content.get("intended_use", "")),
            limits=str(content.get("limits", "")),
            licence=str(content["licence"]),
            created=str(content["created"]),
            version=str(content["version"]),
        )


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
        KDNetError: when the file cannot be written.
    """
    arguments = {**card.network.arguments, "deep_supervision": 0}
    card = replace(card, network=replace(card.network, arguments=arguments))
    tensors = {
        name: value.detach().cpu().contiguous()
        for name, value in network.state_dict().items()
        if not name.startswith("heads.")
    }
    header = {"schema": SCHEMA, "sha256": weights_hash(tensors), "card": card.to_json()}
    with replacing(path) as temporary:
        save_tensors(temporary, tensors, {HEADER_KEY: json.dumps(header)})


def read_card(path: Path) -> ModelCard:
    """Read what a model is without its weights.

    Raises:
        ModelFileError: naming what is wrong with the file.
    """
    return _read_header(path)[0]


def load_model(path: Path, device: torch.device | str = "cpu") -> Model:
    """Load and validate a model file.

    Raises:
        ModelFileError: when the file is missing, truncated, altered, foreign, or newer than this program.
    """
    card, wanted_hash = _read_header(path)
    try:
        with safe_open(path, framework="pt") as stream:
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{path} is damaged ({error}): copy or download it again.") from error
    if weights_hash(tensors) != wanted_hash:
        raise ModelFileError(f"{path} was altered (its weights do not match their hash): copy or download it again.")
    try:
        with torch.device("meta"):  # without memory, so that a card that asks for a huge network is only compared
            network = build_network(card.network)
        # copies, because tensors of a mapped file would keep it from being replaced on Windows
        network.load_state_dict({name: value.clone() for name, value in tensors.items()}, assign=True)
        network.float()  # whatever type they are stored in
    except (SettingsError, RuntimeError) as error:
        reason = str(error).splitlines()[0].rstrip(".:")
        raise ModelFileError(f"{path} holds weights that do not fit its network ({reason}): export it again.") from error
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
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def _read_header(path: Path) -> tuple[ModelCard, str]:
    _refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{path} is truncated or no model file ({error}): copy or download it again.") from error
    if HEADER_KEY not in metadata:
        raise ModelFileError(f"{path} holds weights of another program: choose a model file written by kdnet.")
    try:
        header = json.loads(metadata[HEADER_KEY])
        schema = int(header["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path} has a damaged header: copy or download it again.") from error
    if schema > SCHEMA:
        raise ModelFileError(f"{path} was written by a newer kdnet (schema {schema}): update kdnet to use it.")
    try:
        return ModelCard.from_json(header["card"]), str(header["sha256"])
    except (KeyError, TypeError, ValueError, AttributeError, SettingsError) as error:
        raise ModelFileError(f"{path} has a damaged model card ({error}): copy or download it again.") from error


def _refuse_pickle(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            start = stream.read(9)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read ({error.strerror}): correct its name.") from error
    # the first eight bytes of a safetensors file are a length, which can look like a pickle's or an archive's first ones
    if start[8:] != b"{" and (start[:2] == b"PK" or start[:1] == b"\x80"):
        raise ModelFileError(f"{path} is a pickled PyTorch file, which can run code: choose a .safetensors model file.")
