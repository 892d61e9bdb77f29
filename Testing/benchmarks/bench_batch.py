"""A batch of ``kdnet segment`` against the sum of its forward passes and its writing.

    python Testing/benchmarks/bench_batch.py [--scans 200] [--write FOLDER]

The scans are links to a few phantoms of 240 x 240 x 155 voxels of 1 mm. Each is a case of its own, which is read, hashed,
prepared, segmented, measured and written. Two networks: one at 1 mm, and the student that ships, at 2 mm.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_inputs import STUDENT, UNET, model_for, phantom_scan
from measuring import Usage, clock, machine, markdown_table, options, used_by

DRAWN = 3
TARGET = 1.15
PARTS = """
import itertools, json, sys, time
from pathlib import Path
import torch
from kdnet.data.preprocessing.prepare import prepare_image
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model
model, repeats, scans = load_model(Path(sys.argv[1])), int(sys.argv[2]), [Path(name) for name in sys.argv[3:]]
predictor = Predictor(model, torch.device("cpu"), tune=True)
spent = {"forward": [0.0, 0.0], "write": [0.0, 0.0]}
def timed(name, work):
    clock, cpu = time.perf_counter(), time.process_time()
    result = work()
    spent[name][0] += time.perf_counter() - clock
    spent[name][1] += time.process_time() - cpu
    return result
for scan in scans:
    volume = read_volume(scan)
    image = torch.from_numpy(prepare_image([volume], model.card.preprocessing)[0])[None]
    labelmap = predictor.predict([volume]).labelmap
    with torch.inference_mode():
        for _ in range(repeats):
            timed("forward", lambda: predictor._forward(image, lambda _progress: None))
            timed("write", lambda: write_volume(Path(sys.argv[3]).with_name("labels.nii.gz"), labelmap))
each = len(scans) * repeats
print(json.dumps({name: {"seconds": clock / each, "cpu": cpu / each} for name, (clock, cpu) in spent.items()}))
"""


@dataclass(frozen=True)
class Batch:
    """The figures of one model: the batch, a batch of one scan, and the parts of a scan by seconds and CPU seconds."""

    title: str
    scans: int
    batch: Usage
    single: Usage
    parts: dict[str, dict[str, float]]

    def sum_of(self, figure: str) -> float:
        """Return the sum of forward passes and writing of all scans but the one that the start includes."""
        return (self.scans - 1) * sum(part[figure] for part in self.parts.values())


def run(title: str, model: Path, scans: Sequence[Path], count: int, work: Path) -> Batch:
    """Segment ``count`` links to ``scans``."""
    folder = work / f"{model.stem}-inputs"
    folder.mkdir()
    for index in range(count):
        (folder / f"Case_{index:04d}_t1ce.nii.gz").hardlink_to(scans[index % len(scans)])
    segment = [sys.executable, "-m", "kdnet", "segment", str(model)]
    single = used_by([*segment, str(scans[0]), "--out", str(work / f"{model.stem}-single")])
    batch = used_by([*segment, str(folder), "--out", str(work / f"{model.stem}-batch")])
    parts = json.loads(used_by([sys.executable, "-c", PARTS, str(model), "3", *map(str, scans)]).output)
    return Batch(title, count, batch, single, parts)


def section(found: Batch) -> list[str]:
    """Return the table of one model."""
    whole = {"seconds": found.batch.seconds, "cpu": found.batch.cpu}
    start = {"seconds": found.single.seconds, "cpu": found.single.cpu}
    rows = []
    for name, figures in {
        f"kdnet segment, {found.scans} scans, start included": whole,
        "kdnet segment, one scan": start,
        **{f"{name}, a scan": part for name, part in found.parts.items()},
    }.items():
        rows.append([name, f"{figures['cpu']:.2f}", clock(figures["seconds"], figures["cpu"])])
    ratio = {figure: (whole[figure] - start[figure]) / found.sum_of(figure) for figure in whole}
    quiet = bool(clock(whole["seconds"], whole["cpu"]))
    by_clock = (
        f"By the clock: {ratio['seconds']:.2f} (target {TARGET}: {'met' if ratio['seconds'] <= TARGET else 'missed'}). "
        if quiet
        else f"Other programs used the processor, so the clock (target {TARGET}) says nothing. "
    )
    return [
        f"## {found.title}",
        "",
        *markdown_table(["", "CPU seconds", "seconds"], rows),
        "",
        f"{by_clock}In CPU time, the batch without its start takes {ratio['cpu']:.2f} times its forward passes and writing. Peak"
        f" memory: {found.batch.peak_mib:.0f} MiB, of one scan {found.single.peak_mib:.0f} MiB.",
        "",
    ]


def main(count: int, folder: Path | None) -> None:
    lines = [
        "# Batches",
        "",
        f"`Testing/benchmarks/bench_batch.py --scans {count}`: links to {DRAWN} phantoms of 240 x 240 x 155 voxels of 1 mm, each"
        " segmented as a case of its own, two threads. The next scan is read while the current one is computed. Seconds are"
        f" left out where other programs used the processor. {machine()}.",
        "",
    ]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        scans = [phantom_scan(work / f"scan{seed}.nii.gz", seed=seed) for seed in range(DRAWN)]
        models = {
            "The T1ce student that ships, at 2 mm": model_for(STUDENT, scans[0], work / "student.safetensors"),
            "A U-Net at 1 mm": model_for(UNET, scans[0], work / "unet.safetensors", own_spacing=True),
        }
        for title, model in models.items():
            lines += section(run(title, model, scans, count, work))
            print("\n".join(lines), flush=True)
            if folder:
                (folder / "batch.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--scans", type=int, default=200)
    args = parser.parse_args()
    main(args.scans, args.write)
