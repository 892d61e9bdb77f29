"""Scans are ranked by the uncertainty of the model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from kdnet.cli import main
from kdnet.schema.ranking import Ranked
from kdnet.segmentation.ranking import expected_error, sort_ranked


def test_certain_segmentations_have_no_expected_error() -> None:
    certain = np.zeros((4, 4, 4), np.float32)
    certain[1:3] = 1
    assert expected_error(certain, 1.0) == 0
    assert expected_error(np.zeros((4, 4, 4), np.float32), 1.0) == 0
    assert expected_error(certain * 0.9, 1.0) < expected_error(certain * 0.6, 1.0) < expected_error(certain * 0.4, 1.0)
    assert expected_error(certain * 0.4, 1.0) == 1, "nothing is segmented where something is expected"
    assert expected_error(certain * 0.4, 1e-6) == 0, "too little is expected"


def test_the_most_uncertain_case_comes_first_and_failures_last() -> None:
    cases = [Ranked("a", 0.1, {}), Ranked("bad", None, {}, "damaged"), Ranked("b", 0.7, {}), Ranked("c", 0.1, {})]
    assert [case.name for case in sort_ranked(cases)] == ["b", "a", "c", "bad"]


def test_the_command_line_ranks_scans(
    model_file: Path, phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "ranking.csv"
    damaged = tmp_path / "damaged_t1ce.nii.gz"
    damaged.write_bytes(b"no image")
    inputs = [str(phantom / "Phantom_000"), str(phantom / "Phantom_001"), str(damaged)]
    assert main(["rank", str(model_file), *inputs, "-o", str(table), "--device", "cpu", "--json"]) == 1
    ranked = json.loads(capsys.readouterr().out)["cases"]
    assert len(ranked) == 3
    first = Ranked.from_json(ranked[0])
    assert first.files == (phantom / first.name.removesuffix("_t1ce") / f"{first.name.removesuffix('_t1ce')}_t1ce.nii.gz",)
    assert ranked[0]["uncertainty"] >= ranked[1]["uncertainty"]
    assert ranked[2]["uncertainty"] is None
    assert "damaged_t1ce.nii.gz" in ranked[2]["problem"]
    assert table.read_text(encoding="utf-8").startswith("case,uncertainty,ET,TC,WT\n")
