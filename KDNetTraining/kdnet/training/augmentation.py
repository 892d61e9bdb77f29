"""Random augmentation of training patches with MONAI's transforms, seeded by the caller."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from kdnet.monai_part import monai_part
from kdnet.schema.augmentation_settings import Augmentation

RandAdjustContrast, RandBiasField, RandGaussianNoise, RandGaussianSmooth, RandScaleIntensity, RandShiftIntensity = (
    monai_part("monai.transforms.intensity.array", f"Rand{name}")
    for name in ("AdjustContrast", "BiasField", "GaussianNoise", "GaussianSmooth", "ScaleIntensity", "ShiftIntensity")
)
RandAffine, RandFlip = (monai_part("monai.transforms.spatial.array", name) for name in ("RandAffine", "RandFlip"))
Randomizable, Transform = (monai_part("monai.transforms.transform", name) for name in ("Randomizable", "Transform"))
convert_to_tensor = monai_part("monai.utils.type_conversion", "convert_to_tensor")

DEFORMED_SHARE = 0.3  # of patches, if rotation or zoom is on: both blur and take time


def deform(
    image: torch.Tensor, labelmap: torch.Tensor, patch: tuple[int, int, int], settings: Augmentation, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotate and zoom about the center, then crop the patch there.

    Args:
        image: float32 ``[modality, i, j, k]``, larger than ``patch`` by twice :meth:`Augmentation.reach`.
        labelmap: uint8 ``[1, i, j, k]``.
        patch: output size.
        settings: augmentation settings.
        seed: determines all random choices.
    """
    transform = RandAffine(
        prob=1.0,
        rotate_range=(math.radians(settings.rotate),) * 3,
        scale_range=(settings.zoom,) * 3,
        spatial_size=patch,
        padding_mode="zeros",
    )
    reoriented = plain(transform.set_random_state(seed=seed)(image, mode="bilinear"))
    labels = plain(transform.set_random_state(seed=seed)(labelmap.float(), mode="nearest"))
    return reoriented, labels.to(torch.uint8)


def augment(
    image: torch.Tensor, target: torch.Tensor, settings: Augmentation, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Flip a patch and change its intensities; the background (0) stays 0.

    Args:
        image: float32 ``[modality, i, j, k]``.
        target: uint8 ``[channel, i, j, k]``.
        settings: augmentation settings.
        seed: determines all random choices.
    """
    flips = [RandFlip(prob=settings.flip, spatial_axis=axis) for axis in range(3) if settings.flip]
    both = torch.cat([image, target.float()])
    for axis, flip in enumerate(flips):
        both = flip.set_random_state(seed=seed + axis)(both)
    both = plain(both).contiguous()
    patch, target = both[: len(image)], both[len(image) :].to(torch.uint8)
    head = patch != 0
    seeds = np.random.RandomState(seed + 3)  # one for each transform, drawn as MONAI's Compose does
    for transform in _intensity_transforms(settings):
        patch = transform.set_random_state(seed=int(seeds.randint(2**32, dtype=np.uint32)))(patch)
    return plain(patch) * head, target


class _PerModality(Randomizable, Transform):  # type: ignore[misc, valid-type]
    """Draws a transform independently for each modality, because scanners do not vary together."""

    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def randomize(self, data: object = None) -> None:  # noqa: ARG002 - MONAI's signature
        self.transform.set_random_state(seed=int(self.R.randint(2**31 - 1)))

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        changed = []
        for modality in image:
            self.randomize()
            changed.append(plain(self.transform(modality[None])))
        return torch.cat(changed)


class _ThickSlices(Randomizable, Transform):  # type: ignore[misc, valid-type]
    """Averages slabs along one axis and interpolates between them, simulating a thick-slice scan.

    MONAI's RandSimulateLowResolution coarsens all axes equally and drops the voxels in between.
    """

    def __init__(self, largest: float, prob: float) -> None:
        self.largest, self.prob = largest, prob

    def randomize(self, data: object = None) -> None:  # noqa: ARG002 - MONAI's signature
        self.applies = self.R.random_sample() < self.prob
        self.axis = int(self.R.randint(3))
        self.thickness = self.R.uniform(1.0, self.largest)

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        self.randomize()
        if not self.applies:
            return image
        size = list(image.shape[1:])
        slabs = [*size[: self.axis], max(1, round(size[self.axis] / self.thickness)), *size[self.axis + 1 :]]
        coarse = interpolate(image[None], slabs, mode="area")
        return interpolate(coarse, size, mode="trilinear", align_corners=False)[0]


class _Shading(RandBiasField):  # type: ignore[misc, valid-type]
    """MONAI's bias field for a normalized scan: offset from the darkest voxel, mean and deviation preserved.

    A scan with a bias field is normalized like any other before it reaches a network, so the field must change where
    intensities occur, not their overall distribution.
    """

    def __call__(self, image: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        if randomize:
            self.randomize(image.shape[1:])
        head = image != 0
        if not self._do_transform or not head.any():
            return image
        before = image[head]
        shaded = plain(super().__call__(image - before.min(), randomize=False))
        after = shaded[head]
        scale = before.std(correction=0) / after.std(correction=0).clamp(min=1e-6)
        return (shaded - after.mean()) * scale + before.mean()


def plain(image: torch.Tensor) -> torch.Tensor:
    """Strip MONAI's metadata, which would slow down every later operation."""
    tensor: torch.Tensor = convert_to_tensor(image, track_meta=False)
    return tensor


def _intensity_transforms(settings: Augmentation) -> list[_PerModality]:
    """Return the enabled transforms; append new ones, so that the others draw the same values for a seed."""
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
    if settings.smooth:
        sigma = (0.0, settings.smooth)
        transforms.append(_PerModality(RandGaussianSmooth(sigma, sigma, sigma, prob=0.2)))
    if settings.shading:
        coefficients = (-settings.shading, settings.shading)
        transforms.append(_PerModality(_Shading(degree=2, coeff_range=coefficients, prob=0.3)))
    if settings.thickness:
        transforms.append(_PerModality(_ThickSlices(settings.thickness, prob=0.3)))
    return transforms
