"""Channels of nnU-Net data may have any name: networks are found by their identity, never by a name that is taken apart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from kdnet.cli import main
from kdnet.model_file import load_model
from kdnet.runs.status import RunState, read_status
from kdnet.schema.network_id import NetworkId, Role
from kdnet.study.results import read_results

STUDENTS = [NetworkId(Role.STUDENT, (name,), 0, 0) for name in ("flair", "asl-cbf")]


def test_a_study_of_hyphenated_channels_has_results_for_each_student(hyphenated_run: Path) -> None:
    status = read_status(hyphenated_run)
    assert status.state is RunState.FINISHED
    assert [network for network in status.networks if network.role is Role.STUDENT] == STUDENTS
    results = read_results(hyphenated_run)
    assert results.missing == ()
    assert [student.modalities for student in results.students] == [("flair",), ("asl-cbf",)]
    for student in results.students:
        assert student.model is not None
        assert load_model(student.model).card.modalities == student.modalities
        assert {row.region for row in student.comparisons} == {"lesion", "mean"}
        for case in student.cases:
            assert set(case.dice) == {"teacher", "baseline", "student"}
            assert all(path.is_file() for path in case.labelmaps.values())
    page = (hyphenated_run / "report" / "report.html").read_text(encoding="utf-8")
    assert "FLAIR" in page
    assert "asl-cbf" in page


def test_networks_are_tested_with_the_decoding_that_they_learned(hyphenated_run: Path) -> None:
    for path in sorted(hyphenated_run.glob("fold0/seed0/*/model.safetensors")):
        card = load_model(path).card
        assert card.decoding is not None
        assert card.figures["decoding_cases"] == 1
        assert card.figures["test_cases"] > 0


def test_each_network_is_named_on_the_command_line(
    hyphenated_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for network in STUDENTS:
        out = tmp_path / f"{network.modality_key}.nii.gz"
        capsys.readouterr()
        assert main(["predict-checkpoint", str(hyphenated_run), "--network", network.key, "-o", str(out)]) == 0
        assert json.loads(capsys.readouterr().out)["labelmap"] == str(out)
        model = tmp_path / f"{network.modality_key}.safetensors"
        assert main(["export", str(hyphenated_run), "--network", network.key, "-o", str(model)]) == 0
        assert load_model(model).card.modalities == network.modalities


def test_it_is_resumed_at_a_student(hyphenated_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(hyphenated_run, run)
    shutil.rmtree(run / STUDENTS[1].key)
    assert [network.key for network in read_results(run).missing] == [STUDENTS[1].key]
    assert main(["resume", str(run)]) == 0
    assert read_results(run).missing == ()
