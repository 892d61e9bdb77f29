"""``make demo``: the whole journey on phantom data, from a folder of cases to overlays in a real MRML scene."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

from kdnet.cli import main as kdnet

REPOSITORY = Path(__file__).resolve().parents[1]


def demo(folder: Path) -> None:
    """Make everything anew in ``folder``."""
    started = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    data, run = folder / "phantom", folder / "run"
    _step("a phantom data set")
    _kdnet("phantom", str(data), "--cases", "15")
    _step("teacher, baseline, student, report")
    _kdnet("study", str(data), "--student", "t1ce", "--recipe", "demo", "--folds", "0", "--out", str(run))
    held_out = sorted((run / "fold0/seed0/student-t1ce/predictions").glob("*.nii.gz"))[0].name.removesuffix(".nii.gz")
    volume = data / held_out / f"{held_out}_t1ce.nii.gz"
    model = run / "fold0/seed0/student-t1ce/model.safetensors"
    _step(f"the student on {held_out}, which it has not seen")
    _kdnet("segment", str(model), str(volume), "-o", str(folder / "segmented"))
    labelmap = folder / "segmented" / f"{held_out}_t1ce_seg.nii.gz"
    if importlib.util.find_spec("slicer") is not None:
        _capture(volume, labelmap, model, folder / "pictures")
    print(f"\nReport: {run / 'report' / 'report.html'}\nDone in {time.monotonic() - started:.0f} s.")


def _capture(volume: Path, labelmap: Path, model: Path, pictures: Path) -> None:
    capture = [sys.executable, str(REPOSITORY / "Testing/slicer/capture_demo.py")]
    _step("its overlay in slice views")
    # vtk tells of a missing display and of views that are being built on stderr
    arguments = [*capture, str(volume), str(labelmap), str(model), str(pictures)]
    answer = subprocess.run(arguments, check=False, stderr=subprocess.PIPE, encoding="utf-8")
    if answer.returncode:
        sys.exit(answer.stderr)


def _step(what: str) -> None:
    print(f"\n== {what}", flush=True)


def _kdnet(*arguments: str) -> None:
    code = kdnet(arguments)
    if code:
        sys.exit(code)


if __name__ == "__main__":
    demo(Path(sys.argv[1]))
