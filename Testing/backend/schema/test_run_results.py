"""Results of a run survive their JSON, whatever is still missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from kdnet.errors import KDNetError
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.results import MEAN, Comparison, GapRecovery, Interval, NetworkSummary, Score
from kdnet.schema.run_results import CaseResult, NetworkResult, RunResults, StudentResult

STUDENT = NetworkId(Role.STUDENT, ("t1", "t1ce"), 0, 1)


def row(region: str, gain: float) -> Comparison:
    recovery = GapRecovery(0.5, None, 0.9) if region == MEAN else None
    return Comparison(
        "t1+t1ce",
        region,
        4,
        0.6,
        0.6 - gain,
        None,
        Interval(gain, gain - 0.1, gain + 0.1),
        0.04,
        3,
        recovery,
        "no teacher",
        3,
    )


def results() -> RunResults:
    case = CaseResult(
        "a", 0, {"student": 0.5}, {"ET": {"student": 0.5}}, {"ET": {"student": 7.5}}, {"student": Path("/a.nii")}
    )
    return RunResults(
        data=Path("/data"),
        report=Path("/run/report.html"),
        labels={"labels": []},
        regions=("ET",),
        recipe="fast",
        teacher=("t1", "t1ce", "t2"),
        networks=(NetworkResult(STUDENT, Path("/model.safetensors"), scored=True),),
        summary=(NetworkSummary(Role.STUDENT, "t1+t1ce", "ET", 4, 0.5, None, 7.5, 0.5),),
        students=(StudentResult(("t1", "t1ce"), None, (row("ET", -0.1), row("TC", 0.2), row(MEAN, 0.05)), (case,)),),
        scores=(Score(Role.STUDENT, "t1+t1ce", 0, 1, "a", "ET", 0.5, 7.5),),
        files={"a": {"reference": {"path": "/a_seg.nii"}}},
    )


@pytest.mark.parametrize("found", [results(), RunResults(Path("/data"))], ids=["finished", "new"])
def test_results_survive_their_json(found: RunResults) -> None:
    assert RunResults.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_networks_without_scores_are_missing() -> None:
    found = results()
    assert found.missing == ()
    waiting = replace(found, networks=(replace(found.networks[0], scored=False),))
    assert waiting.missing == (STUDENT,)
    assert waiting.to_json()["missing"] == [STUDENT.to_json()]


def test_regions_without_a_gain_are_named() -> None:
    (student,) = results().students
    assert student.worse_regions() == ("ET",)
    assert student.mean is not None
    assert student.mean.region == MEAN
    assert student.key == "t1+t1ce"


def test_damaged_results_are_refused() -> None:
    content = results().to_json()
    content["students"][0]["comparisons"][0]["p"] = "small"
    with pytest.raises(KDNetError, match="p is"):
        RunResults.from_json(content)
    with pytest.raises(KeyError):
        RunResults.from_json({"data": "/data"})
