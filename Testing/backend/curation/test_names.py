"""Names come from folders or keyed hashes."""

from __future__ import annotations

from pathlib import Path

import pytest
from kdnet.curation.names import (
    Pseudonyms,
    distinct,
    exclusive_folder,
    is_series_level,
    is_session,
    safe_name,
    session_name,
    with_session,
)
from kdnet.errors import KDNetError


def test_names_are_safe_on_every_system() -> None:
    assert safe_name('a/b\\c:"d"') == "a-b-c-d"
    assert safe_name("...") == ""
    assert safe_name("患者 1") == "患者-1"
    assert session_name("ses-02 (post_op)") == "02postop"
    assert with_session("P1", "") == "P1"
    assert with_session("sub-1", "2") == "sub-1_ses-2"
    assert distinct("p1", ["P1"], "abc") == "p1-abc"


@pytest.mark.parametrize("name", ["ses-01", "visit2", "baseline", "20240131", "2024-01-31", "post", "3"])
def test_session_folders(name: str) -> None:
    assert is_session(name)


@pytest.mark.parametrize("name", ["P1", "sub-01", "TCGA-FG-6692", "patient_7", "UPENN-GBM-00001"])
def test_patient_folders_are_neither_sessions_nor_series(name: str) -> None:
    assert not is_session(name)
    assert not is_series_level(name)


@pytest.mark.parametrize("name", ["anat", "T1", "FLAIR", "12_AX_T1_POST", "DICOM", "ep2d_diff"])
def test_series_folders(name: str) -> None:
    assert is_series_level(name)


def test_the_highest_folder_of_a_patient_alone_gives_the_name() -> None:
    mine = [Path("site/P1/a"), Path("site/P1/b")]
    assert exclusive_folder(mine, [Path("site/P2")]) == Path("site/P1")
    assert exclusive_folder(mine, []) == Path("site")
    assert exclusive_folder(mine, [Path("site/P1/a")]) is None
    assert exclusive_folder([Path()], [Path("x")]) is None


def test_hashes_need_the_key_of_the_folder(tmp_path: Path) -> None:
    one, again, other = (Pseudonyms.of_folder(tmp_path / name) for name in ("a", "a", "b"))
    assert one.of("PID1") == again.of("PID1") != other.of("PID1")
    assert one.of("a", "b") != one.of("ab")
    (tmp_path / "a" / "key").write_bytes(b"")
    with pytest.raises(KDNetError, match="damaged"):
        Pseudonyms.of_folder(tmp_path / "a")
