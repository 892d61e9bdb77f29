"""What extracting the brain changes for a tumor model on scans with skull.

    python Testing/benchmarks/bench_whole_heads.py MODEL SCAN... [--outlines FOLDER] [--brains FOLDER] [--brain METHOD] [-o FILE]

For each scan: how much of the outline ``SCAN_tumor`` is marked, and how much of what is marked lies outside of the brain
``SCAN_mask``, which another program found. Files without outline or brain get empty cells.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from pathlib import Path

import numpy as np
import torch
from kdnet.data.volumes.io import read_volume
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model
from kdnet.preparation.brain import BrainChoice, BrainExtractor

CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("scans", type=Path, nargs="+")
    parser.add_argument("--outlines", type=Path, help="folder of SCAN_tumor.nii.gz")
    parser.add_argument("--brains", type=Path, help="folder of SCAN_mask.nii.gz")
    parser.add_argument("--brain", default="automatic", help="as of kdnet segment (default: %(default)s)")
    parser.add_argument("--student", type=Path, help="another brain student than the one that ships")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--out", type=Path, help="CSV file to write")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    predictor, extractor = Predictor(load_model(args.model), CPU), BrainExtractor(CPU, args.student)
    rows = [measure(scan, predictor, extractor, args) for scan in args.scans]
    writer = csv.DictWriter(args.out.open("w", newline="") if args.out else sys.stdout, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)


def measure(scan: Path, predictor: Predictor, extractor: BrainExtractor, args: argparse.Namespace) -> dict[str, object]:
    volume, name = read_volume(scan), scan.name.removesuffix(".nii.gz")
    started = time.perf_counter()
    brain = extractor.extract([volume], [name], BrainChoice.parse(args.brain), expected=True)
    extracted = time.perf_counter()
    labelmap = predictor.predict(list(brain.volumes)).labelmap.voxels
    finished = time.perf_counter()
    outline, reference = (
        read_mask(folder, f"{name}_{kind}") for folder, kind in ((args.outlines, "tumor"), (args.brains, "mask"))
    )
    marked, core = labelmap > 0, np.isin(labelmap, (1, 3))
    ml = float(np.prod(volume.grid.spacing)) / 1000
    row: dict[str, object] = {
        "scan": name,
        "extraction s": f"{extracted - started:.2f}",
        "tumor model s": f"{finished - extracted:.2f}",
        "brain mL": f"{brain.mask.voxels.sum() * ml:.0f}" if brain.mask else "",
        "marked mL": f"{marked.sum() * ml:.1f}",
        "core mL": f"{core.sum() * ml:.1f}",
        "outline mL": "",
        "outline marked %": "",
        "core Dice": "",
        "outside brain %": "",
    }
    if outline is not None and outline.any():
        row["outline mL"] = f"{outline.sum() * ml:.1f}"
        row["outline marked %"] = f"{100 * (outline & marked).sum() / outline.sum():.0f}"
        row["core Dice"] = f"{2 * (outline & core).sum() / (outline.sum() + core.sum()):.2f}"
    if reference is not None:
        row["outside brain %"] = f"{100 * (marked & ~reference).sum() / max(1, marked.sum()):.1f}"
    print(row, file=sys.stderr, flush=True)
    return row


def read_mask(folder: Path | None, name: str) -> np.ndarray | None:
    path = folder / f"{name}.nii.gz" if folder else None
    return np.asarray(read_volume(path).voxels != 0) if path and path.exists() else None


if __name__ == "__main__":
    main()
