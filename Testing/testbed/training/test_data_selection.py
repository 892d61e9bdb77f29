"""Which modalities are selected, before and after more of them are found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def selection(training: Any) -> Any:
    from KDNetTrainingLib.Choices import Choices
    from KDNetTrainingLib.DataSelection import DataSelection

    choices = Choices()
    choices.parameters = SimpleNamespace(  # type: ignore[assignment]
        teacherModalities="", studentModalities="", separateStudents=False
    )
    return DataSelection(choices)


def test_a_teacher_of_all_modalities_takes_those_found_later(selection: Any) -> None:
    selection.select(["t1", "t2"])
    selection.choose(("t1", "t2"), ("t2",))
    selection.select(["t1", "t2", "flair"])
    assert selection.teacher == ("t1", "t2", "flair")
    assert selection.teacher_modalities == ()
    assert selection.student == ("t2",)


def test_a_saved_choice_of_modalities_is_restored(selection: Any) -> None:
    selection._choices.current.teacherModalities = "t1,t1ce"
    selection._choices.current.studentModalities = "t1"
    selection.select(["t1", "t1ce", "t2", "flair"])
    assert selection.teacher == selection.teacher_modalities == ("t1", "t1ce")
    assert selection.student == ("t1",)


def test_a_student_of_t1ce_is_preferred(selection: Any) -> None:
    selection.select(["t1", "t1ce"])
    assert selection.student == ("t1ce",)
    selection.select(["adc", "dwi"])
    assert selection.student == ("adc",)


def test_separate_students_have_one_modality_each(selection: Any) -> None:
    selection.select(["t1", "t2", "flair"])
    selection.choose(("t1", "t2", "flair"), ("t1", "t2"))
    assert selection.students == (("t1", "t2"),)
    selection._choices.current.separateStudents = True
    assert selection.students == (("t1",), ("t2",))
