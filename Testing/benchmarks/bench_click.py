"""From click to overlay: what a cold and a warm click cost, stage by stage, through the logic that the panel uses.

    python Testing/benchmarks/bench_click.py [--model FILE] [--volume FILE] [--runs 5] [--write REPORT.md]

Cold: the worker has to be started and the model loaded. Warm: both are there. The scene is a real MRML scene; the worker is
the real process; only translation and Qt are the testbed's. The volume is a phantom of 240 x 240 x 155 voxels.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / part) for part in ("KDNetSegmentation", "Testing/benchmarks", "Testing/testbed")]

from bench_inputs import STUDENT, phantom_scan  # noqa: E402
from KDNetLib.ModelInfo import read_model_info  # noqa: E402
from KDNetLib.ModelLibrary import ModelLibrary  # noqa: E402
from KDNetSegmentationLib.Logic import SegmentationLogic  # noqa: E402
from standin.application import Application  # noqa: E402

STAGES = ("send", "start", "load", "prepare", "forward", "label", "import")


def peak_mebibytes(pid: int) -> float:
    """Largest resident memory that the process ``pid`` has had."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell the peak memory of a process")


def click(logic: SegmentationLogic, volume: Any, model: Any) -> dict[str, float]:
    """Segment once into a new node, which is removed again; give the seconds of each stage and in all."""
    result = logic.segment(volume, model)
    volume.GetScene().RemoveNode(result.segmentationNode)
    return {**dict(result.stages), "all": result.seconds}


def bench(model_file: Path | None, volume_file: Path | None, runs: int) -> str:
    """Measure and give the table as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model_file = model_file or STUDENT
        volume_file = volume_file or phantom_scan(folder / "phantom.nii.gz")
        application = Application(folder / "settings")
        volume = application.core.io_manager.load_volumes(str(volume_file))[0]
        model = read_model_info(model_file)
        logic = SegmentationLogic(ModelLibrary(folder / "models"))
        cold, warm = [], []
        peak = 0.0
        for _ in range(runs):
            logic.worker.stop()
            cold.append(click(logic, volume, model))
            warm.append(click(logic, volume, model))
            peak = max(peak, peak_mebibytes(logic.worker.pid or 0))
        logic.cleanup()
        return _table(volume, model.name, cold, warm, peak)


def _table(volume: Any, model: str, cold: Sequence[dict[str, float]], warm: Sequence[dict[str, float]], peak: float) -> str:
    def middle(runs: Sequence[dict[str, float]], stage: str) -> float:
        return median(run.get(stage, 0.0) for run in runs)

    size = " x ".join(str(count) for count in volume.GetImageData().GetDimensions())
    rows = [f"| {stage} | {middle(cold, stage):.2f} | {middle(warm, stage):.2f} |" for stage in (*STAGES, "all")]
    around = [run["all"] - run["forward"] for run in warm]
    share = median(value / run["forward"] for value, run in zip(around, warm, strict=True))
    lines = [
        f"# Click to overlay: {volume.GetName()}, {size}, {model}",
        "",
        f"Medians of {len(cold)} pairs of a cold and a warm click, seconds.",
        "",
        "| stage | cold | warm |",
        "| --- | --- | --- |",
        *rows,
        "",
        f"Warm, all but the forward pass together: {median(around):.2f} s, {share:.2f} of it.",
        f"Peak memory of the worker: {peak:.0f} MiB.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model of one modality (default: the T1ce student that ships)")
    parser.add_argument("--volume", type=Path, help="volume to segment (default: a phantom)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", type=Path, help="where to write the table as Markdown")
    args = parser.parse_args()
    text = bench(args.model, args.volume, args.runs)
    print(text)
    if args.write:
        args.write.write_text(text, encoding="utf-8")
