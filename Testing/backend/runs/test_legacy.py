"""Runs of version 0.1.0 name networks by their folders and record neither labels nor the teacher's modalities."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from kdnet.runs import legacy
from kdnet.runs.events import EventKind, planned_networks, read_events
from kdnet.runs.status import read_status
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.network_id import NetworkId, Role
from kdnet.study.reader import open_readonly
from kdnet.study.results import read_results


@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("fold0/seed0/teacher", NetworkId(Role.TEACHER, (), 0, 0)),
        ("fold2/seed1/baseline-t1ce", NetworkId(Role.BASELINE, ("t1ce",), 2, 1)),
        ("all/seed0/student-t2-flair+t1", NetworkId(Role.STUDENT, ("t2-flair", "t1"), ALL_CASES, 0)),
    ],
)
def test_an_old_name_is_read(path: str, network: NetworkId) -> None:
    assert legacy.network_of_path(path) == network


@pytest.mark.parametrize("path", ["", "fold0", "fold0/seed0/mascot", "foldx/seed0/teacher", "fold0/seedx/teacher"])
def test_what_is_not_an_old_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"not enough values|invalid literal|not a valid Role"):
        legacy.network_of_path(path)


def test_an_old_run_is_read_as_a_new_one(finished_run: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(finished_run, old)
    lines = [json.loads(line) for line in (old / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line["event"] == EventKind.STUDY_STARTED:
            line["networks"] = [network["id"] for network in line["networks"]]
            del line["labels"], line["teacher"]
    (old / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    new_view, old_view = open_readonly(finished_run), open_readonly(old)
    assert old_view.networks == new_view.networks
    assert old_view.teacher_modalities == new_view.teacher_modalities == ("t1", "t1ce", "t2", "flair")
    assert old_view.labels == new_view.labels
    assert list(planned_networks(read_events(old / "events.jsonl")[0])) == [item.key for item in new_view.networks]
    assert [network.key for network in read_status(old).done] == [network.key for network in read_status(finished_run).done]
    assert read_results(old).summary == read_results(finished_run).summary
