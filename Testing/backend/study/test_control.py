"""A study with a control: a baseline that starts from its teacher's weights, trained without distillation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kdnet.cli import main
from kdnet.errors import SettingsError
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.network_id import Role
from kdnet.schema.recipe_files import read_recipe
from kdnet.schema.study_request import StudyRequest
from kdnet.study.network_list import plan_networks
from kdnet.study.results import read_results
from made_runs import hashes, study


def test_each_baseline_is_followed_by_a_control() -> None:
    networks = plan_networks(("t1", "t1ce"), (("t1ce",),), [0, ALL_CASES], [0], control=True)
    assert [network.role for network in networks] == [
        *(Role.TEACHER, Role.BASELINE, Role.CONTROL, Role.STUDENT),
        *(Role.TEACHER, Role.STUDENT),
    ]
    assert networks[2].key == "fold0/seed0/control-t1ce"


def test_a_start_from_random_weights_needs_no_control() -> None:
    with pytest.raises(SettingsError, match="init_from_teacher"):
        StudyRequest(Path("data"), (("t1ce",),), recipe=read_recipe("demo", ["init_from_teacher=false"]), control=True)


@pytest.mark.slow
def test_a_control_is_trained_scored_and_reported(phantom: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(study(phantom, run, "--set", "init_from_teacher=true", "--control")) == 0
    weights = hashes(run)
    assert set(weights) == {"teacher", "baseline-t1ce", "control-t1ce", "student-t1ce"}
    assert len(set(weights.values())) == 4
    results = read_results(run)
    (student,) = results.students
    assert {"baseline", "control", "student", "teacher"} == set(student.cases[0].dice)
    assert [part.network for part in student.gains if part.region == "mean"] == [Role.CONTROL, Role.STUDENT]
    assert type(results).from_json(json.loads(json.dumps(results.to_json()))).students == results.students
    for name in ("results.md", "report.html"):
        assert "Where the gain comes from" in (run / "report" / name).read_text(encoding="utf-8")
