"""The examples of the documentation run as they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slicer

Wait = Callable[[Callable[[], bool]], None]


def test_the_examples_for_the_console_run(
    panel: Any, repository: Path, phantom: Path, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slicer.util, "getModuleLogic", lambda _name: panel.logic, raising=False)
    scans = tmp_path / "scans"
    scans.mkdir()
    first = sorted(phantom.glob("*/*_t1ce.nii.gz"))[0]
    (scans / first.name).write_bytes(first.read_bytes())
    names = {
        "slicer": slicer,
        "sampleFile": str(repository / "Resources/SampleData/Phantom_002_t1ce.nii.gz"),
        "inputFolder": str(scans),
        "outputFolder": str(tmp_path / "out"),
        "modelFile": str(model_file),
    }
    blocks = re.findall(r"```python\n(.*?)```", (repository / "docs/how-to/script-segmentation.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(block, names)
    assert names["result"].volumes["WT"] > 5
    assert len(list((tmp_path / "out").glob("*_seg.nii.gz"))) == 1
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 4
