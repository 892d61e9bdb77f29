"""The plane of symmetry of a head, and how much of a lesion has a mirror image that is marked too.

A network that takes ventricles or white matter for tumor does so on both sides; a tumor is rarely symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from kdnet.data.preprocessing.foreground import Foreground
from kdnet.data.volumes.grid import Grid, Volume

STEP_MM = 6.0  # ventricles and hemispheres are seen; a search takes 0.2 s

POINTS = 4000  # of the patient, compared with their mirror images

FEWEST_POINTS = 100

STARTS = tuple(np.radians([-30.0, -15.0, 0.0, 15.0, 30.0]))  # turns of the head about two axes

OFFSET_MM = 100.0  # brings offsets to the scale of angles

OUTSIDE = -4.0  # on the scale of standard deviations, of which the patient has -2 to 2

MOST_VOXELS = 20_000  # of a lesion, to look at


@dataclass(frozen=True, eq=False)
class Mirror:
    """A plane of symmetry.

    Attributes:
        normal: unit vector ``[3]``, RAS.
        point: a point of the plane ``[3]``, RAS mm.
    """

    normal: NDArray[np.float64]
    point: NDArray[np.float64]

    @classmethod
    def of(cls, scan: Volume) -> Mirror | None:
        """Find the plane about which a head or brain differs least from its mirror image, near the sagittal plane.

        Returns:
            The plane; None if there is hardly a patient in the scan.
        """
        coarse, affine = _coarse(scan)
        inside = coarse > OUTSIDE
        points = np.argwhere(inside) @ affine[:3, :3].T + affine[:3, 3]
        if len(points) < FEWEST_POINTS:
            return None
        step = max(1, len(points) // POINTS)
        center, points, values = points.mean(axis=0), points[::step], coarse[inside][::step]
        inverse = np.linalg.inv(affine)

        def difference(parameters: NDArray[np.float64]) -> float:
            there = cls(_normal(parameters), center + _normal(parameters) * parameters[2] * OFFSET_MM).reflect(points)
            indices = (there @ inverse[:3, :3].T + inverse[:3, 3]).T
            found = ndimage.map_coordinates(coarse, indices, order=1, mode="constant", cval=OUTSIDE)
            return float(np.abs(values - found).mean())

        starts = sorted((np.array([turn, tilt, 0.0]) for turn, tilt in product(STARTS, STARTS)), key=difference)
        options = {"xatol": 5e-3, "fatol": 1e-4, "maxfev": 120}
        searches = [optimize.minimize(difference, start, method="Nelder-Mead", options=options) for start in starts[:2]]
        best = min(searches, key=lambda search: float(search.fun)).x
        return cls(_normal(best), center + _normal(best) * best[2] * OFFSET_MM)

    def reflect(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mirror images of points ``[n, 3]``, RAS mm."""
        return np.asarray(points - 2 * ((points - self.point) @ self.normal)[:, None] * self.normal)

    def share(self, box: tuple[slice, ...], mask: NDArray[np.bool_], marked: NDArray[np.bool_], grid: Grid) -> float:
        """Return the share of a lesion whose mirror image is marked, 0 to 1.

        Args:
            box: bounding box of the lesion.
            mask: the lesion within it.
            marked: all that is marked ``[i, j, k]``.
            grid: of ``marked``.
        """
        indices = np.argwhere(mask) + [side.start for side in box]
        indices = indices[:: max(1, len(indices) // MOST_VOXELS)]
        inverse = np.linalg.inv(grid.affine)
        there = self.reflect(indices @ grid.affine[:3, :3].T + grid.affine[:3, 3])
        images = np.rint(there @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
        within = ((images >= 0) & (images < marked.shape)).all(axis=1)
        return float(marked[tuple(images[within].T)].sum()) / len(indices)


def _normal(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a unit vector near the axis to the right, by two angles."""
    turn, tilt = parameters[:2]
    return np.array([np.cos(turn) * np.cos(tilt), np.sin(turn) * np.cos(tilt), np.sin(tilt)])


def _coarse(scan: Volume) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return standardized means of blocks of about 6 mm with :data:`OUTSIDE` around the patient, and their affine."""
    blocks = np.maximum(1, np.rint(STEP_MM / np.array(scan.grid.spacing))).astype(int)
    blocks = np.minimum(blocks, scan.grid.shape)
    counts = np.array(scan.grid.shape) // blocks
    kept = np.asarray(scan.voxels)[tuple(slice(0, n * size) for n, size in zip(counts, blocks, strict=True))]
    shape = tuple(int(value) for pair in zip(counts, blocks, strict=True) for value in pair)
    inside = Foreground.of(np.asarray(scan.voxels)).mask(kept)
    share = inside.reshape(shape).mean(axis=(1, 3, 5))
    total = np.where(inside, kept, 0).astype(np.float32).reshape(shape).mean(axis=(1, 3, 5))
    patient = share > 0.5
    means = np.divide(total, share, out=np.zeros_like(total), where=patient)
    affine = scan.grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ ((blocks - 1) / 2)
    affine[:3, :3] = affine[:3, :3] * blocks
    if not patient.any():
        return np.full(share.shape, OUTSIDE, np.float32), affine
    center, spread = float(means[patient].mean()), float(means[patient].std())
    standard = np.clip((means - center) / (spread or 1.0), -2, 2)
    return np.where(patient, standard, OUTSIDE).astype(np.float32), affine
