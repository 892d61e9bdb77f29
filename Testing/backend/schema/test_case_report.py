"""Reports of an inspection survive their JSON."""

from __future__ import annotations

import json

import pytest
from kdnet.schema.case_report import CaseReport, DatasetReport


def test_a_case_report_survives_its_json() -> None:
    report = CaseReport(
        name="a",
        modalities=("t1", "flair"),
        shape=(4, 5, 6),
        spacing=(1.0, 1.0, 2.5),
        orientation="LPS",
        labels=(1, 2),
        problems=("t2 is missing: add it.",),
        digests=(("t1", "0a"), ("flair", "0b")),
        lesions=2,
        small_lesions=(3.5,),
    )
    line = json.dumps({"index": 1, "total": 1, **report.to_json()})
    assert CaseReport.from_json(json.loads(line)) == report


@pytest.mark.parametrize("folds", [(), (0, 1)])
def test_the_report_of_a_data_set_survives_its_json(folds: tuple[int, ...]) -> None:
    report = DatasetReport("BraTS", ("t1",), {"labels": []}, (1, 2), usable=3, total=4, folds=folds, notes=("A note.",))
    content = json.loads(json.dumps(report.to_json()))
    assert content["summary"] is True
    assert "name" not in content  # which tells it apart from a case
    assert DatasetReport.from_json(content) == report


@pytest.mark.parametrize("content", [{}, {"name": "a"}, {"name": "a", "modalities": 3}])
def test_a_damaged_report_is_refused(content: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        CaseReport.from_json(content)
