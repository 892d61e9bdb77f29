"""``volumes.csv``: merged over commands, kept where it is a person's, written later where it is locked."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from kdnet.errors import DataError
from kdnet.schema.segmentation import RegionVolume
from kdnet.segmentation.results_table import NAME, UNSAVED, ResultsTable, Row, State, digest


def rows(folder: Path, name: str = NAME) -> list[dict[str, str]]:
    with (folder / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def row(case: str, **fields: object) -> Row:
    amounts = (RegionVolume("WT", 1.5),)
    return Row(case, f"/data/{case}.nii", **{"state": State.SEGMENTED, "amounts": amounts, **fields})  # type: ignore[arg-type]


def add(folder: Path, *added: Row) -> str:
    table = ResultsTable(folder)
    for item in added:
        table.put(item)
    return table.save()


def test_a_command_adds_to_the_cases_of_others(tmp_path: Path) -> None:
    add(tmp_path, row("a"), row("b", state=State.FAILED, amounts=(), reason="b is damaged."))
    add(tmp_path, row("c", amounts=(RegionVolume("ET", 2.0),)), row("a", amounts=(RegionVolume("WT", 3.0),)))
    found = rows(tmp_path)
    assert [(line["case"], line["state"]) for line in found] == [("a", "segmented"), ("b", "failed"), ("c", "segmented")]
    assert [line["WT (mL)"] for line in found] == ["3.000", "", ""]
    assert [line["ET (mL)"] for line in found] == ["", "", "2.000"]
    assert found[1]["reason"] == "b is damaged."
    assert found[0]["source"] == "/data/a.nii"


def test_two_commands_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    first, second = ResultsTable(tmp_path), ResultsTable(tmp_path)
    for table, case in ((first, "a"), (second, "b"), (first, "c")):
        table.put(row(case))
        table.save()
    assert {line["case"] for line in rows(tmp_path)} == {"a", "b", "c"}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    whole = row(
        "a",
        warnings="w",
        model="M 1",
        settings="test-time augmentation",
        input="12",
        labelmap="a_seg.nii",
        written=("1", "2"),
    )
    add(tmp_path, whole)
    assert ResultsTable(tmp_path).row("/data/a.nii") == whole


def test_columns_and_separators_of_people_are_kept(tmp_path: Path) -> None:
    add(tmp_path, row("a"), row("M\u00fcller"))
    text = (tmp_path / NAME).read_text(encoding="utf-8").splitlines()
    german = [
        line.replace(",", ";").replace("1.500", "1,500") + f";{note}"
        for line, note in zip(text, ("note", "x", ""), strict=True)
    ]
    (tmp_path / NAME).write_text("\ufeff" + "\n".join(german), encoding="utf-8")
    add(tmp_path, row("a", amounts=(RegionVolume("WT", 2.0),)))
    found = rows(tmp_path)
    assert [(line["case"], line["WT (mL)"], line["note"]) for line in found] == [
        ("a", "2.000", "x"),
        ("M\u00fcller", "1.500", ""),
    ]


def test_a_table_of_an_older_version_keeps_its_cases(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("case,WT (mL)\nold,4.000\na,5.000\n")
    add(tmp_path, row("a"))
    assert [(line["case"], line["WT (mL)"]) for line in rows(tmp_path)] == [("old", "4.000"), ("a", "1.500")]


@pytest.mark.parametrize("content", [b"patient,volume\n1,2\n", b"\x00\x01\x02"])
def test_a_table_of_others_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(DataError, match=r"volumes\.csv"):
        ResultsTable(tmp_path)
    assert (tmp_path / NAME).read_bytes() == content


def test_a_locked_table_is_reported_and_its_rows_come_back(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()  # as good as locked: it cannot be replaced
    assert "volumes.csv cannot be written" in add(tmp_path, row("a"))
    assert [line["case"] for line in rows(tmp_path, UNSAVED)] == ["a"]
    (tmp_path / NAME).rmdir()
    assert add(tmp_path, row("b")) == ""
    assert [line["case"] for line in rows(tmp_path)] == ["a", "b"]
    assert not (tmp_path / UNSAVED).exists()


def test_no_cell_is_a_formula_and_no_line_is_forged(tmp_path: Path) -> None:
    odd = ["=HYPERLINK(1)", "+1", "-1", "@x", "a\nb", "\x1b[2J", "'quoted"]
    add(tmp_path, *(row(name, reason=name, amounts=(RegionVolume(name, 1.0),)) for name in odd))
    with (tmp_path / NAME).open(newline="", encoding="utf-8") as stream:
        lines = list(csv.reader(stream))
    assert len(lines) == len(odd) + 1
    assert not [
        cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@")) or "\x1b" in cell or "\n" in cell
    ]
    assert ResultsTable(tmp_path).row("/data/=HYPERLINK(1).nii").case == "=HYPERLINK(1)"  # type: ignore[union-attr]


def test_a_digest_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    for name in ("a", "series/1"):
        (tmp_path / name).write_bytes(b"x")
    before = [digest(tmp_path / name) for name in ("a", "series")]
    for name in ("a", "series/1"):
        (tmp_path / name).write_bytes(b"y")
    assert all(old and old != digest(tmp_path / name) for old, name in zip(before, ("a", "series"), strict=True))
    assert digest(tmp_path / "gone") == ""


def test_rows_that_another_command_adds_between_two_saves_are_kept(tmp_path: Path) -> None:
    ours, theirs = ResultsTable(tmp_path), ResultsTable(tmp_path)
    for table, case in ((ours, "a"), (ours, "b"), (theirs, "c"), (ours, "d"), (theirs, "e")):
        table.put(row(case))
        assert table.save() == ""
    assert sorted(line["case"] for line in rows(tmp_path)) == ["a", "b", "c", "d", "e"]
