"""Three slices of a segmented scan through its largest lesion, in radiological convention.

Slices are those of the scan's own grid, turned to the nearest anatomical axes, so that nothing is interpolated across them:
the acquisition plane shows the very slice in which the diameters were measured. The patient's right is on the left of
axial and coronal pictures; sagittal pictures look to the left. Letters name the sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import nibabel
import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.grid import Volume
from kdnet.report.slices import enlarge, paint_labels
from kdnet.schema.labels import LabelTable
from kdnet.schema.lesions import LesionTable, Line

PIXELS = 420
MARGIN_MM = 6.0
BACKGROUND = 0.1  # of the bright values
FEWEST = 0.01  # share of pixels above it in a row that shows something
LEFT, POSTERIOR, SUPERIOR = 0, 1, 2


@dataclass(frozen=True)
class Plane:
    """How a slice lies in a picture: array axes of columns and rows after turning to LPS, and the letters at its sides."""

    name: str
    across: int
    columns: int
    rows: int
    sides: tuple[str, str, str, str]


PLANES = (
    Plane("Axial", SUPERIOR, LEFT, POSTERIOR, ("R", "L", "A", "P")),
    Plane("Coronal", POSTERIOR, LEFT, SUPERIOR, ("R", "L", "S", "I")),
    Plane("Sagittal", LEFT, POSTERIOR, SUPERIOR, ("A", "P", "S", "I")),
)


@dataclass(frozen=True, eq=False)
class View:
    """One picture.

    Attributes:
        title: plane and slice, for example ``"Axial, slice 13 of 26"``.
        pixels: ``[row, column, color]``, 0 to 1, square pixels.
        lines: measured diameters that lie in the slice, each as ``(x, y)`` of both ends in pixels from the left upper
            corner.
        sides: letters of the left, right, upper and lower side.
    """

    title: str
    pixels: NDArray[np.float64]
    lines: tuple[tuple[tuple[float, float], tuple[float, float]], ...]
    sides: tuple[str, str, str, str]


def lesion_views(scan: Volume, labelmap: Volume, labels: LabelTable, lesions: LesionTable) -> tuple[View, ...]:
    """Draw the axial, coronal and sagittal slice through the largest lesion, or through the middle without one.

    Args:
        scan: gray values ``[i, j, k]``.
        labelmap: labels on the same grid.
        labels: their names and colors.
        lesions: measured on the labelmap.
    """
    turn = _turn(scan)
    gray, marked = _turned(scan.voxels, turn), _turned(labelmap.voxels, turn)
    affine = scan.grid.affine @ nibabel.orientations.inv_ornt_aff(turn, scan.grid.shape)
    measured = int(turn[lesions.slice_axis, 0])  # axis across the slices after turning
    flipped = [bool(turn[turn[:, 0] == axis, 1] < 0) for axis in range(3)]
    drawer = _Drawer(gray, marked.astype(np.uint8), affine, labels, tuple(flipped))
    focus = np.array(gray.shape) // 2
    lines: Sequence[Line] = ()
    if lesions.lesions:
        whole = lesions.lesions[0].whole
        lines = (whole.diameter, whole.perpendicular)
        focus = np.round(drawer.index(lesions.lesions[0].inside)).astype(int)
        focus[measured] = round(float(drawer.index(whole.diameter.start)[measured]))
    return tuple(drawer.view(plane, focus, lines if plane.across == measured else ()) for plane in PLANES)


@dataclass(frozen=True, eq=False)
class _Drawer:
    gray: NDArray[np.generic]
    labelmap: NDArray[np.uint8]
    affine: NDArray[np.float64]
    labels: LabelTable
    flipped: tuple[bool, ...]

    def index(self, point: Sequence[float]) -> NDArray[np.float64]:
        """Return the voxel index of a point in RAS mm."""
        return np.asarray(np.linalg.solve(self.affine, [*point, 1.0])[:3])

    def view(self, plane: Plane, focus: NDArray[np.int64], lines: Sequence[Line]) -> View:
        at = int(focus[plane.across])
        gray, marked = (self._plane(voxels, plane, at) for voxels in (self.gray, self.labelmap))
        spacing = np.linalg.norm(self.affine[:3, :3], axis=0)
        steps = float(spacing[plane.rows]), float(spacing[plane.columns])
        low, high = self._window()
        shown = np.clip((gray.astype(float) - low) / max(high - low, 1e-9), 0, 1)
        box = _head(shown, marked != 0, steps)
        big = enlarge(shown[box], steps, order=1, pixels=PIXELS)
        pixels = np.repeat(np.clip(big, 0, 1)[..., None], 3, axis=2)
        painted = paint_labels(pixels, enlarge(marked[box], steps, order=0, pixels=PIXELS), self.labels)
        scale = np.array(painted.shape[:2]) / np.array([part.stop - part.start for part in box])
        ends = tuple(
            (self._pixel(line.start, plane, box, scale), self._pixel(line.end, plane, box, scale)) for line in lines
        )
        count = self.gray.shape[plane.across]
        stored = count - at if self.flipped[plane.across] else at + 1  # as tables and viewers count
        return View(f"{plane.name}, slice {stored} of {count}", painted, ends, plane.sides)

    def _plane(self, voxels: NDArray[np.generic], plane: Plane, at: int) -> NDArray[np.generic]:
        """Return a slice as rows and columns, from above and from the patient's right or front."""
        flat = np.take(voxels, at, axis=plane.across)
        rows_first = flat.T if plane.columns < plane.rows else flat
        return np.asarray(rows_first[::-1] if plane.rows == SUPERIOR else rows_first)

    def _pixel(
        self, point: Sequence[float], plane: Plane, box: tuple[slice, slice], scale: NDArray[np.float64]
    ) -> tuple[float, float]:
        index = self.index(point)
        row = float(index[plane.rows])
        if plane.rows == SUPERIOR:
            row = self.gray.shape[SUPERIOR] - 1 - row
        x = (float(index[plane.columns]) + 0.5 - box[1].start) * scale[1]
        return float(x), float((row + 0.5 - box[0].start) * scale[0])

    def _window(self) -> tuple[float, float]:
        """Return the values shown black and white, the same in all pictures of a scan."""
        values = np.asarray(self.gray)[::2, ::2]
        low = float(np.percentile(values, 1))
        bright = values[values > values.mean()]
        return low, float(np.percentile(bright, 99)) if bright.size else low + 1


def _turn(scan: Volume) -> NDArray[np.float64]:
    """Return the orientation transform from the scan's axes to left, posterior, superior."""
    orientations = nibabel.orientations
    turn = orientations.ornt_transform(orientations.io_orientation(scan.grid.affine), orientations.axcodes2ornt("LPS"))
    return np.asarray(turn)


def _turned(voxels: NDArray[np.generic], turn: NDArray[np.float64]) -> NDArray[np.generic]:
    return np.asarray(nibabel.orientations.apply_orientation(voxels, turn))


def _head(shown: NDArray[np.float64], marked: NDArray[np.bool_], steps: tuple[float, float]) -> tuple[slice, slice]:
    """Return the box around what is not background, or the whole plane."""
    there = (shown > BACKGROUND) | marked
    box = []
    for axis, step in enumerate(steps):
        share = there.mean(axis=1 - axis)
        found = np.flatnonzero((share > FEWEST) | marked.any(axis=1 - axis))
        margin = round(MARGIN_MM / step)
        size = there.shape[axis]
        first, last = (int(found[0]), int(found[-1])) if len(found) else (0, size - 1)
        box.append(slice(max(0, first - margin), min(size, last + margin + 1)))
    return box[0], box[1]
