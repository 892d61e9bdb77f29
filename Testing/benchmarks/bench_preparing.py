"""Preparing cases for training: kdnet against nnU-Net's preprocessing of the same files to the same grid.

    python Testing/benchmarks/bench_preparing.py [--cases 60] [--fine 6] [--brats FOLDER ...] [--nnunet PYTHON] [--write FOLDER]

Cases with four modalities at 2 mm, which keep their grid, and a few at 1 mm, which are resampled to 2 mm. nnU-Net interpolates
linearly, as kdnet does, and uses as many processes as there are cores.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from made_sets import BRAIN, link_set, write_set
from measuring import Usage, clock, machine, markdown_table, options, used_by

HERE = Path(__file__).parent
MODALITIES = ("t1", "t1ce", "t2", "flair")
GRID = 2.0
OURS = """
import sys
from pathlib import Path
from kdnet.data.formats.detect import read_dataset
from kdnet.data.inspection import inspect_dataset
from kdnet.data.preprocessing.case_cache import CaseCache
from kdnet.schema.preprocessing import Preprocessing
task, root, cache, grid = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
dataset = read_dataset(root)
if task != "start":
    if task == "inspect":
        problems = [report.name for report in inspect_dataset(dataset) if report.problems]
        assert not problems, problems
    store = CaseCache(cache, Preprocessing(spacing=(grid,) * 3), dataset.labels)
    for case in dataset.cases:
        store.get(case)
"""


@dataclass(frozen=True)
class Preparation:
    """What one side used for a set, and the size of what it wrote."""

    name: str
    usage: Usage
    mebibytes: float


def ours(raw: Path, work: Path) -> list[Preparation]:
    """Prepare with kdnet; once more with the inspection that a study does before."""
    found = []
    for task, name in (("prepare", "kdnet"), ("inspect", "kdnet, inspection included")):
        cache = work / task
        usage = used_by([sys.executable, "-c", OURS, task, str(raw), str(cache), str(GRID)])
        found.append(Preparation(name, usage, size(cache)))
    return found


def theirs(raw: Path, work: Path, nnunet: str) -> list[Preparation]:
    """Prepare with nnU-Net."""
    command = [nnunet, str(HERE / "nnunet_training.py"), "preprocess", str(raw), str(work / "nnunet"), str(GRID)]
    usage = used_by([*command, str(os.cpu_count() or 1)])
    return [Preparation("nnU-Net", usage, size(work / "nnunet" / "preprocessed" / raw.name / "bench"))]


def size(folder: Path) -> float:
    """Return the size of all files in MiB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20  # a sum: order is irrelevant


def section(title: str, cases: int, sides: Sequence[Preparation]) -> list[str]:
    """Return the table of one set."""
    one = sides[0].usage
    rows = []
    for side in sides:
        used = side.usage
        rows.append(
            [
                side.name,
                f"{used.cpu:.1f}",
                f"{used.cpu / cases:.2f}",
                f"{used.cpu / one.cpu:.2f}",
                clock(used.seconds, used.cpu),
                f"{used.peak_mib:.0f}",
                f"{side.mebibytes:.0f}",
            ]
        )
    head = ["", "CPU seconds", "per case", "kdnet = 1", "seconds", "peak of a process (MiB)", "written (MiB)"]
    return [f"## {title}", "", *markdown_table(head, rows), ""]


def main(cases: int, fine: int, given: Sequence[Path], nnunet: str, folder: Path | None) -> None:
    where = machine()
    lines = [
        "# Preparing cases",
        "",
        f"`Testing/benchmarks/bench_preparing.py`: {'cases of BraTS' if given else 'phantoms'} with four modalities and a reference. kdnet prepares one case after"
        " another in one process, nnU-Net in as many processes as there are cores. Figures are of whole processes, start and"
        f" imports included. {where}. Seconds are left out where other programs used the processor.",
        "",
    ]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        found = sorted(case for place in given for case in place.iterdir() if case.is_dir())[:cases]
        coarse = link_set(work / "coarse", found, MODALITIES) if given else write_set(work / "coarse", cases, MODALITIES)
        number = len(found) or cases
        sets = {f"{number} cases at 2 mm, kept": (coarse, number)}
        if fine:
            shape = tuple(2 * length for length in BRAIN[0])
            made = write_set(work / "fine", fine, MODALITIES, shape=(shape[0], shape[1], shape[2]), spacing=1.0)
            sets[f"{fine} phantoms at 1 mm, resampled to 2 mm"] = (made, fine)
        for title, (raw, number) in sets.items():
            sides = ours(raw, raw.parent) + (theirs(raw, raw.parent, nnunet) if nnunet else [])
            lines += section(title, number, sides)
            print("\n".join(lines), flush=True)
            if folder:
                (folder / "preparing.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--fine", type=int, default=6, help="cases at 1 mm")
    parser.add_argument(
        "--brats", type=Path, nargs="*", default=[], help="folders of BraTS cases at 2 mm, instead of phantoms"
    )
    args = parser.parse_args()
    main(args.cases, args.fine, args.brats, args.nnunet, args.write)
