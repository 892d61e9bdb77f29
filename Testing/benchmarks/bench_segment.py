"""From a file to a labelmap: kdnet against MONAI and nnU-Net, with the same crop, normalization and weights.

    python Testing/benchmarks/bench_segment.py [--runs 3] [--nnunet PYTHON] [--write FOLDER] [--scan FILE]

Two networks segment a phantom of 240 x 240 x 155 voxels of 1 mm: one at 1 mm, where nothing is resampled and nnU-Net runs its
own network class with the same weights, and the student that ships, at 2 mm. nnU-Net interpolates where kdnet averages, so the
student also segments a phantom whose voxels are 2 mm, where all sides do the same work. MONAI works with its transforms and sliding
windows, nnU-Net v2 (from an interpreter that has ``nnunetv2``: ``pip install '.[bench]'``) with its reader, preprocessing,
predictor and export. A side whose labelmap does not agree with kdnet's to a Dice of 0.99 did other work and is reported as not
comparable. Each side runs in a process of its own, in turn with the others; figures are warm, without start and import, the
peak is of the whole process. Compare CPU seconds where the machine does other work.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from bench_inputs import STUDENT, UNET, model_for, phantom_scan
from kdnet.data.volumes.io import read_volume
from kdnet.inference.precision import reduced_precision
from kdnet.model_file import load_model
from measuring import clock, machine, options

CPU = torch.device("cpu")
COARSE = (150, 150, 78)  # voxels of 2 mm
COMPARABLE = 0.99  # Dice with the labelmap of kdnet, of the region with the lowest
NAMES = {
    "kdnet": "kdnet",
    "kdnet32": "kdnet, float32",
    "bare16": "forward pass alone, bfloat16",
    "bare32": "forward pass alone, float32",
    "monai": "MONAI, sliding windows",
    "nnunet": "nnU-Net, predictor without mirroring",
}
BARE = ("bare16", "bare32")


@dataclass(frozen=True)
class Comparison:
    """The figures of all sides on one scan.

    Attributes:
        title: what was segmented, with what.
        runs: of each side, the figures of each run.
        dice: of each side that writes a labelmap, the lowest Dice of a region with that of kdnet.
        reduced: whether kdnet computes in bfloat16.
        voxels: voxels that kdnet labeled.
    """

    title: str
    runs: Mapping[str, Sequence[Mapping]]
    dice: Mapping[str, float]
    reduced: bool
    voxels: int

    def middle(self, side: str, figure: str) -> float:
        return median(run[figure] for run in self.runs[side])

    def comparable(self, side: str) -> bool:
        return self.dice.get(side, 1.0) >= COMPARABLE


def compare(title: str, model: Path, scan: Path, folder: Path, runs: int, nnunet: str) -> Comparison:
    """Run all sides in turn."""
    sides = [side for side in NAMES if side != "nnunet" or nnunet]
    results: dict[str, list[dict]] = {side: [] for side in sides}
    for _ in range(runs):
        for side in sides:
            python = nnunet if side == "nnunet" else sys.executable
            results[side].append(_measured(python, side, model, scan, folder / f"{side}.nii.gz"))
    dice = {side: _agreement(folder, side, model) for side in sides if side not in ("kdnet", *BARE)}
    reduced = reduced_precision(CPU, load_model(model).card.figures) is not None
    voxels = int((read_volume(folder / "kdnet.nii.gz").voxels > 0).sum())
    return Comparison(title, results, dice, reduced, voxels)


def _measured(python: str, side: str, model: Path, scan: Path, output: Path) -> dict:
    command = [python, str(Path(__file__).with_name("segment_sides.py")), side, str(model), str(scan), str(output)]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}  # threads that spin would count as CPU time
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8", env=environment)
    return json.loads(answer.stdout.splitlines()[-1])


def _agreement(folder: Path, side: str, model: Path) -> float:
    from kdnet.evaluation.metrics import score_case  # imports all of MONAI

    found = [read_volume(folder / f"{name}.nii.gz") for name in ("kdnet", side)]
    scores = score_case(found[0].voxels, found[1].voxels, load_model(model).card.labels, found[0].grid.spacing)
    return min(score.dice for score in scores)


def table(comparison: Comparison) -> list[str]:
    """Return the rows of Markdown."""
    one = comparison.middle("kdnet", "cpu")
    lines = [
        f"## {comparison.title}",
        "",
        "| | CPU seconds | kdnet = 1 | peak memory (MiB) | Dice with kdnet | seconds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for side in comparison.runs:
        seconds, cpu, peak = (comparison.middle(side, figure) for figure in ("seconds", "cpu", "peak_mib"))
        ratio = f"{cpu / one:.2f}" if comparison.comparable(side) else "not comparable"
        agreed = f"{comparison.dice[side]:.3f}" if side in comparison.dice else ""
        lines.append(f"| {NAMES[side]} | {cpu:.2f} | {ratio} | {peak:.0f} | {agreed} | {clock(seconds, cpu)} |")
    stages = comparison.runs["kdnet"][0]["stages"]
    shares = {name: median(run["stages"][name] for run in comparison.runs["kdnet"]) for name in stages}
    lines += [
        "",
        f"kdnet computes in {'bfloat16' if comparison.reduced else 'float32'} and labels {comparison.voxels:,} voxels. CPU"
        " seconds of its stages: " + ", ".join(f"{name} {value:.3f}" for name, value in shares.items()) + ".",
        "",
    ]
    return lines


def page(comparisons: Sequence[Comparison], runs: int, nnunet: str, where: str) -> str:
    """Return the page of Markdown."""
    many = f"medians of {runs} runs in turn" if runs > 1 else "one run of each side"
    missing = "" if nnunet else " nnU-Net is left out: nnunetv2 is not installed (`pip install '.[bench]'`)."
    lines = [
        "# From a file to a labelmap",
        "",
        f"`Testing/benchmarks/bench_segment.py`: {many}, {torch.get_num_threads()} threads, a phantom of 240 x 240 x 155 voxels of"
        f" 1 mm, and one of 2 mm. {where}. All sides use the same crop, normalization and weights, and no side"
        f" removes debris. A side whose labels agree with those of kdnet to a Dice below {COMPARABLE} did other work and is not"
        " comparable. Compare CPU seconds (user and system); seconds are left out where other programs used the"
        f" processor.{missing}",
        "",
        "![CPU seconds from a file to a labelmap](segment.svg)",
        "",
    ]
    for comparison in comparisons:
        lines += table(comparison)
    return "\n".join(lines)


def draw(comparisons: Sequence[Comparison], path: Path) -> None:
    """Draw the CPU seconds of the comparable sides."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.6 * len(comparisons)), layout="constrained")
    for axes, comparison in zip(figure.subplots(len(comparisons), squeeze=False)[:, 0], comparisons, strict=True):
        sides = [side for side in comparison.runs if comparison.comparable(side)][::-1]
        colors = ["#9aa5b1" if side in BARE else "#2b7bba" if side.startswith("kdnet") else "#c0722e" for side in sides]
        bars = axes.barh([NAMES[side] for side in sides], [comparison.middle(side, "cpu") for side in sides], color=colors)
        axes.bar_label(bars, fmt="%.2f", padding=3)
        axes.set_title(comparison.title, loc="left", fontsize=10)
        axes.set_xlabel("CPU seconds")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main(runs: int, nnunet: str, scan: Path | None, folder: Path | None) -> None:
    where = machine()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        scan = scan or phantom_scan(work / "scan.nii.gz")
        unet = model_for(UNET, scan, work / "unet.safetensors", own_spacing=True)
        student = model_for(STUDENT, scan, work / "student.safetensors")
        coarse = phantom_scan(work / "coarse.nii.gz", COARSE, spacing=2)
        kept = model_for(STUDENT, coarse, work / "kept.safetensors", own_spacing=True)
        comparisons = [
            compare("A U-Net at the spacing of the scan, 1 mm", unet, scan, work, runs, nnunet),
            compare("The T1ce student that ships, from 1 mm to 2 mm", student, scan, work, runs, nnunet),
            compare("The T1ce student that ships, on a scan of 2 mm", kept, coarse, work, runs, nnunet),
        ]
    text = page(comparisons, runs, nnunet, where)
    print(text)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        draw(comparisons, folder / "segment.svg")
        (folder / "segment.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--scan", type=Path, help="T1ce of a brain (default: a phantom)")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    main(args.runs, args.nnunet, args.scan, args.write)
