"""Random training patches determined entirely by seed, step, and slot.

A resumed training, a multi-process training, and a baseline and its student therefore all get the same patches in the
same order, whatever happened before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset as TorchDataset

from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.schema.augmentation_settings import Augmentation
from kdnet.schema.labels import LabelTable
from kdnet.training.augmentation import DEFORMED_SHARE, augment, deform

MOST_REGION_BYTES = 256 << 20
"""Memory of a process for the coordinates of region voxels; those of further cases are found again each time."""

__all__ = ["Augmentation", "PatchSampler", "Sample", "StepDataset"]


@dataclass(frozen=True, eq=False)
class Sample:
    """One training patch.

    Attributes:
        image: float32 ``[modality, i, j, k]``, all modalities of the data set.
        target: uint8 ``[channel, i, j, k]`` of 0 and 1.
        case: name of its case.
        lacking: channels of the image without a scan.
    """

    image: torch.Tensor
    target: torch.Tensor
    case: str
    lacking: frozenset[int] = frozenset()


class PatchSampler:
    """Samples patches from prepared cases.

    Every case is visited once before any is visited again. With probability ``foreground`` a patch is centered near a
    voxel of a region, each region equally likely, so that the small enhancing tumor appears as often as the edema;
    otherwise it lies anywhere. A case smaller than the patch is padded with background.

    Args:
        cases: to sample from.
        labels: label table of the data set.
        patch: size in voxels.
        batch: samples per step, over all processes.
        foreground: probability of a patch centered on a region.
        augmentation: augmentation settings.
        seed: determines all random choices.
    """

    def __init__(
        self,
        cases: Sequence[PreparedCase],
        labels: LabelTable,
        *,
        patch: tuple[int, int, int],
        batch: int,
        foreground: float,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        self.cases = cases
        self.labels = labels
        self.patch = patch
        self.batch = batch
        self.foreground = foreground
        self.augmentation = augmentation
        self.seed = seed
        self._found: dict[int, list[NDArray[np.int16]]] = {}
        self._found_bytes = 0

    def sample(self, step: int, slot: int) -> Sample:
        """Return the patch of one slot (0 to batch - 1) of a step."""
        epoch, position = divmod(step * self.batch + slot, len(self.cases))
        order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.cases))
        index = int(order[position])
        case = self.cases[index]
        random = np.random.default_rng([self.seed, 1, step, slot])
        corner = self._corner(index, random)
        image, labelmap = self._patch(case, corner, np.random.default_rng([self.seed, 2, step, slot]))
        target = torch.from_numpy(self.labels.encode(labelmap))
        return Sample(*augment(image, target, self.augmentation, int(random.integers(2**31))), case.name, case.lacking)

    def _patch(
        self, case: PreparedCase, corner: tuple[int, ...], random: np.random.Generator
    ) -> tuple[torch.Tensor, NDArray[np.uint8]]:
        """Return image ``[modality, i, j, k]`` and labelmap ``[i, j, k]`` at ``corner``, sometimes deformed."""
        deformed = self.augmentation.deforms and random.random() < DEFORMED_SHARE
        reach = self.augmentation.reach(self.patch) if deformed else (0, 0, 0)
        outer = tuple(low - more for low, more in zip(corner, reach, strict=True))
        size = tuple(length + 2 * more for length, more in zip(self.patch, reach, strict=True))
        image = torch.from_numpy(_cut(case.image, outer, size).astype(np.float32))
        labelmap = torch.from_numpy(_cut(case.labelmap[None], outer, size))
        if deformed:
            image, labelmap = deform(image, labelmap, self.patch, self.augmentation, int(random.integers(2**31)))
        return image, labelmap[0].numpy()

    def _corner(self, index: int, random: np.random.Generator) -> tuple[int, ...]:
        shape = self.cases[index].image.shape[1:]
        slack = [size - patch for size, patch in zip(shape, self.patch, strict=True)]
        lowest, highest = np.minimum(0, slack), np.maximum(0, slack)
        regions = self._region_voxels(index)
        if regions and random.random() < self.foreground:
            voxels = regions[random.integers(len(regions))]
            jitter = random.integers([-(size // 4) for size in self.patch], [size // 4 + 1 for size in self.patch])
            corner = voxels[random.integers(len(voxels))] - np.array(self.patch) // 2 + jitter
            return tuple(int(value) for value in np.clip(corner, lowest, highest))
        return tuple(int(value) for value in random.integers(lowest, highest + 1))

    def _region_voxels(self, index: int) -> list[NDArray[np.int16]]:
        """Return the voxel coordinates of every region in the case, cached while memory for them lasts."""
        if index in self._found:
            return self._found[index]
        labelmap = np.asarray(self.cases[index].labelmap)
        regions = [np.argwhere(np.isin(labelmap, region.values)).astype(np.int16) for region in self.labels.regions]
        found = [voxels for voxels in regions if len(voxels)]
        size = sum(voxels.nbytes for voxels in found)
        # each epoch visits all cases once: those that are kept serve their share of it, replacing them would serve none
        if self._found_bytes + size <= MOST_REGION_BYTES:
            self._found[index], self._found_bytes = found, self._found_bytes + size
        return found


class StepDataset(TorchDataset[Sample]):
    """Data set that maps a (step, slot) pair to its sample, for DataLoader workers."""

    def __init__(self, sampler: PatchSampler) -> None:
        self.sampler = sampler

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        return self.sampler.sample(*key)


def _cut(image: NDArray[Any], corner: tuple[int, ...], size: tuple[int, ...]) -> NDArray[Any]:
    """Crop a patch from ``[channel, i, j, k]``; its corner may lie outside, and missing voxels are 0."""
    inside = [slice(max(0, low), low + length) for low, length in zip(corner, size, strict=True)]
    part = image[(slice(None), *inside)]
    before = [max(0, -low) for low in corner]
    after = [length - start - got for length, start, got in zip(size, before, part.shape[1:], strict=True)]
    return np.pad(part, [(0, 0), *zip(before, after, strict=True)])


def collate(samples: Sequence[Sample], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack samples into image and target batches on ``device``."""
    image = torch.stack([sample.image for sample in samples])
    target = torch.stack([sample.target for sample in samples])
    return image.to(device, non_blocking=True), target.to(device, torch.float32, non_blocking=True)


def taught_samples(samples: Sequence[Sample], channels: Sequence[int], device: torch.device) -> torch.Tensor | None:
    """Return which samples have all of a teacher's input channels, bool ``[batch]``; None if all have."""
    complete = [not sample.lacking & set(channels) for sample in samples]
    return None if all(complete) else torch.tensor(complete, device=device)
