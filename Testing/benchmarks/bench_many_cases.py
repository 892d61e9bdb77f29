"""A study of many small cases: whether time, memory, open files and events stay linear in their number.

    python Testing/benchmarks/bench_many_cases.py [--counts 250 500 1000 2000] [--write FOLDER]

Teacher, baseline and student do 30 steps each, so that what is measured is what happens around the training: inspecting and
preparing all cases, validating with 15 % of them, testing one in twenty. The cases are small.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kdnet.data.phantom import make_case
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from kdnet.runs.events import Event, read_events
from made_sets import NAME, description
from measuring import Usage, machine, markdown_table, open_files, options, tree_cpu, used_by

MODALITIES = ("t1ce", "flair")
SHAPE, SPACING = (32, 36, 32), 5.0
DRAWN = 6  # phantoms; cases differ from them by noise
TEST_SHARE = 20
STEPS = 30  # of each network, whatever the number of cases
RECIPE = (f"steps={STEPS}", "patch=[16,16,16]", "spacing=[5,5,5]", f"validation_every={STEPS}", "checkpoint_seconds=3600")
ENDS = {
    "inspection": "inspecting cases",
    "digests": "checking files",
    "preparation": "preparing cases",
}


@dataclass(frozen=True)
class Sample:
    """One look at the process."""

    time: float
    cpu: float
    files: int


@dataclass(frozen=True)
class Study:
    """The figures of a study."""

    cases: int
    usage: Usage
    stages: dict[str, float]
    files: int
    events: int
    event_mib: float


def write_cases(folder: Path, count: int) -> Path:
    """Write raw data of nnU-Net with ``count`` different small cases."""
    root = folder / NAME
    for name in ("imagesTr", "labelsTr"):
        (root / name).mkdir(parents=True)
    drawn = [make_case(SHAPE, SPACING, np.random.default_rng(seed)) for seed in range(DRAWN)]
    grid = Grid(SHAPE, np.diag([-SPACING, -SPACING, SPACING, 1.0]))
    for index in range(count):
        case, random = drawn[index % DRAWN], np.random.default_rng(index)
        for channel, modality in enumerate(MODALITIES):
            voxels = case.images[modality]
            noisy = np.where(voxels > 0, voxels + random.integers(0, 50, SHAPE, dtype=np.int16), 0)
            write_volume(root / "imagesTr" / f"Phantom_{index:05d}_{channel:04d}.nii", Volume(noisy.astype(np.int16), grid))
        labels = np.where(case.labelmap == 4, 3, case.labelmap).astype(np.uint8)
        write_volume(root / "labelsTr" / f"Phantom_{index:05d}.nii", Volume(labels, grid))
    (root / "dataset.json").write_text(json.dumps({**description(MODALITIES, count), "file_ending": ".nii"}))
    return root


def run(count: int) -> Study:
    """Carry out a study of ``count`` cases."""
    with tempfile.TemporaryDirectory() as name:
        root, out = write_cases(Path(name), count), Path(name) / "run"
        command = [sys.executable, "-m", "kdnet", "study", str(root), "--student", "t1ce", "--recipe", "demo"]
        command += ["--folds", "0", "--fold-count", str(TEST_SHARE), "--threads", "1", "--out", str(out)]
        command += [word for setting in RECIPE for word in ("--set", setting)]
        samples: list[Sample] = []
        usage = used_by(
            command,
            look=lambda pid: samples.append(Sample(time.time(), tree_cpu(pid), open_files(pid))),
        )
        file = out / "events.jsonl"
        events, _ = read_events(file)
        files = max(sample.files for sample in samples)
        return Study(count, usage, stages_of(events, samples), files, len(events), file.stat().st_size / 2**20)


def stages_of(events: Sequence[Event], samples: Sequence[Sample]) -> dict[str, float]:
    """Return the CPU seconds of each stage, read off the samples at the times of the events that end it."""

    def cpu_at(moment: float) -> float:
        return float(np.interp(moment, [sample.time for sample in samples], [sample.cpu for sample in samples]))

    marks = {"start": events[0].time}
    for stage, what in ENDS.items():
        marks[stage] = max(event.time for event in events if event.values.get("what") == what)
    of_networks = [event for event in events if event.network]
    marks["training and tests"] = max(event.time for event in of_networks)
    marks["report"] = events[-1].time
    names = list(marks)
    spent = {"start": cpu_at(marks["start"])}
    for before, name in itertools.pairwise(names):
        spent[name] = cpu_at(marks[name]) - cpu_at(marks[before])
    return spent


def rows_of(studies: Sequence[Study]) -> list[list[str]]:
    """Return a row for each study."""
    return [
        [
            str(study.cases),
            *(f"{study.stages[name]:.1f}" for name in study.stages),
            f"{study.usage.cpu:.0f}",
            f"{1000 * study.usage.cpu / study.cases:.0f}",
            f"{study.usage.peak_mib:.0f}",
            str(study.files),
            str(study.events),
            f"{study.event_mib:.2f}",
        ]
        for study in studies
    ]


def per_case(studies: Sequence[Study]) -> str:
    """Say how the CPU time beyond that of the first study grows with the cases, and what memory each case costs."""
    first, last = studies[0], studies[-1]
    more = last.cases - first.cases
    time_each = 1000 * (last.usage.cpu - first.usage.cpu) / more
    memory_each = 1024 * (last.usage.peak_mib - first.usage.peak_mib) / more
    halves = [
        1000 * (later.usage.cpu - earlier.usage.cpu) / (later.cases - earlier.cases)
        for earlier, later in itertools.pairwise(studies)
    ]
    told = ", ".join(f"{value:.0f}" for value in halves)
    return (
        f"Each further case costs {time_each:.0f} CPU ms (from each row to the next: {told}) and {memory_each:.0f} KiB of"
        f" memory, and no open file: {min(study.files for study in studies)} to {max(study.files for study in studies)} are"
        f" open at most. There are {last.events / last.cases:.1f} events per case."
    )


def main(counts: Sequence[int], folder: Path | None) -> None:
    where = machine()
    studies = []
    for count in counts:
        studies.append(run(count))
        print(" | ".join(rows_of(studies)[-1]), file=sys.stderr, flush=True)
    head = ["cases", *(f"{name} (CPU s)" for name in studies[0].stages), "all (CPU s)", "CPU ms per case"]
    head += ["peak memory (MiB)", "open files", "events", "events (MiB)"]
    lines = [
        "# Studies of many cases",
        "",
        "`Testing/benchmarks/bench_many_cases.py`: `kdnet study` on synthetic cases of 32 x 36 x 32 voxels with two modalities,"
        f" one fold; teacher, baseline and student do {STEPS} steps each; 15 % of the cases are validated and one in twenty tested. One"
        f" thread. {where}.",
        "",
        *markdown_table(head, rows_of(studies)),
        "",
        per_case(studies),
        "",
    ]
    text = "\n".join(lines)
    print(text)
    if folder:
        (folder / "many-cases.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[250, 500, 1000, 2000])
    args = parser.parse_args()
    main(args.counts, args.write)
