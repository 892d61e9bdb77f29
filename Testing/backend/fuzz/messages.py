"""Lines for the worker: sound requests and mutated ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .extremes import Random, mutated_bytes, mutated_text


def sound_requests(folder: Path, model: Path) -> list[dict[str, Any]]:
    """One request of each task, on a small volume whose array is written into ``folder``."""
    voxels = np.random.default_rng(0).normal(100, 20, (16, 16, 16)).astype(np.float32)
    np.save(folder / "input.npy", voxels)
    labels = (voxels > 130).astype(np.uint8)
    np.save(folder / "labels.npy", labels)
    item = {"name": "T1ce", "file": "input.npy", "affine": np.diag([4.0, 4.0, 4.0, 1.0]).tolist()}
    table = {
        "mode": "exclusive",
        "labels": [{"value": 1, "name": "Lesion", "color": [255, 0, 0], "terminology": None}],
        "regions": [{"name": "Lesion", "values": [1]}],
    }
    return [
        {
            "id": 1,
            "task": "segment",
            "model": str(model),
            "volumes": [item],
            "folder": ".",
            "device": "cpu",
            "min_component": 5,
        },
        {"id": 2, "task": "validate", "model": str(model)},
        {
            **{"id": 3, "task": "compare", "prediction": "labels.npy", "reference": "labels.npy"},
            **{"labels": table, "spacing": [4.0, 4.0, 4.0]},
        },
        {"id": 4, "task": "batch", "model": str(model), "inputs": ["nothing"], "out": "out", "device": "cpu"},
        {"id": 5, "task": "devices"},
    ]


def mutated_line(requests: list[dict[str, Any]], random: Random) -> bytes:
    """One line, its end included."""
    request = requests[int(random.integers(len(requests)))]
    text = mutated_text(request, random).encode("utf-8", "surrogatepass")
    if random.random() < 0.1:
        text = mutated_bytes(text, random)
    return text.replace(b"\n", b" ") + b"\n"
