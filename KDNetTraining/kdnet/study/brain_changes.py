"""Random augmentation of whole heads, simulating other scanners, protocols, and surgery.

Few heads with masks are available, but scans of all kinds must be segmented. Contrast, shading, noise, slice thickness,
coverage, position, and size are therefore random; faces are removed, and cavities and lesions are added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool3d, grid_sample, interpolate, max_pool3d

from kdnet.data.preprocessing.prepare import ranged
from kdnet.study.brain_cases import PreparedHead


@dataclass(frozen=True)
class HeadChanges:
    """Strength and frequency of the augmentation of a head; each probability is per sample.

    Attributes:
        turn: probability of a large rotation, up to ``turn_degrees`` about each axis; otherwise up to ``tilt_degrees``.
        turn_degrees: see ``turn``.
        tilt_degrees: see ``turn``.
        zoom: sizes are multiplied by 1 - zoom to 1 + zoom, and each axis by a further quarter of that range.
        tone: probability of a random tone curve, which may turn bright to dark, as in another sequence.
        gamma: largest natural logarithm of the gamma.
        shading: largest logarithm of the smooth multiplicative bias field.
        noise: largest standard deviation of noise, as a fraction of the intensity range.
        thick: probability of thick slices.
        thickness: largest thickness in voxels of the prepared grid.
        cut: probability that the scan ends above the chin or below the vertex.
        deface: probability that the face is removed.
        strip: probability that everything but the brain is removed; a quarter of these keep a one-voxel rim.
        lesion: probability of one to three cavities or lesions.
    """

    turn: float = 0.2
    turn_degrees: float = 40.0
    tilt_degrees: float = 12.0
    zoom: float = 0.2
    tone: float = 0.5
    gamma: float = 0.5
    shading: float = 0.6
    noise: float = 0.07
    thick: float = 0.5
    thickness: float = 2.0
    cut: float = 0.4
    deface: float = 0.12
    strip: float = 0.12
    lesion: float = 0.3


def changed_head(
    head: PreparedHead, patch: tuple[int, int, int], changes: HeadChanges, seed: NDArray[np.int64] | list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a random sample from ``head``.

    Args:
        head: prepared scan.
        patch: sample size in voxels.
        changes: augmentation settings.
        seed: determines all random choices.

    Returns:
        Image and brain fraction, both float32 ``[1, i, j, k]`` of size ``patch``.
    """
    random = np.random.default_rng(seed)
    image = torch.from_numpy(head.image.astype(np.float32))
    share = torch.from_numpy(head.share.astype(np.float32))
    if random.random() < changes.lesion:
        image = _with_lesions(image, share, random)
    if random.random() < changes.deface:
        image = _without_face(image, share, random)
    if random.random() < changes.strip:
        image = image * _rim(share, int(random.random() < 0.25))
    image = _shaded(_toned(image, changes, random), changes, random)
    image, share = _placed(image, share, patch, changes, random)
    if random.random() < changes.cut:
        _cut(image, share, random)
    if random.random() < changes.thick:
        image = _thick(image, random.uniform(1, changes.thickness), random)
    return ranged(_noisy(image, changes, random))[None], share[None].clamp(0, 1)


def _with_lesions(image: torch.Tensor, share: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Blend spheres and ellipsoids of uniform intensity, with soft edges, into the brain."""
    brain = torch.nonzero(share > 0.5)
    if not len(brain):
        return image
    axes = torch.meshgrid(*(torch.arange(size, dtype=torch.float32) for size in image.shape), indexing="ij")
    for _ in range(int(random.integers(1, 4))):
        center = brain[int(random.integers(len(brain)))]
        radii = random.uniform(1.5, 6) * random.uniform(0.6, 1.4, 3)
        distance = sum(((axis - center[i]) / radii[i]) ** 2 for i, axis in enumerate(axes))
        inside = ((1.3 - torch.as_tensor(distance)) / 0.6).clamp(0, 1) * (share > 0.2)
        image = torch.lerp(image, torch.full_like(image, random.uniform(0, 1)), inside * random.uniform(0.5, 1))
    return image


def _without_face(image: torch.Tensor, share: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Blank everything in front of and below a tilted plane that spares the brain and a rim."""
    _, j, k = image.shape
    front = torch.arange(j, dtype=torch.float32)[:, None] / j
    height = torch.arange(k, dtype=torch.float32)[None] / k
    plane = front - random.uniform(0.5, 1.5) * height > random.uniform(0.0, 0.4)
    return torch.where(plane[None] & (_rim(share, 2) == 0), torch.zeros(()), image)


def _rim(share: torch.Tensor, voxels: int) -> torch.Tensor:
    """Return a mask of 1 in the brain and up to ``voxels`` around it, 0 elsewhere."""
    inside = (share > 0.5).float()
    return max_pool3d(inside[None, None], 2 * voxels + 1, 1, voxels)[0, 0] if voxels else inside


def _toned(image: torch.Tensor, changes: HeadChanges, random: np.random.Generator) -> torch.Tensor:
    image = image ** math.exp(random.uniform(-changes.gamma, changes.gamma))
    if random.random() >= changes.tone:
        return image
    knots = np.array([0, 0.06, 0.25, 0.5, 0.75, 1.0])
    drawn = np.array([0, *random.uniform(0, 1, len(knots) - 1)])
    values = random.uniform(0.2, 1) * (drawn - knots) + knots  # from no change to an arbitrary contrast
    return torch.from_numpy(np.interp(image.numpy(), knots, values).astype(np.float32))


def _shaded(image: torch.Tensor, changes: HeadChanges, random: np.random.Generator) -> torch.Tensor:
    field = random.uniform(-1, 1, (1, 1, 3, 3, 3)) * changes.shading * random.random()
    smooth = interpolate(torch.from_numpy(field).float(), list(image.shape), mode="trilinear", align_corners=True)
    return image * smooth[0, 0].exp()


def _placed(
    image: torch.Tensor,
    share: torch.Tensor,
    patch: tuple[int, int, int],
    changes: HeadChanges,
    random: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Flip, rotate, zoom, and shift, then crop ``patch``."""
    largest = changes.turn_degrees if random.random() < changes.turn else changes.tilt_degrees
    matrix = _rotation(np.radians(random.uniform(-largest, largest, 3)))
    zoom = 1 + random.uniform(-changes.zoom, changes.zoom) + random.uniform(-changes.zoom, changes.zoom, 3) / 4
    matrix = matrix @ np.diag(1 / zoom)
    if random.random() < 0.5:
        matrix = np.diag([-1.0, 1.0, 1.0]) @ matrix
    size = np.array(image.shape)
    slack = np.abs(size * zoom - patch) / 2
    shift = random.uniform(-1, 1, 3) * (0.7 * slack + 2)
    axes = [torch.arange(length, dtype=torch.float32) - (length - 1) / 2 for length in patch]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1) + torch.from_numpy(shift).float()
    # in units of half the source and in the order k, j, i, as grid_sample expects
    places = (points @ torch.from_numpy(matrix).float().T) * 2 / torch.from_numpy(size).float()
    sampled = grid_sample(torch.stack([image, share])[None], places.flip(-1)[None], align_corners=False)[0]
    return sampled[0], sampled[1]


def _rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        first, second = (other for other in range(3) if other != axis)
        turn[first, first] = turn[second, second] = math.cos(angle)
        turn[first, second], turn[second, first] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    return matrix


def _cut(image: torch.Tensor, share: torch.Tensor, random: np.random.Generator) -> None:
    """Truncate the scan below the vertex, above the chin, or both; up to a third of the brain is cut off."""
    levels = torch.nonzero((share > 0.5).any(dim=0).any(dim=0)).ravel()
    if not len(levels):
        return
    low, high = int(levels[0]), int(levels[-1])
    reach = (high - low) / 3
    if random.random() < 0.7:
        bottom = int(low + random.uniform(-reach, 0.6 * reach))
        image[..., : max(0, bottom)], share[..., : max(0, bottom)] = 0, 0
    if random.random() < 0.5:
        top = int(high - random.uniform(-2, reach))
        image[..., top:], share[..., top:] = 0, 0


def _thick(image: torch.Tensor, thickness: float, random: np.random.Generator) -> torch.Tensor:
    """Average slabs along one axis, usually the axial one, and interpolate between them."""
    axis = int(random.choice([0, 1, 2], p=[0.2, 0.2, 0.6]))
    size = list(image.shape)
    slabs = [*size[:axis], max(1, round(size[axis] / thickness)), *size[axis + 1 :]]
    coarse = interpolate(image[None, None], slabs, mode="area")
    return interpolate(coarse, size, mode="trilinear", align_corners=False)[0, 0]


def _noisy(image: torch.Tensor, changes: HeadChanges, random: np.random.Generator) -> torch.Tensor:
    if random.random() < 0.2:
        image = avg_pool3d(image[None, None], 3, 1, 1, count_include_pad=False)[0, 0]
    deviation = changes.noise * random.random() ** 2
    noise = random.standard_normal(image.shape, dtype=np.float32) * np.float32(deviation)
    return (image + torch.from_numpy(noise)).abs()
