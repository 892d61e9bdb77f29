"""Simulated whole heads through automatic brain extraction: how many brains fail.

    python Testing/benchmarks/simulated_heads.py TABLE.csv -o SCORES.csv [--count 60] [--pictures FOLDER]

TABLE.csv has the columns ``scan`` and ``mask`` of real heads and the brains that another program found in them. Each simulated
head is one of them on a rotated grid with other spacing, slices along any axis, other coverage, gamma, shading and noise; the
numbers are drawn from its index, so that it is the same each time. With ``-o``, a run that was interrupted continues.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import KDNetError
from kdnet.preparation.brain import BrainChoice, BrainExtractor
from kdnet.preparation.images import image_of, voxels_of
from kdnet.preparation.skull import detect_skull
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

FAILED = 0.9  # Dice


@dataclass(frozen=True)
class Head:
    """What is changed.

    Attributes:
        degrees: rotations of the grid about x, y, z.
        in_plane: spacing within slices in mm.
        thickness: distance of slices in mm.
        axis: across the slices: 0 sagittal, 1 coronal, 2 axial.
        cut: share of the coverage along that axis that is missing, at either end.
        gamma: exponent of the brightness.
        shading: logarithm of the brightness from one side to the other.
        noise: standard deviation, relative to the 99th percentile.
    """

    degrees: tuple[float, float, float]
    in_plane: float
    thickness: float
    axis: int
    cut: tuple[float, float]
    gamma: float
    shading: tuple[float, float, float]
    noise: float

    @classmethod
    def drawn(cls, number: int) -> Head:
        random = np.random.default_rng(number)
        one, two, three = random.uniform(-25, 25, 3)
        cut = random.uniform(0, 0.15, 2) * (random.random() < 0.4)
        return cls(
            (float(one), float(two), float(three)),
            float(random.uniform(0.5, 1.4)),
            float(random.uniform(1, 7)),
            int(random.integers(3)),
            (float(cut[0]), float(cut[1])),
            float(np.exp(random.uniform(-0.4, 0.4))),
            tuple(random.uniform(-0.5, 0.5, 3).tolist()),
            float(random.uniform(0, 0.04)),
        )

    def grid(self, volume: Volume) -> Grid:
        """Return the grid of the simulated scan, about the center of the real one."""
        spacing = np.full(3, self.in_plane)
        spacing[self.axis] = self.thickness
        size = np.array(volume.grid.shape) * np.array(volume.grid.spacing)
        size = np.abs(volume.grid.affine[:3, :3] / volume.grid.spacing) @ size  # along right, anterior, superior
        shape = np.maximum(12, np.ceil(size / spacing)).astype(int)
        first = int(self.cut[0] * shape[self.axis])
        last = int(self.cut[1] * shape[self.axis])
        turn = Rotation.from_euler("xyz", self.degrees, degrees=True).as_matrix() @ np.diag(spacing)
        center = volume.grid.affine @ [*((np.array(volume.grid.shape) - 1) / 2), 1.0]
        affine = np.eye(4)
        affine[:3, :3] = turn
        affine[:3, 3] = center[:3] - turn @ ((shape - 1) / 2)
        start = np.zeros(3)
        start[self.axis] = first
        affine[:3, 3] += turn @ start
        shape[self.axis] -= first + last
        return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)

    def simulate(self, volume: Volume, mask: Volume) -> tuple[Volume, NDArray[np.bool_]]:
        """Return the simulated scan and its brain."""
        grid = self.grid(volume)
        target = image_of(Volume(np.zeros(grid.shape, np.float32), grid))
        sigma = [max(0.0, (step - own) / 2.5) for step, own in zip(grid.spacing, volume.grid.spacing, strict=True)]
        smooth = gaussian_filter(np.asarray(volume.voxels, dtype=np.float32), np.array(sigma) / volume.grid.spacing)
        image = image_of(Volume(smooth, volume.grid))
        voxels = voxels_of(sitk.Resample(image, target, sitk.Transform(), sitk.sitkLinear, 0.0))
        brain = voxels_of(
            sitk.Resample(
                image_of(Volume(np.asarray(mask.voxels != 0, dtype=np.float32), mask.grid)),
                target,
                sitk.Transform(),
                sitk.sitkLinear,
                0.0,
            )
        )
        top = float(np.quantile(voxels, 0.99)) or 1.0
        axes = np.meshgrid(*(np.linspace(-0.5, 0.5, size) for size in grid.shape), indexing="ij", sparse=True)
        field = np.exp(sum(slope * axis for slope, axis in zip(self.shading, axes, strict=True)))
        random = np.random.default_rng(len(voxels))
        changed = np.clip(voxels / top, 0, None) ** self.gamma * field
        changed = np.hypot(
            changed + self.noise * random.standard_normal(grid.shape), self.noise * random.standard_normal(grid.shape)
        )
        return Volume(np.asarray(changed * 1000, dtype=np.int16), grid), brain > 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--student", type=Path, help="another brain student than the one that ships")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of the brains that fail")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with args.table.open(newline="") as stream:
        heads = [(args.table.parent / row["scan"], args.table.parent / row["mask"]) for row in csv.DictReader(stream)]
    rows = list(csv.DictReader(args.out.open(newline=""))) if args.out.exists() else []
    extractor = BrainExtractor(torch.device("cpu"), args.student)
    for number in range(len(rows), args.count):
        rows.append(score(number, *heads[number % len(heads)], extractor, args.pictures))
        with args.out.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        print(rows[-1], file=sys.stderr, flush=True)
    scores = np.array([float(row["dice"]) for row in rows])
    seen = sum(row["skull"] == "present" for row in rows)
    print(
        f"{len(rows)} heads: mean Dice {scores.mean():.3f}, lowest {scores.min():.3f}, {(scores < FAILED).sum()} under {FAILED};"
        f" recognized as whole heads: {seen}"
    )


def score(number: int, scan: Path, mask: Path, extractor: BrainExtractor, pictures: Path | None) -> dict[str, str]:
    head = Head.drawn(number)
    volume, brain = head.simulate(read_volume(scan), read_volume(mask))
    row = {"number": str(number), "scan": scan.name, "skull": detect_skull(volume).value, "problem": ""}
    found = np.zeros(volume.grid.shape, bool)
    try:
        result = extractor.extract([volume], [scan.name], BrainChoice(), expected=True)
        found = np.ones_like(found) if result.mask is None else np.asarray(result.mask.voxels != 0)
    except KDNetError as error:
        row["problem"] = str(error)
    dice = 2 * np.count_nonzero(found & brain) / max(1, np.count_nonzero(found) + np.count_nonzero(brain))
    if pictures is not None and dice < FAILED:
        picture(pictures / f"{number}_{scan.name}.png", volume, found, brain)
    return {**row, "dice": f"{dice:.4f}", **{name: str(value) for name, value in asdict(head).items()}}


def picture(path: Path, volume: Volume, found: NDArray[np.bool_], brain: NDArray[np.bool_]) -> None:
    """Draw the middle slices: what was found in red, the brain in green."""
    path.parent.mkdir(parents=True, exist_ok=True)
    planes = []
    for axis in range(3):
        middle = volume.grid.shape[axis] // 2
        gray = np.clip(np.take(volume.voxels, middle, axis) / 1000 * 200, 0, 255).astype(np.uint8)
        color = np.stack([gray] * 3, axis=-1)
        color[..., 0] = np.maximum(color[..., 0], np.take(found, middle, axis) * 160)
        color[..., 1] = np.maximum(color[..., 1], np.take(brain, middle, axis) * 160)
        planes.append(np.rot90(color))
    side = max(max(plane.shape[:2]) for plane in planes)
    sheet = np.zeros((side, 3 * side, 3), np.uint8)
    for index, plane in enumerate(planes):
        sheet[: plane.shape[0], index * side : index * side + plane.shape[1]] = plane
    sitk.WriteImage(sitk.GetImageFromArray(sheet, isVector=True), str(path))


if __name__ == "__main__":
    main()
