"""A prepared case is there as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from kdnet.curation.case_work import CaseWork
from kdnet.curation.prepared_folder import STATE, CaseFiles, PreparedFolder
from kdnet.curation.raw_case import RawCase
from kdnet.curation.record import CaseRecord
from kdnet.data.formats.detect import read_dataset
from kdnet.errors import KDNetError
from kdnet.files import PARTIAL
from kdnet.schema.raw_studies import CurationSettings
from made_raw import HEADERS, brats_case, labels, scan

FILES = CaseFiles({**{name: scan() for name in HEADERS}, "seg": labels()}, b"picture")


@pytest.fixture
def folder(tmp_path: Path) -> PreparedFolder:
    made = PreparedFolder(tmp_path / "out")
    made.create()
    return made


def test_a_study_reads_what_was_written(folder: PreparedFolder) -> None:
    folder.write_case(CaseRecord("P1", "P1", "f", scans={"t1": "a"}, skipped=(("b", "c"),)), FILES)
    (case,) = read_dataset(folder.root).cases
    assert case.name == "P1"
    assert set(case.images) == set(HEADERS)
    assert case.reference is not None
    record = folder.record("P1")
    assert record is not None
    assert (record.scans, record.skipped) == ({"t1": "a"}, (("b", "c"),))


def test_what_an_interrupted_process_leaves_is_no_case(folder: PreparedFolder) -> None:
    brats_case(folder.root / f"{PARTIAL}123", "P1")
    folder.write_case(CaseRecord("P1", "P1", "f"), FILES)
    (case,) = read_dataset(folder.root).cases
    assert not case.problems
    folder.clean()
    assert not list(folder.root.glob(f"{PARTIAL}*"))


def test_a_case_replaces_an_earlier_one_and_its_failure(folder: PreparedFolder, tmp_path: Path) -> None:
    work = CaseWork(tmp_path, folder.root, CurationSettings())
    work.failed(RawCase("P1", "P1"), "no usable T1.")
    assert [record.reason for record in folder.records()] == ["No usable T1."]
    for fingerprint in ("one", "two"):
        folder.write_case(CaseRecord("P1", "P1", fingerprint), FILES)
    assert [(record.reason, record.fingerprint) for record in folder.records()] == [("", "two")]
    work.failed(RawCase("P1", "P1"), "now damaged.")
    assert not (folder.root / "P1").exists()
    folder.forget_failures(frozenset())
    assert folder.records() == ()


def test_a_damaged_record_means_that_the_case_is_prepared_again(folder: PreparedFolder) -> None:
    folder.write_case(CaseRecord("P1", "P1", "f"), FILES)
    (folder.root / "P1" / "prepared.json").write_text("{}")
    assert folder.record("P1") is None


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(KDNetError, match="is not empty and was not written by kdnet prepare"):
        PreparedFolder(tmp_path).create()
    assert not (tmp_path / STATE).exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_case_that_cannot_be_written_is_reported(folder: PreparedFolder) -> None:
    folder.root.chmod(0o500)
    with pytest.raises(KDNetError, match="cannot be written"):
        folder.write_case(CaseRecord("P1", "P1", "f"), FILES)
