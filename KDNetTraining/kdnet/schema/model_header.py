"""The header of a model file: schema, hashes and the card as plain JSON values, validated before use.

Standard library only: the Slicer modules list models before torch is installed. Layout of the JSON text under
:data:`HEADER_KEY` in the metadata of a safetensors file::

    {"schema": 4, "sha256": ..., "weights_sha256": ..., "card": {...}}      since kdnet 0.2: with decoding or confidence
    {"schema": 3, "sha256": ..., "weights_sha256": ..., "card": {...}}      since kdnet 0.2: without one
    {"schema": 2, "sha256": ..., "weights_sha256": ..., "card": {...}}      previews of kdnet 0.2: older names in the card
    {"schema": 1, "sha256": ..., "card": {...}}                             kdnet 0.1: the hash covers the weights alone

Since schema 2, ``sha256`` covers the card and ``weights_sha256``, so that a card combined with another model's weights is
detected without reading the weights. The hashes detect damage and careless edits; they are not a signature.

A file has the lowest schema that describes it: versions that know only that one can read it, those that would decode its
scores in another way refuse it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdnet.errors import ModelFileError, SettingsError
from kdnet.foreign import parse_json, reading
from kdnet.schema.bounds import check_grid, check_names, check_window
from kdnet.schema.former_names import current_card, current_file
from kdnet.text import one_line, printable

SCHEMA = 4

SCHEMA_WITHOUT_DECODING = 3  # nor lesion confidence

NEWER_FIELDS = frozenset({"decoding", "lesion_confidence"})  # programs that do not know them would label differently

FIRST_SCHEMA_WITH_CARD_HASH = 2

HEADER_KEY = "kdnet"

MOST_CARD_CHARACTERS = 4 << 20

MOST_HEADER_BYTES = 64 << 20

MOST_VALUES, DEEPEST, LONGEST_TEXT = 50_000, 24, 20_000

MOST_MODALITIES = 64

LARGEST_NUMBER = 1e18

REMEDY = "copy or download it again"


@dataclass(frozen=True)
class ModelHeader:
    """Content of the header.

    Attributes:
        card: plain JSON values, with finite numbers, printable text, and valid names and grid.
        weights_sha256: expected hash of the weights.
    """

    card: Mapping[str, Any]
    weights_sha256: str


def parse_header(path: Path, text: str) -> ModelHeader:
    """Parse and check the JSON text of a header.

    Args:
        path: path of the file, for messages.
        text: text stored under :data:`HEADER_KEY`.

    Raises:
        ModelFileError: if it is damaged, altered, or newer than this program.
    """
    if len(text) > MOST_CARD_CHARACTERS:
        raise ModelFileError(f"{path} has a model card of {len(text) >> 20} MiB, which is too large: {REMEDY}.")
    with reading(f"the header of {path}", REMEDY, ModelFileError):
        header = parse_json(text)
        schema = header["schema"]
        if type(schema) is not int or schema < 1:
            raise ModelFileError(f"{path} has a damaged header (its schema is not an integer): {REMEDY}.")
        if schema > SCHEMA:
            raise ModelFileError(f"{path} was written by a newer kdnet (schema {schema}): update kdnet to use it.")
        card, digest = header["card"], str(header["sha256"])
        try:
            current = current_card(card) if isinstance(card, Mapping) else card
            check_card(current)
        except SettingsError as error:
            problem = one_line(str(error), 300).rstrip(".")
            raise ModelFileError(f"{path} has a damaged model card ({problem}): {REMEDY}.") from error
        if schema < FIRST_SCHEMA_WITH_CARD_HASH:
            return ModelHeader(current, digest)
        weights = str(header["weights_sha256"])
    if model_hash(card, weights) != digest:
        raise ModelFileError(f"{path} was modified (its model card does not match its hash): {REMEDY}.")
    return ModelHeader(current, weights)


def header_text(card: Mapping[str, Any], weights_sha256: str) -> str:
    """Return the header of a new model file as JSON text.

    Args:
        card: plain JSON values; figures that are not finite are written as null.
        weights_sha256: hash of the weights.

    Raises:
        SettingsError: if the card could not be read back.
    """
    finite = _finite(card)
    check_card(finite)
    content = {
        "schema": SCHEMA if NEWER_FIELDS & finite.keys() else SCHEMA_WITHOUT_DECODING,
        "sha256": model_hash(finite, weights_sha256),
        "weights_sha256": weights_sha256,
        "card": finite,
    }
    return json.dumps(content, allow_nan=False)


def model_hash(card: Mapping[str, Any], weights_sha256: str) -> str:
    """Compute the SHA-256 of the card, in canonical form, and the hash of the weights."""
    written = json.dumps(card, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(f"{written}\n{weights_sha256}".encode()).hexdigest()


def name_today(path: Path) -> str:
    """Return what to say of a missing file that is a shipped model under its former name; empty for other files."""
    name = current_file(path.name)
    return "" if name == path.name or path.exists() else f'since version 0.2 its name is "{name}"'


def read_header_text(path: Path) -> str:
    """Read the text under :data:`HEADER_KEY` from a safetensors file without the ``safetensors`` package.

    Raises:
        ModelFileError: if the file is missing, truncated, or written by another program.
    """
    with reading(path, name_today(path) or "choose another model file or copy it again", ModelFileError):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ValueError("it is not a regular file")
        with path.open("rb") as stream:
            start = stream.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= MOST_HEADER_BYTES:
                raise ValueError("it is truncated or not a model file")
            header = parse_json(stream.read(length).decode("utf-8"))
            stored = stream.seek(0, os.SEEK_END) - 8 - length
            metadata = header.pop("__metadata__", None) or {}
            if stored != max((int(tensor["data_offsets"][1]) for tensor in header.values()), default=0):
                raise ValueError("it is truncated or not a model file")
        if HEADER_KEY not in metadata:
            raise ModelFileError(f"{path} contains weights from another program: choose a model file written by kdnet.")
        return str(metadata[HEADER_KEY])


def check_card(card: Any) -> None:
    """Check everything in a card that can be checked without its network.

    Raises:
        SettingsError: describing what is wrong.
    """
    if not isinstance(card, Mapping):
        raise SettingsError("the card is not a JSON object.")
    _check_values(card)
    for name in ("name", "role", "license", "created", "version"):
        if not isinstance(card.get(name), str):
            raise SettingsError(f"{name} is missing or not a string.")
    check_names([card["name"]], "model", 1)
    modalities = card.get("modalities")
    if not isinstance(modalities, list) or not modalities or not all(isinstance(name, str) for name in modalities):
        raise SettingsError("modalities is not a list of names.")
    check_names(modalities, "modality", MOST_MODALITIES)
    window = card.get("sliding_window_size", 0)
    if type(window) is not int:
        raise SettingsError("sliding_window_size is not an integer.")
    check_window(window)
    _check_preprocessing(card.get("preprocessing"))
    _check_figures(card.get("figures"))
    _check_training_data(card.get("training_data"))


def _check_values(card: Mapping[str, Any]) -> None:
    """Limit the number, depth and length of values; require finite numbers and printable text."""
    pending: list[tuple[Any, int]] = [(card, 0)]
    count = 0
    while pending:
        value, depth = pending.pop()
        count += 1
        if count > MOST_VALUES or depth > DEEPEST:
            raise SettingsError(f"it has more than {MOST_VALUES} values, or nests more than {DEEPEST} deep.")
        if isinstance(value, Mapping):
            pending += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list | tuple):
            pending += [(item, depth + 1) for item in value]
        elif isinstance(value, str):
            _check_text(value)
        elif isinstance(value, int | float) and not abs(value) < LARGEST_NUMBER:  # also rejects NaN
            raise SettingsError("it contains a number that is not finite.")


def _check_text(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise SettingsError(f"a string in it is longer than {LONGEST_TEXT} characters.")
    plain = text.replace("\n", " ").replace("\t", " ")
    if printable(plain) != plain:
        raise SettingsError(f'the string "{one_line(text, 40)}" contains control characters.')


def _check_preprocessing(content: Any) -> None:
    if not isinstance(content, Mapping):
        raise SettingsError("preprocessing is not a JSON object.")
    spacing, margin = content.get("spacing"), content.get("margin", 0.0)
    if not isinstance(spacing, list) or not all(map(_is_number, spacing)) or not _is_number(margin):
        raise SettingsError("preprocessing has no spacing or margin in mm.")
    check_grid(spacing, float(margin))


def _check_figures(content: Any) -> None:
    if not isinstance(content, Mapping):
        raise SettingsError("figures is not a JSON object.")
    for name, value in content.items():
        if name.endswith("dice") and not isinstance(value, Mapping):
            raise SettingsError(f"the figure {name} is not a Dice by region.")
        for figure in value.values() if isinstance(value, Mapping) else (value,):
            if name.endswith("dice") and not (figure is None or (_is_number(figure) and 0 <= figure <= 1)):
                raise SettingsError(f"the figure {name} is not a Dice from 0 to 1.")


def _check_training_data(content: Any) -> None:
    if not isinstance(content, Mapping):
        raise SettingsError("training_data is not a JSON object.")
    cases = content.get("cases", 0)
    if type(cases) is not int or cases < 0:
        raise SettingsError("the number of cases in training_data is not an integer.")
    if not all(isinstance(content.get(name, ""), str) for name in ("format", "summary")):
        raise SettingsError("format and summary in training_data must be strings.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
