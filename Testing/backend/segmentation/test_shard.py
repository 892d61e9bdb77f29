"""Shares of a batch, and reading ahead."""

from __future__ import annotations

import csv
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kdnet.cli import main
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from kdnet.errors import SettingsError
from kdnet.segmentation.read_ahead import read_ahead
from kdnet.segmentation.results_table import ResultsTable, Row
from kdnet.segmentation.shard import Shard
from waiting import PATIENCE, wait_until


def scan(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.zeros((24, 26, 22), np.int16)
    voxels[3:-3, 3:-3, 3:-3] = np.random.default_rng(seed).integers(50, 900, (18, 20, 16))
    write_volume(path, Volume(voxels, Grid((24, 26, 22), np.diag([6.0, 6.0, 6.0, 1.0]))))
    return path


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "volumes.csv").open(newline="", encoding="utf-8") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


@given(st.integers(0, 60), st.integers(1, 70))
def test_the_shares_make_up_all_items_each_once(items: int, count: int) -> None:
    shares = [item for index in range(count) for item in Shard(index + 1, count).of(range(items))]
    assert sorted(shares) == list(range(items))


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/", "/2", "a/2", "1/2/3", "-1/2", "1/0", "1/99999999"])
def test_what_is_not_a_share_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="give I/N"):
        Shard.parse(text)


def test_torchrun_gives_the_share() -> None:
    assert Shard.parse("", {"RANK": "1", "WORLD_SIZE": "4"}) == Shard(2, 4)
    assert Shard.parse("1/3", {"RANK": "1", "WORLD_SIZE": "4"}) == Shard(1, 3)
    assert Shard.parse("", {}) == Shard(1, 1)


def test_shares_merge_into_one_table_and_continue(model_file: Path, tmp_path: Path) -> None:
    for index in range(5):
        scan(tmp_path / "in" / f"P{index}" / "t1ce.nii.gz", seed=index)  # equal file names: named by their folders
    out = tmp_path / "out"
    command = ["segment", str(model_file), str(tmp_path / "in"), "-o", str(out), "--device", "cpu"]
    assert main([*command, "--shard", "2/3"]) == 0
    assert len(rows(out)) == 2
    processes = [
        subprocess.Popen([sys.executable, "-m", "kdnet", *command, "--shard", f"{index}/3"], stderr=subprocess.PIPE)
        for index in (1, 2, 3)
    ]
    logs = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], logs
    assert "2 done before" in logs[1]
    found = rows(out)
    assert len(found) == 5
    assert {row["state"] for row in found.values()} == {"segmented"}
    assert len(list(out.glob("*_seg.nii.gz"))) == 5


def test_a_share_writes_no_report(model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(model_file), str(scan(tmp_path / "a.nii.gz")), "-o", str(tmp_path / "out")]
    assert main(["segment", *given, "--shard", "1/2", "--report", str(tmp_path / "report.html")]) != 0
    assert "run kdnet measure once all shares are done" in capsys.readouterr().err


def test_commands_that_write_at_once_lose_no_row(tmp_path: Path) -> None:
    def write(first: int) -> None:
        table = ResultsTable(tmp_path)
        for index in range(first, first + 15):
            table.put(Row(f"case {index}", f"/scans/{index}.nii.gz", "segmented"))
            assert not table.save()

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows(tmp_path)) == 45
    assert [path.name for path in tmp_path.iterdir()] == ["volumes.csv"]


def test_the_next_wanted_item_is_read_while_one_is_used() -> None:
    reading: list[int] = []

    def read(item: int) -> int:
        reading.append(item)
        if item == 4:
            raise ValueError("damaged")
        return item * 10

    given = []
    for item, content in read_ahead(range(6), lambda item: item in (1, 4, 5), read):
        if content is not None:
            following = {1: [1, 4], 4: [1, 4, 5], 5: [1, 4, 5]}[item]
            wait_until(lambda following=following: len(reading) >= len(following))  # type: ignore[misc]
            assert reading == following
        given.append((item, content and (content.exception() or content.result())))
    assert [item for item, _ in given] == list(range(6))
    assert [str(content) for _, content in given] == ["None", "10", "None", "None", "damaged", "50"]


def test_a_reader_that_never_ends_does_not_keep_the_process(tmp_path: Path) -> None:
    code = """
import time
from kdnet.segmentation.read_ahead import read_ahead
for item, content in read_ahead([1, 2], bool, lambda item: time.sleep(3600 if item == 2 else 0)):
    break
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE, cwd=tmp_path)
