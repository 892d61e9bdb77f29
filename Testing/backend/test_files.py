"""Files are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from kdnet.errors import KDNetError
from kdnet.files import atomic_write, writable_folder, write_csv, write_json

pytestmark = pytest.mark.usefixtures("file_rules")


def test_a_failing_writer_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    write_json(target, {"version": 1})
    with pytest.raises(ValueError, match="Out of range"):
        write_json(target, {"version": float("nan")})
    assert target.read_text() == '{\n  "version": 1\n}\n'
    assert list(tmp_path.iterdir()) == [target]


def test_a_table_is_written_whole_with_the_cells_that_need_quotes(tmp_path: Path) -> None:
    write_csv(tmp_path / "table.csv", [("case", "ml"), ('a, "b"', -0.5), ("lone \udc80", "")])
    assert (tmp_path / "table.csv").read_bytes() == b'case,ml\n"a, ""b""",-0.5\nlone ?,\n'
    assert len(list(tmp_path.iterdir())) == 1


def test_the_temporary_name_keeps_the_suffixes(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "volume.nii.gz") as temporary:
        assert temporary.name.endswith(".nii.gz")
        temporary.touch()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(KDNetError, match="missing"), atomic_write(tmp_path / "missing" / "file") as temporary:
        temporary.touch()


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    def write_until_full() -> None:
        with atomic_write(tmp_path / "file") as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(KDNetError, match="No space left"):
        write_until_full()
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(KDNetError, match="taken"):
        writable_folder(tmp_path / "taken")
