"""CPU seconds and memory of a segmentation over the size of the volume, from file to file.

    python Testing/benchmarks/bench_volumes.py [--edges 128 256 384 512] [--write FOLDER]

One head in ever finer voxels: the network, at 2 mm, does the same each time, and everything else grows with the voxels.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench_inputs import LEAST, STUDENT, model_for
from kdnet.data.phantom import make_case
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from measuring import machine, markdown_table, options, used_by

BASE = 128  # voxels along each edge of the coarsest volume
FIELD_MM = 256.0
CPU_SECONDS, PEAK_MIB = 4.0, 1536.0  # targets for 512³


@dataclass(frozen=True)
class Size:
    """The figures of one volume."""

    edge: int
    cpu: float
    peak_mib: float
    stages: dict[str, float]

    @property
    def voxels(self) -> int:
        return self.edge**3


def head(base: np.ndarray, times: int) -> np.ndarray:
    """Return the head in finer voxels, each with some noise, so that the file is as hard to inflate as a scan's."""
    voxels = base
    for axis in range(3):
        voxels = np.repeat(voxels, times, axis=axis)
    noise = np.random.default_rng(0).integers(0, 16, voxels.shape, dtype=np.int16)
    return np.where(voxels > 0, voxels + noise, 0).astype(np.int16)


def scan(path: Path, base: np.ndarray, times: int) -> Path:
    """Write the head in voxels of ``FIELD_MM / BASE / times`` mm."""
    voxels = head(base, times)
    step = FIELD_MM / voxels.shape[0]
    affine = np.diag([-step, -step, step, 1.0])
    affine[:3, 3] = [FIELD_MM / 2, FIELD_MM / 2, -FIELD_MM / 2]
    write_volume(path, Volume(voxels, Grid((voxels.shape[0], voxels.shape[1], voxels.shape[2]), affine)))
    return path


def measured(model: Path, path: Path, edge: int) -> Size:
    """Segment in a process of its own, warm."""
    side = str(Path(__file__).with_name("segment_sides.py"))
    usage = used_by([sys.executable, side, "kdnet", str(model), str(path), str(path.with_name("labels.nii.gz"))])
    answer = json.loads(usage.output.splitlines()[-1])
    return Size(edge, answer["cpu"], answer["peak_mib"], answer["stages"])


def page(sizes: Sequence[Size], where: str) -> str:
    """Return the page of Markdown."""
    stages = list(sizes[0].stages)
    rows = [
        [f"{size.edge}³", f"{size.cpu:.2f}", f"{1e9 * size.cpu / size.voxels:.0f}", f"{size.peak_mib:.0f}"]
        + [f"{size.stages[name]:.2f}" for name in stages]
        for size in sizes
    ]
    lines = [
        "# Size of the volume",
        "",
        "`Testing/benchmarks/bench_volumes.py`: one head of 256 mm in ever finer voxels, int16 in `.nii.gz`, segmented from file"
        f" to file by the T1ce student that ships, warm, in a process of its own. {where}. The peak is of the whole process.",
        "",
        "![CPU seconds and memory over the number of voxels](volumes.svg)",
        "",
        *markdown_table(
            ["voxels", "CPU seconds", "ns per voxel", "peak memory (MiB)", *(f"{name} (s)" for name in stages)], rows
        ),
        "",
        *verdicts(sizes),
    ]
    return "\n".join(lines)


def verdicts(sizes: Sequence[Size]) -> list[str]:
    """Return how the largest volume compares with the targets, and whether time grows with the voxels."""
    last = sizes[-1]
    growth = growing(sizes)
    told = [
        f"{last.edge}³: {last.cpu:.2f} CPU seconds (target {CPU_SECONDS:g}: {met(last.cpu <= CPU_SECONDS)}), {last.peak_mib:.0f}"
        f" MiB (target {PEAK_MIB:.0f}: {met(last.peak_mib <= PEAK_MIB)}). From each volume to the next, the CPU seconds beyond"
        f" those of the smallest grow {', '.join(f'{value:.2f}' for value in growth)} times as fast as the voxels; linear is 1.",
        "",
    ]
    return told


def growing(sizes: Sequence[Size]) -> list[float]:
    """Return the growth of the CPU seconds per voxel between neighbors, without what the smallest volume takes."""
    first = sizes[0]
    rates = [(size.cpu - first.cpu) / (size.voxels - first.voxels) for size in sizes[1:]]
    return [later / earlier for earlier, later in itertools.pairwise(rates)]


def met(reached: bool) -> str:
    return "met" if reached else "missed"


def draw(sizes: Sequence[Size], path: Path) -> None:
    """Draw time and memory over the number of voxels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    voxels = [size.voxels / 1e6 for size in sizes]
    values = ([size.cpu for size in sizes], [size.peak_mib for size in sizes])
    targets = (CPU_SECONDS, PEAK_MIB)
    for axes, name, heights, target in zip(
        figure.subplots(1, 2), ("CPU seconds", "peak memory (MiB)"), values, targets, strict=True
    ):
        axes.plot(voxels, heights, "o-", color="#2b7bba")
        axes.plot([voxels[-1]], [target], "_", color="#c0722e", markersize=16, label="target")
        axes.set_xlabel("million voxels")
        axes.set_ylabel(name)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main(edges: Sequence[int], folder: Path | None) -> None:
    where = machine()
    base = make_case((BASE,) * 3, FIELD_MM / BASE, np.random.default_rng(0)).images["t1ce"]
    base = np.where(base > 0, np.maximum(base, LEAST), 0)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        model = model_for(STUDENT, scan(work / "first.nii.gz", base, 1), work / "student.safetensors")
        sizes = []
        for edge in edges:
            path = scan(work / "scan.nii.gz", base, edge // BASE)
            sizes.append(measured(model, path, edge))
    text = page(sizes, where)
    print(text)
    if folder:
        draw(sizes, folder / "volumes.svg")
        (folder / "volumes.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--edges", type=int, nargs="+", default=[128, 256, 384, 512], help=f"multiples of {BASE}")
    args = parser.parse_args()
    main(args.edges, args.write)
