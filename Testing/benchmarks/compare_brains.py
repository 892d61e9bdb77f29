"""Compare the brain student with other programs on scans whose brains HD-BET found.

    python Testing/benchmarks/compare_brains.py TABLE.csv -o SCORES.csv [--methods student,deepbet,brainextractor]

TABLE.csv has the columns ``scan`` and ``mask``. ``pip install deepbet brainextractor`` first; their weights are in the packages.
deepbet knows T1 alone. With ``-o``, a run that was interrupted continues. Seconds are CPU time.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.preparation.brain import BrainExtractor
from numpy.typing import NDArray


def student(scan: Path) -> NDArray[np.bool_]:
    return BrainExtractor(torch.device("cpu")).mask(read_volume(scan))


def deepbet(scan: Path) -> NDArray[np.bool_]:
    from deepbet import run_bet

    with tempfile.TemporaryDirectory() as folder:
        mask = Path(folder) / "mask.nii.gz"
        run_bet([str(scan)], mask_paths=[str(mask)], no_gpu=True)
        return _read_mask(mask)


def brainextractor(scan: Path) -> NDArray[np.bool_]:
    from brainextractor import BrainExtractor as Bet

    with tempfile.TemporaryDirectory() as folder:
        copy, mask = Path(folder) / "scan.nii", Path(folder) / "mask.nii.gz"
        write_volume(copy, read_volume(scan))  # it takes nothing but plain arrays
        bet = Bet(img=nib.load(copy))
        bet.run()
        bet.save_mask(str(mask))
        return _read_mask(mask)


METHODS = {"student": student, "deepbet": deepbet, "brainextractor": brainextractor}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--methods", default=",".join(METHODS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    with args.table.open(newline="") as stream:
        scans = [(args.table.parent / row["scan"], args.table.parent / row["mask"]) for row in csv.DictReader(stream)]
    rows = list(csv.DictReader(args.out.open(newline=""))) if args.out.exists() else []
    done = {(row["scan"], row["method"]) for row in rows}
    for scan, mask in scans:
        for method in args.methods.split(","):
            if (scan.name, method) not in done:
                started = time.process_time()
                found = METHODS[method](scan)
                seconds = time.process_time() - started
                rows.append(
                    {
                        "scan": scan.name,
                        "method": method,
                        "dice": f"{_dice(found, _read_mask(mask)):.4f}",
                        "seconds": f"{seconds:.1f}",
                    }
                )
                print(rows[-1], file=sys.stderr, flush=True)
                with args.out.open("w", newline="") as stream:
                    writer = csv.DictWriter(stream, list(rows[0]))
                    writer.writeheader()
                    writer.writerows(rows)
    for method in args.methods.split(","):
        scores = [float(row["dice"]) for row in rows if row["method"] == method]
        print(f"{method}: {len(scores)} scans, mean Dice {np.mean(scores):.3f}, lowest {min(scores):.3f}")


def _read_mask(path: Path) -> NDArray[np.bool_]:
    return np.asarray(read_volume(path).voxels != 0)


def _dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return 2 * np.count_nonzero(one & other) / max(1, np.count_nonzero(one) + np.count_nonzero(other))


if __name__ == "__main__":
    main()
