"""Check that the slices of a DICOM series form one regular stack, and locate it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.dicom_file import DicomHeader
from kdnet.data.volumes.dicom_groups import COMPONENT, FRAME_TYPE, STACK
from kdnet.data.volumes.geometry import SHEAR_LIMIT, SPACING_LIMIT, straight_grid
from kdnet.data.volumes.grid import Grid
from kdnet.errors import DataError

ROWS, COLUMNS = 0x00280010, 0x00280011

PIXEL_SPACING, POSITION, ORIENTATION = 0x00280030, 0x00200032, 0x00200037

SLICE_DISTANCE, THICKNESS = 0x00180088, 0x00180050

SAME = {  # attributes that slices of one volume share, in the order of reporting
    0x00100020: "patients",
    0x00080060: "modalities",
    0x00200052: "frames of reference",
    0x00180081: "echo times",
    0x00180086: "echoes",
    0x00180082: "inversion times",
    0x00200100: "time points",
    FRAME_TYPE: "image types",
    COMPONENT: "image types",
    STACK: "stacks",
    0x00189087: "diffusion weightings",
}

LPS_RAS = np.array([-1.0, -1.0, 1.0])

SAME_PLACE_MM = 0.01

ROUNDING = 1e-3  # of a direction cosine, or relative for a pixel spacing, between the slices of one stack

UNIT_LIMIT = 0.01  # maximum deviation of a direction vector's length from 1

GAP_LIMIT = 0.1  # maximum deviation of a slice from a regular stack, relative to the slice distance

REMARK_LIMIT = 0.03  # deviation above which a remark is made

SEE_WHY = "export each volume as a separate series"


@dataclass(frozen=True)
class Stack:
    """A series whose slices form one volume.

    Attributes:
        headers: headers of the slices, in the order of the third axis.
        grid: grid of the volume; i runs along a row, j along a column.
        doubts: ambiguities in the headers.
    """

    headers: tuple[DicomHeader, ...]
    grid: Grid
    doubts: tuple[str, ...]


def stack_of(folder: Path, headers: Sequence[DicomHeader]) -> Stack:
    """Sort the slices of a series into a stack.

    Args:
        folder: path of the folder, for messages.
        headers: headers of the images, in any order.

    Raises:
        DataError: if the position of a slice is unknown, or the slices are not one regular stack.
    """
    for header in headers:
        _require_place(header)
    sizes = {(header.integer(ROWS), header.integer(COLUMNS)) for header in headers}
    if len(sizes) > 1:
        raise DataError(f"{folder} contains slices of different sizes: {SEE_WHY}.")
    if len(headers) == 1:
        raise DataError(f"{folder} contains a single slice: choose a folder with the files of a 3D series.")
    directions, spacing = _common(folder, headers)
    normal = np.cross(directions[0], directions[1])
    positions = np.array([header.numbers(POSITION, 3) for header in headers])
    order = np.argsort(positions @ normal, kind="stable")
    ordered = tuple(headers[index] for index in order)
    positions = positions[order]
    _require_one_volume(folder, ordered, positions @ normal)
    step, doubts = _regular_step(folder, positions, normal)
    affine = np.eye(4)
    affine[:3, :3] = LPS_RAS[:, None] * np.column_stack([directions[0] * spacing[1], directions[1] * spacing[0], step])
    affine[:3, 3] = LPS_RAS * positions[0]
    rows, columns = sizes.pop()
    grid = straight_grid((columns, rows, len(headers)), affine, folder)
    return Stack(ordered, grid, doubts + _distance_doubt(ordered[0], float(np.linalg.norm(step))))


def _require_place(header: DicomHeader) -> None:
    """Refuse a slice whose position GDCM would make up."""
    spacing = header.numbers(PIXEL_SPACING, 2)
    orientation = header.numbers(ORIENTATION, 6)
    for found, name in (
        (header.numbers(POSITION, 3), "Image Position (Patient)"),
        (orientation, "Image Orientation (Patient)"),
        (spacing if spacing and min(spacing) > 0 else None, "Pixel Spacing"),
    ):
        if found is None:
            raise DataError(f"{header.path} has no {name}, so its position is unknown: export the DICOM series again.")
    assert orientation is not None
    axes = np.reshape(orientation, (2, 3))
    lengths = np.linalg.norm(axes, axis=1)
    if (np.abs(lengths - 1) > UNIT_LIMIT).any() or abs(axes[0] @ axes[1]) > SHEAR_LIMIT:
        raise DataError(f"{header.path} has an invalid Image Orientation (Patient): export the DICOM series again.")


def _common(folder: Path, headers: Sequence[DicomHeader]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the row and column directions ``[2, 3]`` and the pixel spacing ``[row, column]`` shared by all slices."""
    axes = np.array([header.numbers(ORIENTATION, 6) for header in headers])
    if np.ptp(axes, axis=0).max() > ROUNDING:
        raise DataError(f"{folder} contains slices of different orientations, like a localizer: {SEE_WHY}.")
    spacing = np.array([header.numbers(PIXEL_SPACING, 2) for header in headers])
    if (np.ptp(spacing, axis=0) > ROUNDING * spacing.min(axis=0)).any():
        raise DataError(f"{folder} contains slices of different pixel spacings: {SEE_WHY}.")
    directions = axes.mean(axis=0).reshape(2, 3)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True), spacing.mean(axis=0)


def _require_one_volume(folder: Path, headers: Sequence[DicomHeader], distances: NDArray[np.float64]) -> None:
    """Refuse several volumes in one series, whether their slices coincide or lie side by side."""
    places = np.concatenate([[0], np.cumsum(np.diff(distances) > SAME_PLACE_MM)])
    copies = set(Counter(places.tolist()).values())
    mixed = [name for tag, name in SAME.items() if len({_said(header, tag) for header in headers}) > 1]
    if copies != {1} and len(copies) == 1:
        kind = f" of different {mixed[0]}" if mixed else ""
        raise DataError(f"{folder} contains {copies.pop()} volumes{kind} in one series: {SEE_WHY}.")
    if copies != {1}:
        raise DataError(f"{folder} has duplicate or missing slices: export the DICOM series again.")
    if mixed:
        raise DataError(f"{folder} contains slices of different {mixed[0]} in one series: {SEE_WHY}.")


def _said(header: DicomHeader, tag: int) -> float | str:
    """Return a comparable value: a number rounded to four digits, because scanners write 4.6 and 4.60, or the text."""
    number = header.numbers(tag, 1)
    return header.text(tag) if number is None else float(f"{number[0]:.4g}")


def _regular_step(
    folder: Path, positions: NDArray[np.float64], normal: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the step from each slice to the next in mm, and remarks.

    Args:
        folder: path of the folder, for messages.
        positions: positions of the sorted slices, ``[slice, 3]`` in LPS mm.
        normal: slice normal.
    """
    count = len(positions)
    step = (positions[-1] - positions[0]) / (count - 1)
    distance = float(np.linalg.norm(step))
    gaps = np.diff(positions @ normal)
    if gaps.max() > 1.5 * np.median(gaps):
        raise DataError(
            f"{folder} has missing slices (a gap of {gaps.max():.3g} mm where slices are {np.median(gaps):.3g} mm apart): "
            "export the complete DICOM series again."
        )
    if np.linalg.norm(np.cross(step, normal)) > SHEAR_LIMIT * distance:
        raise DataError(
            f"{folder} is a sheared stack (slices offset from each other, as with a tilted gantry): "
            "resample it to an orthogonal grid first."
        )
    deviation = float(np.linalg.norm(positions - positions[0] - np.arange(count)[:, None] * step, axis=1).max())
    if deviation > GAP_LIMIT * distance or np.ptp(gaps) > GAP_LIMIT * distance:
        raise DataError(f"{folder} has missing or unevenly spaced slices: export the complete DICOM series again.")
    if deviation > REMARK_LIMIT * distance:
        return step, (f"has slices that deviate by up to {deviation:.2g} mm from even spacing: check lengths in it.",)
    return step, ()


def _distance_doubt(header: DicomHeader, distance: float) -> tuple[str, ...]:
    stated = header.numbers(SLICE_DISTANCE, 1)
    (thickness,) = header.numbers(THICKNESS, 1) or (0.0,)
    # some scanners store the gap between the slices here
    if (
        stated is None
        or stated[0] <= 0
        or min(abs(stated[0] - distance), abs(stated[0] + thickness - distance)) <= (SPACING_LIMIT * distance)
    ):
        return ()
    return (
        f"gives a slice distance of {stated[0]:.4g} mm, but its slice positions are {distance:.4g} mm apart: "
        "check that no slice is missing.",
    )
