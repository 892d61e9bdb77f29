"""A process that dies takes down its case only."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from kdnet.curation import workers
from kdnet.curation.case_work import CaseWork
from kdnet.curation.prepared_folder import PreparedFolder
from kdnet.curation.raw_case import RawCase
from kdnet.curation.workers import prepare_cases
from kdnet.schema.raw_studies import CurationSettings

STAND_IN = """
import json, os, sys
for line in sys.stdin:
    name = json.loads(line)["name"]
    print("noise of a library")
    if name == "broken":
        sys.exit(2)
    if name == "killed":
        os._exit(9)
    record = dict(schema=1, case=name, patient=name, fingerprint="f", reason="", reference="t1", scans={}, shape=[1],
                  spacing=[1.0], segmentation="", labels_ml={}, done=[], warnings=[], skipped=[])
    full = name == "full"
    print(json.dumps({"record": None if full else record, "problem": "the disk is full." if full else ""}), flush=True)
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CaseWork:
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(workers, "MODULE", "stand_in")
    PreparedFolder(tmp_path / "out").create()
    return CaseWork(tmp_path, tmp_path / "out", CurationSettings())


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_others_are_prepared_when_one_process_dies(work: CaseWork, jobs: int) -> None:
    cases = [RawCase(name, name) for name in ("a", "killed", "b", "c")]
    found = {item.case.name: item.record for item in prepare_cases(work, cases, jobs, "cpu")}
    assert set(found) == {"a", "b", "c", "killed"}
    assert {name for name, record in found.items() if record is not None and record.reason} == {"killed"}
    killed = found["killed"]
    assert killed is not None
    assert "ended unexpectedly" in killed.reason


def test_a_problem_of_the_output_is_passed_on(work: CaseWork) -> None:
    (finished,) = prepare_cases(work, [RawCase("full", "full")], 1, "cpu")
    assert (finished.record, finished.problem) == (None, "the disk is full.")


def test_a_process_that_cannot_start_is_not_blamed_on_the_case(work: CaseWork) -> None:
    (finished,) = prepare_cases(work, [RawCase("broken", "broken")], 1, "cpu")
    assert finished.record is None
    assert "ended with an error" in finished.problem


def test_files_in_the_working_folder_are_not_imported(
    work: CaseWork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "json.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path / "here")
    (finished,) = prepare_cases(work, [RawCase("a", "a")], 1, "cpu")
    assert finished.record is not None
    assert not finished.record.reason


def test_no_process_is_left_when_the_work_is_abandoned(work: CaseWork) -> None:
    running = prepare_cases(work, [RawCase(name, name) for name in "abcdef"], 2, "cpu")
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "prepare"]
