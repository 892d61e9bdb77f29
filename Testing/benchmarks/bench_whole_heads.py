"""What a tumor model marks in scans as scanners give them: found, outside of the brain, in people without tumor.

    python Testing/benchmarks/bench_whole_heads.py MODEL SCAN... [--outlines FOLDER] [--brains FOLDER] [--brain METHOD] [-o FILE]

For each scan: how much of its outline is marked, how much of what is marked lies outside of the brain ``SCAN_mask``, which
another program found, and the seconds of CPU time that each stage takes. The outline is ``SCAN_tumor`` in a folder, or ``CASE_seg`` beside
the scan. Files without outline or brain get empty cells. With ``-o``, a
run that was interrupted continues. The summary goes to the terminal; docs/results/preparation.md shows
what to run.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from kdnet.data.volumes.io import read_volume
from kdnet.errors import KDNetError
from kdnet.inference.predictor import Predictor
from kdnet.measurement.confidence import judge
from kdnet.measurement.lesions import find_lesions
from kdnet.model_file import load_model
from kdnet.preparation.brain import BrainChoice, BrainExtractor
from kdnet.preparation.case import PreparationChoice, prepare_case
from kdnet.preparation.shading import ShadingMethod

CPU = torch.device("cpu")
COLUMNS = (
    *("preparation s", "tumor model s", "brain mL", "marked mL", "largest mL", "core mL"),
    *("outline mL", "outline marked %", "Dice", "core Dice", "outside brain %", "problem"),
)
SMALL_ML = 2.0  # at most this much may be marked in a person without tumor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("scans", type=Path, nargs="+")
    parser.add_argument("--outlines", type=Path, help="folder of SCAN_tumor.nii.gz")
    parser.add_argument("--brains", type=Path, help="folder of SCAN_mask.nii.gz")
    parser.add_argument("--brain", default="automatic", help="as of kdnet segment (default: %(default)s)")
    parser.add_argument("--shading", default="automatic", help="as of kdnet segment (default: %(default)s)")
    parser.add_argument("--student", type=Path, help="another brain student than the one that ships")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--out", type=Path, help="CSV file to write")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    predictor, extractor = Predictor(load_model(args.model), CPU), BrainExtractor(CPU, args.student)
    rows = earlier_rows(args.out)
    for scan in args.scans:
        if scan_name(scan) not in {row["scan"] for row in rows}:
            rows.append(measure(scan, predictor, extractor, args))
            write_rows(args.out, rows)  # a run that is interrupted continues
    print(summary(rows))


def earlier_rows(path: Path | None) -> list[dict[str, object]]:
    if path is None or not path.exists():
        return []
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(path: Path | None, rows: list[dict[str, object]]) -> None:
    if path is not None:
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def scan_name(scan: Path) -> str:
    return re.sub(r"\.nii(\.gz)?$", "", scan.name)


def measure(scan: Path, predictor: Predictor, extractor: BrainExtractor, args: argparse.Namespace) -> dict[str, object]:
    volume, name = read_volume(scan), scan_name(scan)
    choice = PreparationChoice(BrainChoice.parse(args.brain), ShadingMethod.parse(args.shading), force=True)
    row: dict[str, object] = {"scan": name, **dict.fromkeys(COLUMNS, "")}
    started = time.process_time()
    try:
        prepared = prepare_case(extractor, [volume], [name], choice, expected=True)
    except KDNetError as error:
        print(error, file=sys.stderr, flush=True)
        return {**row, "problem": str(error)}
    ready = time.process_time()
    labels, learned = predictor.model.card.labels, predictor.model.card.lesion_confidence
    prediction = predictor.predict(prepared.volumes, confidence=learned is not None)
    labelmap = prediction.labelmap
    if learned is not None:
        labelmap = judge(labelmap, labels, prediction.probabilities, learned, prepared.volumes[0]).labelmap
    finished = time.process_time()
    marked, core = labelmap.voxels > 0, np.isin(labelmap.voxels, (1, 3))
    lesions = find_lesions(labelmap, labels, most=1).table.lesions
    row |= {
        "preparation s": f"{ready - started:.2f}",
        "tumor model s": f"{finished - ready:.2f}",
        "brain mL": f"{prepared.mask.voxels.sum() * volume.grid.voxel_ml:.0f}" if prepared.mask else "",
        "marked mL": f"{marked.sum() * volume.grid.voxel_ml:.1f}",
        "largest mL": f"{lesions[0].whole.milliliters if lesions else 0:.1f}",
        "core mL": f"{core.sum() * volume.grid.voxel_ml:.1f}",
    }
    outline = read_mask(args.outlines / f"{name}_tumor.nii.gz" if args.outlines else scan.with_name(_reference(scan.name)))
    if outline is not None and outline.any():
        row["outline mL"] = f"{outline.sum() * volume.grid.voxel_ml:.1f}"
        row["outline marked %"] = f"{100 * (outline & marked).sum() / outline.sum():.0f}"
        row["Dice"], row["core Dice"] = (f"{dice(outline, found):.3f}" for found in (marked, core))
    brain = read_mask(args.brains / f"{name}_mask.nii.gz") if args.brains else None
    if brain is not None:
        row["outside brain %"] = f"{100 * (marked & ~brain).sum() / max(1, marked.sum()):.1f}"
    print(row, file=sys.stderr, flush=True)
    return row


def summary(rows: list[dict[str, object]]) -> str:
    """Return the figures of the tables in docs/results."""

    def numbers(column: str) -> np.ndarray:
        return np.array([float(str(row[column])) for row in rows if row[column] != ""])

    problems = sum(row["problem"] != "" for row in rows)
    parts = [f"{len(rows)} scans, {problems} refused"]
    for column in ("Dice", "core Dice"):
        if len(values := numbers(column)):
            parts.append(f"{column} median {np.median(values):.3f}, under 0.5 in {(values < 0.5).sum()} of {len(values)}")
    if len(values := numbers("outline marked %")):
        parts.append(f"found (more than half of the outline) in {(values > 50).sum()} of {len(values)}")
    if len(values := numbers("outside brain %")):
        parts.append(f"outside of the brain at most {values.max():.1f} %, {values.mean():.1f} % on average")
    parts.append(f"at most {SMALL_ML:g} mL marked in {(numbers('marked mL') <= SMALL_ML).sum()}")
    times: Mapping[str, np.ndarray] = {name: numbers(name) for name in ("preparation s", "tumor model s")}
    parts += [f"{name}: median {np.median(values):.1f}" for name, values in times.items()]
    return "; ".join(parts)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / max(1, one.sum() + other.sum()))


def _reference(name: str) -> str:
    """Return the name of the segmentation beside ``CASE_flair.nii.gz``."""
    return re.sub(r"_[^_]+(\.nii(\.gz)?)$", r"_seg\1", name)


def read_mask(path: Path) -> np.ndarray | None:
    return np.asarray(read_volume(path).voxels != 0) if path.exists() else None


if __name__ == "__main__":
    main()
