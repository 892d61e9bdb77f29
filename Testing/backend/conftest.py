"""Fixtures of the backend's tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from kdnet.schema.model_header import model_hash
from kdnet.tensor_file import weights_hash
from safetensors import safe_open
from safetensors.torch import save_file

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def altered_model(model_file: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes copies of the tiny model whose card, header or weights differ, with hashes that fit unless told otherwise."""

    def alter(
        card: Mapping[str, Any] | None = None,
        *,
        header: Mapping[str, Any] | None = None,
        weights: Callable[[Tensors], Tensors] = lambda tensors: tensors,
        schema: int = 3,
        rehash: bool = True,
        replacement: Mapping[str, Any] | None = None,
    ) -> Path:
        with safe_open(model_file, framework="pt") as stream:
            content = json.loads(stream.metadata()["kdnet"])
            content["card"] = dict(replacement or content["card"])
            tensors = weights({name: stream.get_tensor(name).clone() for name in stream.keys()})  # noqa: SIM118
        for name, value in (card or {}).items():
            target, parts = content["card"], name.split(".")
            for part in parts[:-1]:
                target = target[int(part) if isinstance(target, list) else part]
            target[int(parts[-1]) if isinstance(target, list) else parts[-1]] = value
        if rehash and schema == 1:
            content = {"schema": 1, "sha256": weights_hash(tensors), "card": content["card"]}
        elif rehash:
            digest = weights_hash(tensors)
            content |= {"weights_sha256": digest, "sha256": _hash(content["card"], digest)}
        path = tmp_path / "altered.safetensors"
        save_file(tensors, path, metadata={"kdnet": json.dumps({**content, **(header or {})})})
        return path

    return alter


def _hash(card: Mapping[str, Any], digest: str) -> str:
    try:
        return model_hash(card, digest)
    except ValueError:  # NaN, which no hash covers
        return ""
