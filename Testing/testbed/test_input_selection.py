"""Which volumes are suggested as inputs; without a scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from KDNetSegmentationLib.InputSelection import InputSelection


@dataclass(frozen=True)
class Volume:
    name: str
    modality: str = ""


FLAIR, T1CE, OTHER_T1CE, UNKNOWN = Volume("a", "flair"), Volume("b", "t1ce"), Volume("c", "t1ce"), Volume("d")


@pytest.fixture
def candidates() -> list[Volume]:
    return []


@pytest.fixture
def selection(candidates: list[Volume]) -> Any:
    chooser: Any = InputSelection
    return chooser(lambda: candidates, lambda volume: volume.modality)


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


def test_modalities_are_those_of_the_volumes_or_of_all_candidates(selection: Any, candidates: list[Volume]) -> None:
    candidates += [FLAIR, UNKNOWN]
    assert list(selection.modalities([T1CE])) == ["t1ce"]
    assert list(selection.modalities([])) == ["flair", ""]
