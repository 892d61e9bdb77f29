"""From stored volumes to the network's input, and back.

Order: reorient the axes to the closest of right, anterior, superior; crop to the head; resample; normalize. Cropping
comes first so that everything after it processes only the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import nibabel
import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from kdnet.data.preprocessing.foreground import Foreground
from kdnet.data.preprocessing.resampling import resample, resampling_matrix
from kdnet.data.volumes.geometry import require_same_grid
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.masks import bounding_box
from kdnet.errors import DataError
from kdnet.schema.preprocessing import Intensities, Preprocessing

PATIENT_SHARE = 0.01  # a preprocessed voxel with a larger patient fraction is foreground

LEAST_PEAK, GREATEST_PEAK = 2.0**-10, 2.0**64  # range of peak intensities that need no rescaling for float32 computation

FLAT_SHARE = 2.0**-23  # of the peak; smaller deviations are float32 rounding errors

SEARCH_STEP_MM = 2.0  # approximate grid spacing of the search for the head

DARKEST, BRIGHTEST = 0.01, 0.99  # quantiles mapped to 0 and 1 when intensities are scaled by range


@dataclass(frozen=True, eq=False)
class CropTransform:
    """The location of a preprocessed image in its source volume.

    Attributes:
        original: grid of the stored volume.
        axes: for each RAS axis, the stored axis that runs along it.
        flipped: for each RAS axis, whether the stored axis runs against it.
        box: crop box, start and stop per RAS axis, in stored voxels.
        spacing: spacing of the stored voxels along the RAS axes in mm.
        shape: shape of the preprocessed image.
        prepared_spacing: spacing of the preprocessed image in mm.
    """

    original: Grid
    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    box: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    spacing: tuple[float, float, float]
    shape: tuple[int, int, int]
    prepared_spacing: tuple[float, float, float]

    def reoriented(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """Return a view of ``voxels`` ``[i, j, k]`` with its axes along right, anterior, superior."""
        reoriented = np.transpose(voxels, self.axes)
        return reoriented[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]

    def cropped(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """Return a view of ``voxels`` reoriented and cropped to the crop box; writing to it changes ``voxels``."""
        return self.reoriented(voxels)[tuple(slice(start, stop) for start, stop in self.box)]

    def matrices(self, *, back: bool = False) -> list[torch.Tensor]:
        """Return resampling matrices from the crop box to the preprocessed grid, or ``back``."""
        pairs = []
        for (start, stop), step, size, prepared in zip(
            self.box, self.spacing, self.shape, self.prepared_spacing, strict=True
        ):
            length = stop - start
            # both grids share their center, so rounding the size causes no shift
            offset = (length * step - size * prepared) / 2
            arguments = (size, prepared, length, step, -offset) if back else (length, step, size, prepared, offset)
            pairs.append(torch.from_numpy(resampling_matrix(*arguments)))
        return pairs


def prepare_image(
    volumes: Sequence[Volume], settings: Preprocessing, names: Sequence[str] = ()
) -> tuple[NDArray[np.float32], CropTransform]:
    """Preprocess the modalities of one case.

    Args:
        volumes: one volume per modality, all on one grid.
        settings: settings of the model or training.
        names: names of the volumes, for messages.

    Returns:
        float32 ``[modality, i, j, k]`` along right, anterior, superior, each modality normalized as the settings specify;
        and its location.

    Raises:
        DataError: if the grids differ or only background is found.
    """
    for index, volume in enumerate(volumes[1:], start=1):
        name = names[index] if names else f"modality {index + 1}"
        require_same_grid(volume.grid, volumes[0].grid, name, "the first modality")
    volumes = [_in_usual_unit(volume) for volume in volumes]
    axes, flipped = _stored_axes(volumes[0].grid)
    transform = _without_crop(volumes[0].grid, axes, flipped)
    foregrounds = [Foreground.of(transform.reoriented(volume.voxels)) for volume in volumes]
    transform = _crop_transform(volumes, foregrounds, transform, settings)
    matrices = transform.matrices()
    prepared = np.zeros((len(volumes), *transform.shape), dtype=np.float32)
    for index, (volume, foreground) in enumerate(zip(volumes, foregrounds, strict=True)):
        part = transform.cropped(volume.voxels)
        if settings.intensities is Intensities.RANGE:
            prepared[index] = ranged(resample(_as_tensor(part), matrices))
            continue
        # at the edge, patient and background are averaged: a fine scan must look like a coarse one of the same head, which
        # a network may have been trained on
        share = resample(_as_tensor(foreground.mask(part)), matrices)
        values = resample(_as_tensor(part), matrices)
        prepared[index] = _normalized(values, share > PATIENT_SHARE)
    return prepared, transform


def prepare_labelmap(volume: Volume, transform: CropTransform) -> NDArray[np.uint8]:
    """Resample a reference labelmap to the preprocessed grid: each voxel gets the label that covers most of it.

    Returns:
        uint8 ``[i, j, k]``.

    Raises:
        DataError: if the labelmap is not on the grid of the image.
    """
    require_same_grid(volume.grid, transform.original, "the reference segmentation", "the images")
    part = transform.cropped(volume.voxels)
    matrices = transform.matrices()
    best = torch.full(transform.shape, -1.0)
    labelmap = torch.zeros(transform.shape, dtype=torch.uint8)
    for value in np.unique(part):
        share = resample(torch.from_numpy((part == value).astype(np.float32)), matrices)
        larger = share > best
        labelmap[larger] = int(value)
        best = torch.maximum(best, share)
    return labelmap.numpy()


def ranged(values: torch.Tensor) -> torch.Tensor:
    """Map the quantiles ``DARKEST`` and ``BRIGHTEST`` of ``values`` to 0 and 1, and clip beyond."""
    ordered = values.ravel().sort().values
    low, high = (float(ordered[round(share * (len(ordered) - 1))]) for share in (DARKEST, BRIGHTEST))
    return ((values - low) / max(high - low, 1e-6)).clamp(0, 1)


def prepare_share(mask: Volume, transform: CropTransform) -> NDArray[np.float32]:
    """Resample a mask of 0 and other values to the preprocessed grid.

    Returns:
        float32 ``[i, j, k]``: the fraction of each voxel that the mask covers.

    Raises:
        DataError: if the mask is not on the grid of the image.
    """
    require_same_grid(mask.grid, transform.original, "the mask", "the image")
    part = np.ascontiguousarray(transform.cropped(mask.voxels) != 0, dtype=np.float32)
    return np.asarray(resample(torch.from_numpy(part), transform.matrices()).numpy())


def _as_tensor(part: NDArray[Any]) -> torch.Tensor:
    """Return a float32 copy of ``part`` in its memory order, which is several times faster than against it."""
    copy = np.array(part, dtype=np.float32, order="K")
    return torch.from_numpy(copy if min(copy.strides) > 0 else np.ascontiguousarray(copy))


def _in_usual_unit(volume: Volume) -> Volume:
    """Return ``volume``, scaled by a power of two (exact) if its intensities are too small or large for float32."""
    if volume.voxels.dtype.kind != "f":
        return volume
    peak = max(abs(float(volume.voxels.min())), abs(float(volume.voxels.max())))
    if peak == 0 or LEAST_PEAK <= peak <= GREATEST_PEAK:
        return volume
    # in float64, because the smallest values of a type have fewer digits
    return replace(volume, voxels=np.ldexp(volume.voxels.astype(np.float64), 10 - int(np.frexp(peak)[1])))


def _stored_axes(grid: Grid) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    orientation = nibabel.orientations.io_orientation(grid.affine)
    stored = [int(np.flatnonzero(orientation[:, 0] == axis)[0]) for axis in range(3)]
    flips = [bool(orientation[axis, 1] < 0) for axis in stored]
    return (stored[0], stored[1], stored[2]), (flips[0], flips[1], flips[2])


def _without_crop(grid: Grid, axes: tuple[int, int, int], flipped: tuple[bool, bool, bool]) -> CropTransform:
    """Return the transform of a volume that is neither cropped nor resampled."""
    i, j, k = (grid.shape[axis] for axis in axes)
    first, second, third = (grid.spacing[axis] for axis in axes)
    spacing = (first, second, third)
    return CropTransform(grid, axes, flipped, ((0, i), (0, j), (0, k)), spacing, (i, j, k), spacing)


def _crop_transform(
    volumes: Sequence[Volume], foregrounds: Sequence[Foreground], whole: CropTransform, settings: Preprocessing
) -> CropTransform:
    """Find the head in any of the volumes and place the preprocessed grid around it."""
    steps = [max(1, round(SEARCH_STEP_MM / step)) for step in whole.spacing]
    strided = tuple(slice(None, None, step) for step in steps)
    found = np.zeros([-(-size // step) for size, step in zip(whole.shape, steps, strict=True)], dtype=bool)
    for volume, foreground in zip(volumes, foregrounds, strict=True):
        mask = foreground.mask(whole.reoriented(volume.voxels)[strided])
        found |= mask if foreground.background is not None else _largest_component(mask)
    head = bounding_box(found)
    if head is None:
        raise DataError("the volume contains only background: choose a volume that shows a head.")
    box, shape = [], []
    for axis, side in enumerate(head):
        # one search step more, because the head may begin between two search positions
        margin = int(np.ceil(settings.margin / whole.spacing[axis])) + steps[axis] - 1
        start = max(0, side.start * steps[axis] - margin)
        stop = min(whole.shape[axis], (side.stop - 1) * steps[axis] + 1 + margin)
        box.append((start, stop))
        shape.append(max(1, round((stop - start) * whole.spacing[axis] / settings.spacing[axis])))
    return replace(
        whole,
        box=(box[0], box[1], box[2]),
        shape=(shape[0], shape[1], shape[2]),
        prepared_spacing=settings.spacing,
    )


def _largest_component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    components = sitk.RelabelComponent(sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8))))
    return np.asarray(sitk.GetArrayViewFromImage(components) == 1)


def _normalized(values: torch.Tensor, inside: torch.Tensor) -> NDArray[np.float32]:
    """Return z-scores over ``inside``, 0 elsewhere."""
    foreground = values[inside].double()
    if not foreground.numel():
        return torch.zeros_like(values).numpy()
    flat = max(FLAT_SHARE * float(foreground.abs().max()), float(np.finfo(np.float32).tiny))
    scaled = (values - float(foreground.mean())) / max(float(foreground.std(unbiased=False)), flat)
    return torch.where(inside, scaled, torch.zeros_like(scaled)).numpy()
