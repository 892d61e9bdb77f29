"""What the numbers of BraTS references mean, by names and by all values together."""

from __future__ import annotations

import pytest
from kdnet.data.formats.conventions import Convention, convention_of, decide
from kdnet.schema.labels import brats_labels, pediatric_labels, post_treatment_labels


@pytest.mark.parametrize(
    ("case", "convention"),
    [
        ("Brats18_CBICA_ABM_1", Convention.OLD),
        ("BraTS19_TCIA13_600_1", Convention.OLD),
        ("BraTS20_Training_001", Convention.OLD),
        ("BraTS2021_00000", Convention.OLD),
        ("brats_2013_pat0001_1", Convention.EARLY),
        ("BraTS-GLI-00000-000", Convention.CURRENT),
        ("BraTS-SSA-00002-000", Convention.CURRENT),
        ("BraTS-MEN-00004-000", Convention.CURRENT),
        ("BraTS-GLI-02405-100", Convention.POST_TREATMENT),
        ("BraTS-GLI-00005-101", Convention.POST_TREATMENT),
        ("BraTS-PED-00005-000", Convention.PEDIATRIC),
        ("BraTS_PED_00001", Convention.PEDIATRIC),
        ("BraTS2024-PED-00001-000", Convention.PEDIATRIC),
        ("BraTS_GLI_02405_100", Convention.POST_TREATMENT),
        ("BraTS2024_00001", Convention.POST_TREATMENT),
        ("BraTS_MEN_RT_0001_1", Convention.GROSS_TUMOR),
        ("BraTS-2023_00001", Convention.CURRENT),
        ("BraTS_13", Convention.UNNAMED),
        ("BRATS_021", Convention.UNNAMED),
        ("BraTS24", Convention.UNNAMED),
        ("P1", Convention.UNNAMED),
    ],
)
def test_the_name_of_a_case_gives_year_and_challenge(case: str, convention: Convention) -> None:
    assert convention_of(case) is convention


def meaning(values: dict[str, set[int]], asked: object = None):
    return decide({case: convention_of(case) for case in values}, values, asked)  # type: ignore[arg-type]


def test_years_are_mixed_case_by_case() -> None:
    found = meaning({"BraTS2021_00000": {1, 2, 4}, "BraTS-GLI-00000-000": {1, 2, 3}, "BraTS-SSA-00002-000": {1, 2, 3}})
    assert (found.table, found.problems) == (brats_labels(), {})
    assert [found.maps[case] for case in sorted(found.maps)] == [{}, {}, {4: 3}]


def test_after_treatment_4_is_the_cavity() -> None:
    found = meaning({"BraTS-GLI-00005-100": {1, 2, 3, 4}, "BraTS-GLI-00007-100": {2, 4}})
    assert (found.table, found.problems) == (post_treatment_labels(), {})
    assert all(not found.maps[case] for case in found.maps)
    assert meaning({"BraTS-GLI-00005-100": {1, 2, 3}}).table == brats_labels(), "no label without a voxel"


def test_in_children_1_is_enhancing_and_4_edema() -> None:
    assert meaning({"BraTS-PED-00005-000": {1, 2, 3, 4}}).table == pediatric_labels()
    mixed = meaning({"BraTS-PED-00005-000": {1, 2, 3, 4}, "BraTS-GLI-00000-000": {1, 2, 3}})
    assert mixed.table == brats_labels()
    assert mixed.maps["BraTS-PED-00005-000"] == {1: 3, 2: 1, 3: 1, 4: 2}


def test_names_without_a_year_are_decided_by_all_values() -> None:
    assert meaning({"a": {1, 2, 4}, "b": {1, 2}}).maps["a"] == {4: 3}
    assert not meaning({"a": {1, 2, 3}, "b": {1, 2}}).problems
    for values in ({"a": {1, 2, 3, 4}, "b": {2, 4}}, {"a": {1, 2, 3}, "b": {1, 2, 4}}):
        found = meaning(values)
        assert set(found.problems) == {"a", "b"}
        assert "--labels brats-2024" in found.problems["a"]


def test_one_odd_case_does_not_make_a_whole_set_ambiguous() -> None:
    assert not meaning({**{str(index): {1, 2, 4} for index in range(5)}, "odd": {1, 3, 4}}).problems


def test_who_asks_for_a_table_decides() -> None:
    values = {"a": {1, 2, 3, 4}, "b": {2, 4}}
    assert meaning(values, brats_labels()).maps["b"] == {4: 3}
    after = meaning(values, post_treatment_labels())
    assert (after.table, after.maps["b"], after.problems) == (post_treatment_labels(), {}, {})
    assert meaning({"BraTS-GLI-00005-100": {3, 4}}, brats_labels()).maps["BraTS-GLI-00005-100"] == {4: 0}


def test_the_only_label_of_all_references_is_questioned() -> None:
    for value in (2, 3, 4):
        (note,) = meaning({"a": {value}, "b": {value}}).notes
        assert f"--labels {value}=Tumor" in note


def test_masks_of_one_label_are_one_label() -> None:
    found = meaning({"a": {1}, "b": {1}})
    assert [label.name for label in found.table.labels] == ["Tumor"]
    assert found.notes
    gross = decide({"a": Convention.GROSS_TUMOR}, {"a": {1}})
    assert [label.name for label in gross.table.labels] == ["Gross tumor volume"]
    mixed = decide({"a": Convention.GROSS_TUMOR, "b": Convention.CURRENT}, {"a": {1}, "b": {1, 2, 3}})
    assert "gross tumor volume" in mixed.problems["a"]
