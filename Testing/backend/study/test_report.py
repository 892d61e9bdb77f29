"""Pictures for the report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from kdnet.cli import main as kdnet
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.study.report import facing
from kdnet.study.results import read_results
from made_runs import study

VISITS = ((0, 0, "A"), (1, 0, "A"), (2, 1, "B"), (3, 1, "C"), (4, 2, "D"), (5, 2, "E"))

TURNS = {
    "LPS": np.diag([-0.5, -1.0, 3.0, 1.0]),
    "RAS": np.diag([0.5, 1.0, 3.0, 1.0]),
    "sagittal": np.array([[0, 0, 0.5, 0], [1.0, 0, 0, 0], [0, -3.0, 0, 0], [0, 0, 0, 1.0]]),
}
SHAPES = {"LPS": (4, 5, 6), "RAS": (4, 5, 6), "sagittal": (5, 6, 4)}


@pytest.mark.parametrize("name", TURNS)
def test_a_slice_keeps_its_spacing_however_the_volume_is_stored(name: str) -> None:
    """0.5 mm to the left, 1 mm to the back, 3 mm to the head; without its spacing a picture would be stretched."""
    voxels, spacing = facing(Volume(np.zeros(SHAPES[name], np.uint8), Grid(SHAPES[name], TURNS[name])))
    assert voxels.shape == (4, 5, 6)
    assert spacing == pytest.approx((0.5, 1.0, 3.0))


def test_the_report_counts_a_patient_with_two_visits_once(phantom: Path, tmp_path: Path) -> None:
    """Both test cases become visits of one patient, in the report and in what is read from the run."""
    data = tmp_path / "data"
    shutil.copytree(phantom, data)
    rows = [f"Phantom_{index:03d},{fold},{patient}" for index, fold, patient in VISITS]
    (data / "cases.csv").write_text("\n".join(["case,fold,patient", *rows]) + "\n", encoding="utf-8")
    assert kdnet(study(data, tmp_path / "run")) == 0
    report = json.loads((tmp_path / "run" / "report" / "results.json").read_text(encoding="utf-8"))
    (looked_at,) = read_results(tmp_path / "run").students
    for rows in (report["summary"]["comparisons"], looked_at.to_json()["comparisons"]):
        assert {(row["cases"], row["patients"]) for row in rows} == {(2, 1)}
    assert {score["empty"] for score in report["scores"]} <= {"neither", "prediction", "reference", "both"}
