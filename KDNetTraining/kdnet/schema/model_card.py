"""Model cards: architecture, inputs, training data and performance of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import kdnet
from kdnet.errors import ModelFileError, SettingsError
from kdnet.json_schema import parse_dataclass
from kdnet.schema.bounds import check_names, check_window
from kdnet.schema.decoding import Decoding
from kdnet.schema.formatting import size
from kdnet.schema.labels import LabelTable
from kdnet.schema.lesion_confidence import LesionConfidence
from kdnet.schema.model_header import MOST_MODALITIES, REMEDY, ModelHeader, name_today, parse_header, read_header_text
from kdnet.schema.network_id import Role
from kdnet.schema.networks import NetworkSpec
from kdnet.schema.preprocessing import Preprocessing
from kdnet.text import one_line, printable

RESEARCH_ONLY = "For research use only; not a medical device."


@dataclass(frozen=True)
class ModelCard:
    """The architecture, inputs, training and performance of a model.

    Attributes:
        role: its role in the study that trained it.
        name: display name.
        network: the network to build.
        modalities: required modalities, in channel order.
        labels: labels that it segments.
        preprocessing: preprocessing of the input volumes.
        decoding: how its scores become labels; None as in version 0.1, see :class:`~kdnet.schema.decoding.Decoding`.
        sliding_window_size: edge length of the windows that suit the network best, in its voxels; 0 for whole heads.
        lesion_confidence: how often it is right about a lesion; None if that was not learned.
        recipe: how it was trained.
        figures: performance figures by name, including those of its teacher and baseline where known.
        training_data: summary, number of cases, citations.
        intended_use: intended use, as text for users.
        limits: known limitations, as text for users.
        license: license terms.
        created: creation date in ISO format.
        version: version of kdnet.
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
    sliding_window_size: int = 0
    decoding: Decoding | None = None
    lesion_confidence: LesionConfidence | None = None
    intended_use: str = ""
    limits: str = ""
    license: str = RESEARCH_ONLY
    created: str = ""
    version: str = kdnet.__version__

    def __post_init__(self) -> None:
        check_window(self.sliding_window_size)
        if self.decoding is not None:
            self.decoding.check_fits(self.labels)
        if self.lesion_confidence is not None:
            self.lesion_confidence.check_fits(self.labels)
        check_names(self.modalities, "modality", MOST_MODALITIES)
        if not self.modalities or len(self.modalities) != self.network.in_channels:
            raise SettingsError(
                f"the network has {self.network.in_channels} input channels, but the model lists "
                f"{len(self.modalities)} modalities."
            )
        if self.network.out_channels != self.labels.channels:
            raise SettingsError(
                f"the network has {self.network.out_channels} output channels, but its labels need {self.labels.channels}."
            )

    def to_json(self) -> dict[str, Any]:
        """Return the card as plain JSON values."""
        content = {
            **asdict(self),
            "modalities": list(self.modalities),
            "labels": self.labels.to_json(),
            "preprocessing": self.preprocessing.to_json(),
        }
        if self.decoding is None:  # unknown to versions that can read such a card
            del content["decoding"]
        if self.lesion_confidence is None:  # unknown to versions that can read such a card
            del content["lesion_confidence"]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ModelCard:
        """Create a card from :meth:`to_json` output; raises SettingsError on invalid content."""
        return parse_dataclass(cls, content)


def read_card(path: Path) -> ModelCard:
    """Read the card of a model file without its weights.

    Raises:
        ModelFileError: describing what is wrong with the file.
    """
    return _card(path, _read_header(path))


def read_weights_hash(path: Path) -> str:
    """Read the hash of the weights of a model file, which identifies the model.

    Raises:
        ModelFileError: describing what is wrong with the file.
    """
    return _read_header(path).weights_sha256


def describe(path: Path) -> str:
    """Return a description of a model file for ``kdnet model-info``."""
    card = read_card(path)
    rows = {
        "name": card.name,
        "role": card.role.value,
        "needs": " + ".join(card.modalities),
        "segments": ", ".join(label.name for label in card.labels.labels),
        "network": f"{card.network.architecture} {json.dumps(dict(card.network.arguments))}",
        "grid": " x ".join(f"{step:g}" for step in card.preprocessing.spacing) + " mm",
        **{f"figure {name}": json.dumps(value) for name, value in card.figures.items()},
        **_confidence_rows(card),
        **{f"data {name}": json.dumps(value) for name, value in card.training_data.items()},
        "decoding": "each voxel by itself" if card.decoding is None else card.decoding.text,
        "recipe": str(card.recipe.get("name", "")),
        "created": f"{card.created} with kdnet {card.version}",
        "size": size(path.stat().st_size),
        "intended use": card.intended_use,
        "limits": card.limits,
        "license": card.license,
    }
    width = min(max(map(len, rows)), 40)
    return "\n".join(f"{printable(name):<{width}}  {printable(value)}" for name, value in rows.items())


def _confidence_rows(card: ModelCard) -> dict[str, str]:
    found = card.lesion_confidence
    if found is None:
        return {}
    return {
        "doubtful": f"lesions of a confidence under {found.limit:.2f}",
        "confidence": json.dumps(dict(found.learned_from)),
    }


def _read_header(path: Path) -> ModelHeader:
    _refuse_pickle(path)
    return parse_header(path, read_header_text(path))


def _card(path: Path, header: ModelHeader) -> ModelCard:
    try:
        return ModelCard.from_json(header.card)
    except SettingsError as error:
        problem = one_line(str(error), 300).rstrip(".")
        raise ModelFileError(f"{path} has a damaged model card ({problem}): {REMEDY}.") from error


def _refuse_pickle(path: Path) -> None:
    if path.exists() and not (path.is_file() or path.is_dir()):  # reading a pipe or device could block forever
        raise ModelFileError(f"{path} is not a regular file: choose a model file written by kdnet.")
    try:
        with path.open("rb") as stream:
            start = stream.read(9)
    except OSError as error:
        raise ModelFileError(
            f"{path} cannot be read ({error.strerror}): {name_today(path) or 'correct its name'}."
        ) from error
    # a safetensors file starts with an eight-byte length, which can look like the start of a pickle or an archive
    if start[8:] != b"{" and (start[:2] == b"PK" or start[:1] == b"\x80"):
        raise ModelFileError(f"{path} is a pickled PyTorch file, which can run code: choose a .safetensors model file.")
