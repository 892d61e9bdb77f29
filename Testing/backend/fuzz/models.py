"""Model files with mutated bytes, tensors or cards."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from kdnet.schema.model_header import HEADER_KEY, model_hash

from .extremes import Random, mutated_bytes, mutated_json, mutated_text


def mutated_model(sound: Path, path: Path, random: Random) -> Path:
    """Write a mutated copy of the model file ``sound`` to ``path``."""
    data = sound.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header, weights = json.loads(data[8 : 8 + length]), data[8 + length :]
    choice = random.random()
    if choice < 0.15:
        path.write_bytes(mutated_bytes(data, random, 8 + length))
    elif choice < 0.3:
        path.write_bytes(_joined(mutated_text(header, random), weights))
    elif choice < 0.4:
        header["__metadata__"][HEADER_KEY] = mutated_text(json.loads(header["__metadata__"][HEADER_KEY]), random)
        path.write_bytes(_joined(json.dumps(header), weights))
    elif choice < 0.5:
        path.write_bytes(_joined(json.dumps(header), mutated_bytes(weights, random)))
    else:  # a card that lies, with hashes that fit
        content = json.loads(header["__metadata__"][HEADER_KEY])
        content["card"] = mutated_json(content["card"], random)
        content["sha256"] = _hash(content["card"], content["weights_sha256"])
        header["__metadata__"][HEADER_KEY] = json.dumps(content)
        path.write_bytes(_joined(json.dumps(header), weights))
    return path


def _joined(header: str, weights: bytes) -> bytes:
    text = header.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + weights


def _hash(card: Any, weights: str) -> str:
    try:
        return model_hash(card, weights)
    except (ValueError, UnicodeEncodeError):  # NaN and lone surrogates, which no hash covers
        return hashlib.sha256(b"").hexdigest()
