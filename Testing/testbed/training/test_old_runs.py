"""The panel lists and shows runs that version 0.1.0 made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from golden import VERSIONS, unpack_run


@pytest.mark.parametrize("version", VERSIONS)
def test_old_runs_are_listed_with_their_results(training: Any, until: Any, tmp_path: Path, version: str) -> None:
    paused = training.logic.open(unpack_run(version, "paused", tmp_path / "paused"))
    training.runs.refill(paused.root)
    until(lambda: training.runs.state in ("paused", "stopped", "failed"))
    until(lambda: training.ui.resumeButton.enabled)
    finished = training.logic.open(unpack_run(version, "finished", tmp_path / "finished"))
    training.runs.refill(finished.root)
    until(lambda: training.runs.state == "finished")
    assert [run.name for run in training.runs.queue.runs] == ["paused", "finished"]
    until(lambda: training.ui.comparisonTable.rowCount > 0)
    assert training.logic.results(finished).students
