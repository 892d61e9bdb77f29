"""A stop in the middle of a validation or of the test cases: what was done is kept, the result is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from kdnet.cli import main
from kdnet.schema.interruption import Interrupted, Stop, StopMode
from kdnet.study import scoring as testing
from kdnet.training import validation
from kdnet.training.context import ComputeContext
from made_runs import hashes, study


class Counting:
    """Stops at the n-th time that it is asked."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, _context: ComputeContext) -> None:
        self.left -= 1
        if self.left == 0:
            raise Interrupted(Stop(StopMode.PAUSE))


@pytest.mark.parametrize(("module", "at"), [(validation, 1), (validation, 2), (testing, 2)])
def test_what_was_done_is_kept(
    phantom: Path, finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, at: int
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(module, "raise_if_stop_requested", Counting(at))
        assert main(study(phantom, run)) == 130
    if module is testing:
        assert list(run.rglob("scores-part-0.json"))
    assert main(["resume", str(run)]) == 0
    assert hashes(run) == hashes(finished_run)
    assert not list(run.rglob("scores-part-*"))
    for path in finished_run.rglob("scores.json"):
        assert (run / path.relative_to(finished_run)).read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
    assert torch.get_num_threads() == 1
