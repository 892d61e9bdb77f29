"""Tables of scans that users write."""

from __future__ import annotations

from pathlib import Path

import pytest
from kdnet.errors import DataError
from kdnet.foreign import read_rows


def test_rows_are_read_by_column_and_cells_that_are_missing_are_empty(tmp_path: Path) -> None:
    table = tmp_path / "heads.csv"
    table.write_text("\ufeffscan,person,site\na.nii.gz,A,x\nb.nii.gz\n", encoding="utf-8")
    assert read_rows(table, ("scan", "person")) == [
        {"scan": "a.nii.gz", "person": "A", "site": "x"},
        {"scan": "b.nii.gz", "person": "", "site": ""},
    ]


@pytest.mark.parametrize("content", ["", "scan,person\n", "scan,site\na.nii.gz,x\n"])
def test_a_table_without_rows_or_a_column_is_refused_by_name(tmp_path: Path, content: str) -> None:
    table = tmp_path / "heads.csv"
    table.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"heads\.csv must have a row per scan and the columns scan, person: add what"):
        read_rows(table, ("scan", "person"))
