"""Names of results: different for different patients, allowed everywhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kdnet.segmentation.result_names import different_names, file_parts, result_path, safe_name


@dataclass(frozen=True)
class Item:
    name: str
    path: Path


def names(*paths: str, taken: dict[str, str] | None = None) -> list[str]:
    items = [Item(Path(path).name.split(".")[0], Path("/data") / path) for path in paths]
    return different_names(items, {name: Path("/data") / path for name, path in (taken or {}).items()})


def test_folders_distinguish_what_names_do_not() -> None:
    assert names("a/scan.nii", "b/scan.nii", "c/other.nii") == ["a_scan", "b_scan", "other"]
    assert names("p1/s1/scan.nii", "p2/s1/scan.nii") == ["p1_s1_scan", "p2_s1_scan"]


def test_case_and_composition_of_letters_do_not_distinguish_names() -> None:
    assert names("a/Scan.nii", "b/scan.nii") == ["a_Scan", "b_scan"]
    assert names("a/M\u00fcller.nii", "b/Mu\u0308ller.nii") == ["a_M\u00fcller", "b_Mu\u0308ller"]


def test_a_folder_that_the_name_repeats_is_not_put_before_it() -> None:
    assert names("x/P1/P1_t1ce.nii", "y/P1/P1_t1ce.nii") == ["x_P1_t1ce", "y_P1_t1ce"]


def test_formats_distinguish_files_of_one_folder() -> None:
    assert names("a/scan.nii", "a/scan.nrrd") == ["scan.nii", "scan.nrrd"]


def test_names_of_other_cases_in_the_folder_are_not_taken() -> None:
    assert names("b/scan.nii", taken={"scan": "a/scan.nii"}) == ["b_scan"]
    assert names("b/scan.nii", taken={"SCAN": "a/scan.nii", "b_scan": "c/b_scan.nii"}) == ["data_b_scan"]


def test_another_file_of_the_same_case_gets_its_own_name() -> None:
    flair = Item("P1", Path("/data/P1/P1_flair.nii.gz"))
    assert different_names([flair], {"P1": Path("/data/P1/P1_t1ce.nii.gz")}) == ["P1_flair"]


@given(st.lists(st.sampled_from(["a/x", "A/x", "a/X", "b/x", "x/x", "a_x/x", "a/a_x", "con/x"]), min_size=1, unique=True))
def test_all_names_differ_whatever_the_folders(paths: list[str]) -> None:
    found = names(*(f"{path}.nii" for path in paths))
    assert len({name.casefold() for name in found}) == len(paths)


@pytest.mark.parametrize(
    "name", ["CON", "con.1", "aux", "lpt1.x.y", "a:b", "a?b", "a\x1b[2J", "end.", "end ", "\udcff", "", "..", "a/b"]
)
def test_names_are_allowed_on_windows(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert not set(safe) & set('<>:"/\\|?*\x1b')
    assert safe[-1] not in ". "
    assert safe.split(".")[0].lower() not in ("con", "aux", "lpt1")
    safe.encode()


def test_usual_names_stay() -> None:
    for name in ("P1", "=HYPERLINK(1)", "M\u00fcller 12", "BraTS-GLI-00001-000", "a.b"):
        assert safe_name(name) == name


@pytest.mark.parametrize("letter", ["n", "\u00e4", "\U0001f9e0"])
def test_long_names_are_cut_where_the_file_system_ends_and_stay_different(letter: str) -> None:
    paths = [result_path(Path("/out"), letter * 250 + end, "_seg.nii.gz") for end in ("a", "b")]
    assert len(set(paths)) == 2
    for path in paths:
        assert len(os.fsencode(path.name)) <= 255
        assert path.name.endswith("_seg.nii.gz")
    fits = result_path(Path("/out"), "n" * 240, "_seg.nii.gz")
    assert fits.name == "n" * 240 + "_seg.nii.gz"


def test_regions_have_different_files() -> None:
    parts = file_parts(["core/necrotic", "core necrotic", "Core-Necrotic", "ET"])
    assert len({part.casefold() for part in parts.values()}) == 4
    assert parts["ET"] == "ET"
