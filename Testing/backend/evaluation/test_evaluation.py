"""Metrics, paired statistics and the report, against values computed by hand."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kdnet.errors import KDNetError
from kdnet.evaluation.metrics import HD95_ONE_EMPTY, score_case
from kdnet.evaluation.report import write_report
from kdnet.evaluation.results import Overlay, Role, Score, StudyDescription
from kdnet.evaluation.statistics import MEAN, summarise
from kdnet.labels import brats_labels
from kdnet.training.events import Event, EventKind

LABELS = brats_labels()


def block(low: int, high: int, value: int = 3) -> np.ndarray:
    labelmap = np.zeros((20, 20, 20), np.uint8)
    labelmap[low:high, 5:15, 5:15] = value
    return labelmap


def test_dice_and_hd95_of_a_shifted_block() -> None:
    scores = {score.region: score for score in score_case(block(5, 15), block(7, 17), LABELS, (2.0, 1.0, 1.0))}
    assert scores["ET"].dice == pytest.approx(0.8)
    assert scores["ET"].hd95 == pytest.approx(4.0)


def test_empty_regions_follow_the_convention_of_brats() -> None:
    empty, found = np.zeros((9, 9, 9), np.uint8), np.full((9, 9, 9), 3, np.uint8)
    both = score_case(empty, empty, LABELS, (1, 1, 1))
    one = score_case(found, empty, LABELS, (1, 1, 1))
    assert {(score.dice, score.hd95) for score in both} == {(1.0, 0.0)}
    assert {(score.dice, score.hd95) for score in one} == {(0.0, HD95_ONE_EMPTY)}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_empty_space_around_changes_no_score(seed: int, margin: int) -> None:
    random = np.random.default_rng(seed)
    prediction, reference = (random.integers(0, 4, (6, 7, 5)).astype(np.uint8) for _ in range(2))
    padded = [np.pad(labelmap, margin + 1) for labelmap in (prediction, reference)]
    wider = [np.pad(labelmap, margin) for labelmap in padded]
    assert score_case(*padded, LABELS, (1.0, 2.0, 1.5)) == score_case(*wider, LABELS, (1.0, 2.0, 1.5))


def scores_of(values: dict[tuple[Role, str], list[float]], region: str = "WT", seed: int = 0) -> list[Score]:
    return [
        Score(role, sees, 0, seed, f"case{index}", region, dice, 10 * (1 - dice))
        for (role, sees), column in values.items()
        for index, dice in enumerate(column)
    ]


STUDY = {
    (Role.TEACHER, "t1+t1ce"): [0.9, 0.8, 0.7, 0.9, 0.9, 0.8],
    (Role.BASELINE, "t1ce"): [0.5, 0.6, 0.4, 0.5, 0.6, 0.4],
    (Role.STUDENT, "t1ce"): [0.7, 0.7, 0.6, 0.6, 0.7, 0.5],
}


def test_gap_recovery_is_the_share_of_the_gap_that_the_student_covers() -> None:
    row = next(item for item in summarise(scores_of(STUDY)).comparisons if item.region == "WT")
    teacher, baseline, student = (np.mean(column) for column in STUDY.values())
    assert row.difference.value == pytest.approx(student - baseline)
    assert row.recovery is not None
    assert row.recovery.value == pytest.approx((student - baseline) / (teacher - baseline))
    assert row.recovery.low <= row.recovery.value <= row.recovery.high
    assert row.better == 6
    assert row.p == pytest.approx(0.03125)


def test_there_is_no_gap_recovery_where_the_teacher_is_not_above_the_baseline() -> None:
    values = {**STUDY, (Role.TEACHER, "t1+t1ce"): [0.1] * 6}
    assert all(row.recovery is None for row in summarise(scores_of(values)).comparisons)


def test_equal_networks_differ_by_nothing() -> None:
    values = {**STUDY, (Role.STUDENT, "t1ce"): STUDY[Role.BASELINE, "t1ce"]}
    row = summarise(scores_of(values)).comparisons[0]
    assert (row.difference.value, row.difference.low, row.difference.high, row.p) == (0, 0, 0, 1)


def test_seeds_are_averaged_before_cases_are_counted() -> None:
    twice = scores_of(STUDY) + scores_of(STUDY, seed=1)
    assert summarise(twice).comparisons == summarise(scores_of(STUDY)).comparisons


def test_a_case_that_only_one_network_scored_is_refused_by_name() -> None:
    values = {**STUDY, (Role.BASELINE, "t1ce"): STUDY[Role.BASELINE, "t1ce"][:5]}
    with pytest.raises(KDNetError, match="case5"):
        summarise(scores_of(values))


class Balanced(HTMLParser):
    """Fails on tags that do not close in order, and gathers what a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def description() -> StudyDescription:
    return StudyDescription(
        command="kdnet study <data>",
        data="BraTS folder x",
        cases=9,
        recipe="fast",
        settings={"steps": 10},
        student_modalities=("t1ce",),
        teacher_modalities=("t1", "t1ce"),
        regions=("WT",),
        folds=(0,),
        seeds=(0,),
        splits={"fold0": {"train": ["a"], "validation": ["b"], "test": ["c"]}},
        steps=10,
        seconds=60.0,
        cpu_seconds=100.0,
        hardware="a laptop",
        code_version="1",
    )


def test_a_report_opens_offline_and_holds_every_figure(tmp_path: Path) -> None:
    events = [
        Event(0.0, EventKind.STEP, "fold0/seed0/teacher", {"step": step, "losses": {"gt": 1 / step}})
        for step in range(1, 60)
    ]
    events.append(Event(0.0, EventKind.VALIDATION, "fold0/seed0/student-t1ce", {"step": 5, "dice": {"WT": 0.5}}))
    image = np.arange(400).reshape(20, 20)
    overlays = [Overlay("case0", title, image, block(5, 9)[:, :, 6]) for title in ("reference", "student")]
    page = write_report(tmp_path, description(), scores_of(STUDY), events, overlays, LABELS)
    parser = Balanced()
    parser.feed(page.read_text(encoding="utf-8"))
    assert not parser.open
    assert len(parser.loaded) == 3
    assert all(address.startswith("data:image/png;base64,") for address in parser.loaded)
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["description"]["command"] == "kdnet study <data>"
    with (tmp_path / "scores.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == 18
    assert "covers 40%" in (tmp_path / "results.md").read_text(encoding="utf-8")


def test_a_student_below_its_baseline_is_said_to_be(tmp_path: Path) -> None:
    values = {**STUDY, (Role.STUDENT, "t1ce"): [0.3] * 6}
    write_report(tmp_path, description(), scores_of(values), [], [], LABELS)
    assert "not above its baseline" in (tmp_path / "results.md").read_text(encoding="utf-8")


def test_an_unfinished_study_has_a_report_too(tmp_path: Path) -> None:
    values = {key: column for key, column in STUDY.items() if key[0] is not Role.STUDENT}
    write_report(tmp_path, description(), scores_of(values), [], [], LABELS)
    assert "No student has been scored" in (tmp_path / "results.md").read_text(encoding="utf-8")
    assert summarise(scores_of(values)).network(Role.TEACHER, "t1+t1ce", MEAN) is not None
