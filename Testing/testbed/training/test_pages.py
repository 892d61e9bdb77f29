"""The examples in the pages about training run as they are written, on small data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import slicer
from page_examples import page_examples


@pytest.mark.slow
def test_the_script_that_trains_runs(
    training: Any,
    panel: Any,
    cases: Path,
    recipe_file: Any,
    tmp_path: Path,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With other folders, and a tiny recipe instead of three minutes of "demo"."""
    logics = {"KDNetTraining": training.logic, "KDNetSegmentation": panel.logic}
    monkeypatch.setattr(slicer.util, "getModuleLogic", logics.__getitem__, raising=False)
    (example,) = page_examples(repository / "docs/how-to/script-training.md")
    text = example.text
    for written, small in (
        ("/data/phantom", str(cases)),
        ("/runs/first", str(tmp_path / "first")),
        ('recipe="demo"', f"recipe={str(recipe_file(steps=3, validation_every=3))!r}"),
        (", minutes=3", ", threads=1"),
    ):
        assert written in text
        text = text.replace(written, small)
    names: dict[str, Any] = {"slicer": slicer}
    exec(compile(text, example.place, "exec"), names)
    assert names["results"].student.comparisons
    assert "First student.safetensors" in [model.path.name for model in panel.logic.models()]


def test_a_command_draws_the_phantom_of_the_tutorial(
    training: Any, tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = (item for item in page_examples(repository / "docs/tutorials/training.md") if item.for_slicer)
    small = '"--cases", "2", "--size", "16", "18", "16", "--spacing", "9"'
    exec(compile(example.text.replace('"--cases", "12"', small), example.place, "exec"), {})
    assert len(list((tmp_path / "phantom").iterdir())) == 2
