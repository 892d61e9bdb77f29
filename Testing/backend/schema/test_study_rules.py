"""Which cases, folds and modalities a study can have."""

from __future__ import annotations

import pytest
from kdnet.schema.study_rules import StudentProblem, fewest_cases, student_problem


@pytest.mark.parametrize(
    ("student", "problem"),
    [
        (("t1",), None),
        (("t1", "t2"), None),
        ((), StudentProblem.EMPTY),
        (("flair",), StudentProblem.NOT_A_SUBSET),
        (("t2", "t1ce", "t1"), StudentProblem.NOTHING_TO_DISTILL),
    ],
)
def test_a_student_needs_a_proper_subset_of_its_teacher(student: tuple[str, ...], problem: StudentProblem | None) -> None:
    assert student_problem(student, ("t1", "t1ce", "t2")) is problem


def test_each_fold_needs_a_case_unless_the_data_define_the_folds() -> None:
    assert fewest_cases(2, given=False) == 3
    assert fewest_cases(5, given=False) == 5
    assert fewest_cases(5, given=True) == 3
