"""One picture of a prepared case: three planes of the head with its brain, and of each modality with its labels."""

from __future__ import annotations

import io

import nibabel
import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray

from kdnet.curation.assembly import Assembled
from kdnet.data.preprocessing.foreground import Foreground
from kdnet.data.volumes.grid import Grid
from kdnet.report.scan_views import PLANES, SUPERIOR, Plane
from kdnet.report.slices import enlarge

TILE = 200  # pixels
GAP = 4
JPEG_QUALITY = 85
FEWEST = 0.005  # share of patient in the outermost slice that is shown
BRAIN_COLOR = (1.0, 0.85, 0.1)
LABEL_COLORS = (
    (0.9, 0.2, 0.15),
    (0.2, 0.75, 0.3),
    (0.25, 0.55, 1.0),
    (0.85, 0.35, 0.9),
    (1.0, 0.6, 0.1),
    (0.2, 0.85, 0.85),
)


def case_picture(case: Assembled) -> bytes:
    """Return a JPEG picture: a row per plane, a column per modality, and one for the head if its brain was extracted."""
    grid = case.head.grid
    box = _head_box(case.head.voxels)
    head, *volumes = (_turned(volume.voxels[box], grid) for volume in (case.head, *case.volumes.values()))
    outline = None if case.mask is None else _turned(case.mask[box].astype(np.uint8), grid)
    labels = None if case.labels is None else _turned(case.labels.voxels[box], grid)
    focus = _focus(labels, outline, head)
    columns = [] if outline is None else [_column(head, outline, (BRAIN_COLOR,), focus, _steps(grid))]
    columns += [_column(volume, labels, LABEL_COLORS, focus, _steps(grid)) for volume in volumes]
    stream = io.BytesIO()
    picture = np.concatenate(columns, axis=1)
    imsave(stream, (picture * 255).astype(np.uint8), format="jpg", pil_kwargs={"quality": JPEG_QUALITY})
    return stream.getvalue()


def _column(
    voxels: NDArray[np.generic],
    marked: NDArray[np.generic] | None,
    colors: tuple[tuple[float, float, float], ...],
    focus: tuple[int, int, int],
    steps: tuple[float, float, float],
) -> NDArray[np.float64]:
    """Return the three planes of a volume below each other, ``[row, column, color]``."""
    values = voxels.astype(np.float32)
    low, high = (float(value) for value in np.percentile(values[::2, ::2], (1, 99.7)))
    shown = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    tiles = []
    for plane in PLANES:
        spacing = steps[plane.rows], steps[plane.columns]
        gray = np.clip(enlarge(_slice(shown, plane, focus), spacing, order=1, pixels=TILE), 0, 1)
        tile = np.repeat(np.asarray(gray, dtype=np.float64)[..., None], 3, axis=2)
        if marked is not None:
            big = np.asarray(enlarge(_slice(marked, plane, focus), spacing, order=0, pixels=TILE))
            for value in np.unique(big[big > 0]).tolist():
                tile[_edge(big == value)] = colors[(int(value) - 1) % len(colors)]
        tiles.append(_framed(tile))
    return np.concatenate(tiles, axis=0)


def _edge(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a region that touch another."""
    padded = np.pad(inside, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~inner


def _framed(tile: NDArray[np.float64]) -> NDArray[np.float64]:
    side = TILE + GAP
    frame = np.zeros((side, side, 3))
    row, column = ((side - size) // 2 for size in tile.shape[:2])
    frame[row : row + tile.shape[0], column : column + tile.shape[1]] = tile
    return frame


def _slice(voxels: NDArray[np.generic], plane: Plane, focus: tuple[int, int, int]) -> NDArray[np.generic]:
    flat = np.take(voxels, focus[plane.across], axis=plane.across)
    rows_first = flat.T if plane.columns < plane.rows else flat
    return np.asarray(rows_first[::-1] if plane.rows == SUPERIOR else rows_first)


def _head_box(voxels: NDArray[np.generic]) -> tuple[slice, ...]:
    """Return the box around the patient."""
    inside = Foreground.of(voxels).mask(voxels)
    box = []
    for axis in range(3):
        found = np.flatnonzero(inside.mean(axis=tuple({0, 1, 2} - {axis})) > FEWEST)
        box.append(slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(None))
    return tuple(box)


def _focus(
    labels: NDArray[np.generic] | None, mask: NDArray[np.generic] | None, head: NDArray[np.generic]
) -> tuple[int, int, int]:
    """Return the voxel through which the planes go: the largest sections of the labels, or the middle of the brain."""
    if labels is not None and labels.any():
        areas = (np.count_nonzero(labels, axis=tuple({0, 1, 2} - {axis})) for axis in range(3))
        i, j, k = (int(area.argmax()) for area in areas)
    elif mask is not None and mask.any():
        i, j, k = (int(index) for index in np.argwhere(mask).mean(axis=0))
    else:
        i, j, k = (size // 2 for size in head.shape)
    return i, j, k


def _turned(voxels: NDArray[np.generic], grid: Grid) -> NDArray[np.generic]:
    """Return voxels along left, posterior, superior."""
    return np.asarray(nibabel.orientations.apply_orientation(voxels, _turn(grid)))


def _turn(grid: Grid) -> NDArray[np.float64]:
    wanted = nibabel.orientations.axcodes2ornt("LPS")
    return np.asarray(nibabel.orientations.ornt_transform(nibabel.orientations.io_orientation(grid.affine), wanted))


def _steps(grid: Grid) -> tuple[float, float, float]:
    """Return the spacing along left, posterior, superior."""
    turned = grid.affine @ nibabel.orientations.inv_ornt_aff(_turn(grid), grid.shape)
    i, j, k = np.linalg.norm(turned[:3, :3], axis=0).tolist()
    return i, j, k
