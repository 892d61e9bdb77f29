"""Which volumes are suggested as inputs; without a scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from KDNetSegmentationLib.InputSelection import InputSelection
from KDNetSegmentationLib.ModelRanking import ScanKind


@dataclass(frozen=True)
class Volume:
    name: str
    modality: str = ""
    patient: str = ""


FLAIR, T1CE, OTHER_T1CE, UNKNOWN = Volume("a", "flair"), Volume("b", "t1ce"), Volume("c", "t1ce"), Volume("d")


@pytest.fixture
def candidates() -> list[Volume]:
    return []


@pytest.fixture
def selection(candidates: list[Volume]) -> Any:
    chooser: Any = InputSelection
    return chooser(lambda: candidates, lambda volume: ScanKind(volume.modality), lambda volume: volume.patient)


def test_a_volume_of_the_modality_is_suggested(selection: Any, candidates: list[Volume]) -> None:
    candidates += [FLAIR, UNKNOWN, T1CE]
    assert selection.suggest(["t1ce"], [None]) == [T1CE]


@pytest.mark.parametrize(("volumes", "expected"), [([FLAIR, UNKNOWN], UNKNOWN), ([FLAIR], FLAIR), ([], None)])
def test_one_modality_takes_an_unknown_volume_then_any(
    selection: Any, candidates: list[Volume], volumes: list[Volume], expected: Volume | None
) -> None:
    candidates += volumes
    assert selection.suggest(["t1ce"], [None]) == [expected]


def test_several_modalities_take_only_volumes_of_theirs(selection: Any, candidates: list[Volume]) -> None:
    candidates += [UNKNOWN, T1CE, FLAIR]
    assert selection.suggest(["flair", "t2", "t1ce"], [None, None, None]) == [FLAIR, None, T1CE]


def test_a_volume_is_suggested_once(selection: Any, candidates: list[Volume]) -> None:
    candidates += [T1CE, OTHER_T1CE]
    assert selection.suggest(["t1ce", "t1ce"], [None, None]) == [T1CE, OTHER_T1CE]


def test_a_selection_of_the_user_stays_and_a_suggestion_gives_way(selection: Any, candidates: list[Volume]) -> None:
    candidates += [FLAIR]
    assert selection.suggest(["t1ce"], [None]) == [FLAIR]
    assert selection.selectedByUser([FLAIR]) == []
    candidates += [T1CE]
    assert selection.suggest(["t1ce"], [FLAIR]) == [T1CE]
    assert selection.selectedByUser([UNKNOWN, None]) == [UNKNOWN]
    assert selection.suggest(["t1ce"], [UNKNOWN]) == [UNKNOWN]


def test_scans_are_the_volumes_or_all_candidates(selection: Any, candidates: list[Volume]) -> None:
    candidates += [FLAIR, UNKNOWN]
    assert selection.scans([T1CE]) == [ScanKind("t1ce")]
    assert selection.scans([]) == [ScanKind("flair"), ScanKind("")]


def test_another_patients_scan_is_not_offered(selection: Any, candidates: list[Volume]) -> None:
    shown, other = Volume("b flair", "flair", "b"), Volume("a t1ce", "t1ce", "a")
    candidates += [shown, other]
    assert selection.scans([]) == [ScanKind("flair", patient="b")]
    assert selection.suggest(["flair"], [None]) == [shown]
    assert selection.suggest(["t2"], [None]) == [shown]  # warned of, but of the patient who is looked at
