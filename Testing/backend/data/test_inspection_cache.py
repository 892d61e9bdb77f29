"""Remembering what an inspection found, and telling it line by line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from kdnet.cli import main
from kdnet.data import inspection_cache as inspection_record
from kdnet.data.dataset import Case, Dataset
from kdnet.data.formats.detect import read_dataset
from kdnet.data.inspection import inspect_case, inspect_dataset, inspect_each
from kdnet.data.inspection_cache import InspectionRecord
from kdnet.schema.case_report import CaseReport


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the cases that are really read."""
    names: list[str] = []

    def inspect(case: Case, dataset: Dataset) -> CaseReport:
        names.append(case.name)
        return inspect_case(case, dataset)

    monkeypatch.setattr(inspection_record, "inspect_case", inspect)
    return names


def test_only_cases_whose_files_changed_are_read_again(phantom: Path, tmp_path: Path, looked_at: list[str]) -> None:
    data, path = tmp_path / "data", tmp_path / "inspection.json"
    shutil.copytree(phantom, data)
    dataset = read_dataset(data)
    plain = inspect_dataset(dataset)
    for _ in range(2):
        record = InspectionRecord(path)
        assert inspect_dataset(dataset, inspect=record.inspect) == plain
        record.write()
    assert sorted(looked_at) == [case.name for case in dataset.cases]
    looked_at.clear()
    changed = dataset.cases[2]
    os.utime(changed.images["t2"].path, ns=(1, 1))
    record = InspectionRecord(path)
    inspect_dataset(dataset, inspect=record.inspect)
    assert looked_at == [changed.name]
    path.write_text("{")
    looked_at.clear()
    inspect_dataset(dataset, inspect=InspectionRecord(path).inspect)
    assert len(looked_at) == 6


def test_twins_are_found_among_remembered_cases(phantom: Path, tmp_path: Path) -> None:
    data, path = tmp_path / "data", tmp_path / "inspection.json"
    shutil.copytree(phantom, data)
    first, second = (case.images["t1"].path for case in read_dataset(data).cases[:2])
    shutil.copy(first, second)
    for _ in range(2):
        record = InspectionRecord(path)
        reports = inspect_dataset(read_dataset(data), inspect=record.inspect)
        record.write()
        assert [bool(report.problems) for report in reports] == [False, True, False, False, False, False]


def test_who_stops_listening_does_not_wait_for_all_cases(phantom: Path) -> None:
    dataset = read_dataset(phantom)
    read: list[str] = []

    def inspect(case: Case, dataset: Dataset) -> CaseReport:
        read.append(case.name)
        return inspect_case(case, dataset)

    many = Dataset(dataset.root, dataset.format, dataset.modalities, dataset.labels, dataset.cases * 20)
    for _ in inspect_each(many, inspect):
        break
    assert len(read) < 20


def test_a_line_per_case_and_a_summary_are_printed(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(phantom, data)
    next(iter((data / "Phantom_001").glob("*_t2*"))).unlink()
    (data / "cases.csv").write_text("case,fold\n" + "".join(f"Phantom_00{index},{index % 2}\n" for index in range(6)))
    assert main(["inspect", str(data), "--json"]) == 1
    whole = json.loads(capsys.readouterr().out)
    assert main(["inspect", str(data), "--jsonl"]) == 1
    *cases, summary = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [{name: line[name] for name in line if name not in ("index", "total")} for line in cases] == whole["cases"]
    assert [(line["index"], line["total"]) for line in cases] == [(index, 6) for index in range(1, 7)]
    assert summary["summary"] is True
    assert (summary["format"], summary["usable"], summary["total"]) == ("BraTS", 5, 6)
    assert summary["modalities"] == ["t1", "t1ce", "t2", "flair"]
    assert summary["labels"] == whole["labels"]
    assert summary["label_values"] == [1, 2, 4]
    assert summary["folds"] == [0, 1]
    assert main(["inspect", str(phantom), "--jsonl"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["folds"] is None
