"""The examples of the documentation run as they stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slicer
from page_examples import PAGES, page_examples

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
        "reportFile": str(tmp_path / "report.html"),
        "casesFolder": str(tmp_path / "cases"),
    }
    pages = ("script-segmentation", "prepare-volumes")
    found = [item for page in pages for item in page_examples(repository / f"docs/how-to/{page}.md")]
    examples = [item for item in found if not item.skipped]
    assert len(examples) == 5
    for example in examples:
        exec(compile(example.text, example.place, "exec"), names)
    assert names["result"].volumes["WT"] > 5
    assert len(list((tmp_path / "out").glob("*_seg.nii.gz"))) == 1
    results = [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node.GetAttribute("KDNet.model")]
    assert len(results) == 6
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "cases" / "case-001" / "case.json").is_file()
    assert names["comparison"].regions[0].milliliters.percent == 0
    assert names["result"].preparation == "The supplied brain mask was used."


COVERED = (
    "docs/how-to/prepare-volumes.md",
    "docs/how-to/script-segmentation.md",
    "docs/how-to/script-training.md",
    "docs/tutorials/training.md",
)


def test_every_page_with_examples_for_slicer_is_run_here(repository: Path) -> None:
    pages = [page for page in PAGES if any(item.for_slicer and not item.skipped for item in page_examples(page))]
    assert [page.relative_to(repository).as_posix() for page in pages] == list(COVERED)
