"""Random training patches whose every choice depends on seed, step and slot alone.

So a resumed training, a training in several processes, and the baseline beside its student all see the same patches in
the same order, whatever happened before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.transforms import (
    Compose,
    RandAdjustContrast,
    RandFlip,
    RandGaussianNoise,
    Randomizable,
    RandScaleIntensity,
    RandShiftIntensity,
    Transform,
)
from monai.utils import convert_to_tensor
from numpy.typing import NDArray
from torch.utils.data import Dataset as TorchDataset

from kdnet.data.cache import PreparedCase
from kdnet.labels import LabelTable


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a patch; 0 turns one off.

    Attributes:
        flip: probability of mirroring, for each axis on its own.
        scale: intensities are multiplied by 1 - scale to 1 + scale, per modality.
        shift: intensities are raised by -shift to shift (in standard deviations), per modality.
        noise: largest standard deviation of added Gaussian noise.
        contrast: gamma is drawn from 1 - contrast to 1 + contrast, per modality.
    """

    flip: float = 0.5
    scale: float = 0.1
    shift: float = 0.1
    noise: float = 0.0
    contrast: float = 0.0


@dataclass(frozen=True, eq=False)
class Sample:
    """One training patch.

    Attributes:
        image: float32 ``[modality, i, j, k]``, all modalities of the data set.
        target: uint8 ``[channel, i, j, k]`` of 0 and 1.
        case: name of its case.
    """

    image: torch.Tensor
    target: torch.Tensor
    case: str


class PatchSampler:
    """Cuts patches from prepared cases.

    Every case is visited once before any is visited again. With probability ``foreground`` a patch is centred near a
    voxel of a region, each region equally likely, so that the small enhancing tumour is seen as often as the oedema;
    otherwise it lies anywhere. Where a case is smaller than the patch it is padded with background.

    Args:
        cases: to draw from.
        labels: of the data set.
        patch: size in voxels.
        batch: samples per step, over all processes together.
        foreground: probability of a patch centred on a region.
        augmentation: random changes.
        seed: of everything.
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

    def sample(self, step: int, slot: int) -> Sample:
        """The patch of one slot (0 to batch - 1) of a step."""
        epoch, position = divmod(step * self.batch + slot, len(self.cases))
        order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.cases))
        index = int(order[position])
        case = self.cases[index]
        random = np.random.default_rng([self.seed, 1, step, slot])
        corner = self._corner(index, random)
        image = _cut(case.image, corner, self.patch)
        target = self.labels.encode(_cut(case.labelmap[None], corner, self.patch)[0])
        return Sample(*self._augment(image.astype(np.float32), target, random), case.name)

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
        """Coordinates of the voxels of every region that the case has, looked for once."""
        if index not in self._found:
            labelmap = np.asarray(self.cases[index].labelmap)
            regions = [np.argwhere(np.isin(labelmap, region.values)).astype(np.int16) for region in self.labels.regions]
            self._found[index] = [voxels for voxels in regions if len(voxels)]
        return self._found[index]

    def _augment(
        self, image: NDArray[np.float32], target: NDArray[np.uint8], random: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        settings = self.augmentation
        seed = int(random.integers(2**31))
        flips = [RandFlip(prob=settings.flip, spatial_axis=axis) for axis in range(3) if settings.flip]
        both = torch.from_numpy(np.concatenate([image, target.astype(np.float32)]))
        for axis, flip in enumerate(flips):
            both = flip.set_random_state(seed=seed + axis)(both)
        both = _plain(both).contiguous()
        patch, target_patch = both[: len(image)], both[len(image) :].to(torch.uint8)
        head = patch != 0
        intensity = _intensity_transforms(settings)
        intensity.set_random_state(seed=seed + 3)
        return _plain(intensity(patch)) * head, target_patch


class StepDataset(TorchDataset[Sample]):
    """Gives a DataLoader's workers the sample of a (step, slot) pair."""

    def __init__(self, sampler: PatchSampler) -> None:
        self.sampler = sampler

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        return self.sampler.sample(*key)


class _PerModality(Randomizable, Transform):  # type: ignore[misc]
    """Draws a transform anew for each modality: scanners do not change in step."""

    def __init__(self, transform: Randomizable) -> None:
        self.transform = transform

    def randomize(self, data: object = None) -> None:  # noqa: ARG002 - MONAI's signature
        self.transform.set_random_state(seed=int(self.R.randint(2**31 - 1)))

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        changed = []
        for modality in image:
            self.randomize()
            changed.append(_plain(self.transform(modality[None])))
        return torch.cat(changed)


def _plain(image: torch.Tensor) -> torch.Tensor:
    """Without MONAI's meta data, which every later operation would carry along at a price."""
    tensor: torch.Tensor = convert_to_tensor(image, track_meta=False)
    return tensor


def _intensity_transforms(settings: Augmentation) -> Compose:
    transforms: list[_PerModality] = []
    if settings.contrast:
        gamma = (1 - settings.contrast, 1 + settings.contrast)
        transforms.append(_PerModality(RandAdjustContrast(prob=0.3, gamma=gamma, retain_stats=True)))
    if settings.scale:
        transforms.append(_PerModality(RandScaleIntensity(factors=settings.scale, prob=1.0)))
    if settings.shift:
        transforms.append(_PerModality(RandShiftIntensity(offsets=settings.shift, prob=1.0)))
    if settings.noise:
        transforms.append(_PerModality(RandGaussianNoise(prob=0.3, std=settings.noise)))
    return Compose(transforms)


def _cut(image: NDArray[np.generic], corner: tuple[int, ...], size: tuple[int, int, int]) -> NDArray[np.generic]:
    """Cut a patch out of ``[channel, i, j, k]`` whose corner may lie outside; what is missing is 0."""
    inside = [slice(max(0, low), low + length) for low, length in zip(corner, size, strict=True)]
    part = image[(slice(None), *inside)]
    before = [max(0, -low) for low in corner]
    after = [length - start - got for length, start, got in zip(size, before, part.shape[1:], strict=True)]
    return np.pad(part, [(0, 0), *zip(before, after, strict=True)])
