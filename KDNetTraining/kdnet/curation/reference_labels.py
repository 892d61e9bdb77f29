"""Carry an expert segmentation along to the grid of a prepared case, and check that none of it is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from kdnet.curation.candidate import Candidate
from kdnet.curation.label_files import named_scan
from kdnet.data.volumes.geometry import SAME_PLACE_MM
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, to_sitk
from kdnet.errors import DataError
from kdnet.schema.modalities import display_name
from kdnet.segmentation.grouping import image_stem

MOST_LABEL = 255
NOTABLE_LOSS = 0.1  # of the volume of a label
NEGLIGIBLE_ML = 0.05


def read_labels(path: Path) -> Volume:
    """Read an expert segmentation as uint8.

    Raises:
        DataError: if it cannot be read, or its values are not integers from 0 to 255.
    """
    volume = read_volume(path)
    values = np.unique(volume.voxels)
    if (values < 0).any() or (values > MOST_LABEL).any() or (values != np.round(values)).any():
        raise DataError(
            f"{path} is not a labelmap (its values are not integers from 0 to {MOST_LABEL}): correct or remove it."
        )
    return Volume(np.asarray(volume.voxels).astype(np.uint8), volume.grid, volume.warnings)


@dataclass(frozen=True, eq=False)
class Drawn:
    """An expert segmentation, and where it was drawn.

    Attributes:
        file: its file.
        labels: its labels.
        scan: the series on which it was drawn; None if any of its geometry will do.
    """

    file: Path
    labels: Volume
    scan: Candidate | None = None

    @classmethod
    def read(cls, file: Path, candidates: Sequence[Candidate]) -> Drawn:
        """Read a segmentation, and find its series: ``P1_T1ce-2_seg`` was drawn on ``P1_T1ce-2``.

        Args:
            file: file of the segmentation.
            candidates: series of its case.

        Raises:
            DataError: if it cannot be read, or several series of one modality have its geometry: they may show the patient
                in different positions.
        """
        labels = read_labels(file)
        here = [item for item in candidates if item.grid is not None and item.grid.matches(labels.grid, SAME_PLACE_MM)]
        stems = {image_stem(Path(item.name)): item for item in here}
        if named := named_scan(image_stem(file), stems):
            return cls(file, labels, stems[named])
        for item in here:
            same = [other for other in here if (other.modality, other.original) == (item.modality, item.original)]
            if len(same) > 1:
                names = ", ".join(other.name for other in same[:3])
                raise DataError(
                    f"{file.name} has the geometry of several {display_name(item.modality)} series ({names}), so it is"
                    f" unknown on which it was drawn: name it after its series ({image_stem(Path(item.name))}_seg), or"
                    " remove the others."
                )
        return cls(file, labels)


def moved_labels(labels: Volume, target: Grid, transform: sitk.Transform) -> Volume:
    """Return labels on another grid, each voxel with the label of the nearest one.

    Args:
        labels: uint8 labels.
        target: grid to fill.
        transform: maps points of the target to points of the labels, in LPS mm.
    """
    grid = to_sitk(Volume(np.zeros(target.shape, np.uint8), target))
    image = sitk.Resample(to_sitk(labels), grid, transform, sitk.sitkNearestNeighbor, 0)
    return Volume(np.asarray(sitk.GetArrayFromImage(image).T), target)


def volumes_ml(labels: Volume) -> Mapping[int, float]:
    """Return the volume of each label in mL."""
    values, counts = np.unique(labels.voxels, return_counts=True)
    found = zip(values.tolist(), counts.tolist(), strict=True)
    return {int(value): count * labels.grid.voxel_ml for value, count in found if value}


def check_labels(before: Volume, after: Volume) -> tuple[str, ...]:
    """Compare labels before and after they were moved.

    Returns:
        Notable changes, as sentences.

    Raises:
        DataError: if a label has vanished.
    """
    was, now = volumes_ml(before), volumes_ml(after)
    changes = []
    for value, amount in was.items():
        left = now.get(value, 0.0)
        if not left:
            raise DataError(
                f"label {value} ({amount:.2g} mL) of the segmentation would be lost on the grid of the reference scan: "
                "choose a reference that covers it, or a finer grid (--reference, --spacing)."
            )
        if abs(left - amount) > max(NOTABLE_LOSS * amount, NEGLIGIBLE_ML):
            changes.append(
                f"Label {value} has {left:.2f} mL on the new grid, and had {amount:.2f} mL: look at the pictures."
            )
    return tuple(changes)
