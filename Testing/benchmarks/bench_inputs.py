"""Scans and models that the benchmarks share; nothing here needs patients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from kdnet.data.phantom import make_case
from kdnet.data.preprocessing.prepare import prepare_image
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.inference.precision import BFLOAT16_AGREEMENT, bfloat16_agreement
from kdnet.model_file import load_model, save_model
from kdnet.schema.preprocessing import Preprocessing

REPOSITORY = Path(__file__).resolve().parents[2]
STUDENT = REPOSITORY / "Resources" / "Models" / "Brain tumor T1ce.safetensors"
UNET = REPOSITORY / "Resources" / "Models" / "Phantom demo.safetensors"
SHAPE = (240, 240, 155)
FIRST = (51, 33, 1)  # odd, see phantom_scan
LEAST = 30  # intensity in the brain, so that all agree on what is background


def phantom_scan(path: Path, shape: tuple[int, int, int] = SHAPE, seed: int = 0, spacing: int = 1) -> Path:
    """Write the T1ce of a phantom, whose brain fills a box that all sides crop to and pad alike.

    The box starts at odd indices and has 8 m - 1 voxels along each axis: kdnet searches at every second voxel, and nnU-Net
    pads on both sides, which for one voxel means at the end.

    Args:
        path: file to write.
        shape: voxels along i, j, k.
        seed: determines the anatomy.
        spacing: of the voxels in mm.
    """
    brain = (144 // spacing, 180 // spacing, 140 // spacing)
    sizes = [min(size, length - first) for size, length, first in zip(brain, shape, FIRST, strict=True)]
    voxels = make_case((sizes[0], sizes[1], sizes[2]), float(spacing), np.random.default_rng(seed)).images["t1ce"]
    voxels = np.where(voxels > 0, np.maximum(voxels, LEAST), 0).astype(np.int16)
    for axis in range(3):
        found = np.flatnonzero(voxels.any(axis=tuple(other for other in range(3) if other != axis)))
        length = (found[-1] + 2 - found[0]) // 8 * 8 - 1
        start = found[0] + (found[-1] + 1 - found[0] - length) // 2
        voxels = voxels.take(range(start, start + length), axis=axis)
    whole = np.zeros(shape, dtype=np.int16)
    whole[tuple(slice(first, first + length) for first, length in zip(FIRST, voxels.shape, strict=True))] = voxels
    write_volume(path, Volume(whole, Grid(shape, np.diag([spacing, spacing, spacing, 1.0]))))
    return path


def model_for(source: Path, scan: Path, path: Path, *, own_spacing: bool = False) -> Path:
    """Write a copy of a model that labels each voxel by itself, and records whether bfloat16 agrees with float32 on ``scan``.

    Args:
        source: model file.
        scan: scan of its modality.
        path: file to write.
        own_spacing: run the network at the spacing of the scan and on its brain alone, so that nothing is resampled.
    """
    model = load_model(source)
    volume = read_volume(scan)
    card = replace(model.card, decoding=None)  # which other programs do not have
    if own_spacing:
        first, second, third = (float(step) for step in volume.grid.spacing)
        card = replace(card, preprocessing=Preprocessing((first, second, third), 0.0))
    image, _ = prepare_image([volume], card.preprocessing)
    padding = [amount for size in reversed(image.shape[1:]) for amount in (0, -size % model.network.stride)]
    padded = torch.nn.functional.pad(torch.from_numpy(image)[None], padding)
    agreement = bfloat16_agreement(model.network, [padded], card.labels, card.sliding_window_size)
    save_model(path, replace(card, figures={**card.figures, BFLOAT16_AGREEMENT: agreement}), model.network)
    return path
