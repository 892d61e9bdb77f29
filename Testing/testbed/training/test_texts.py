"""Plans, progress and comparisons as the panel words them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kdnet.runs.status import RunState, RunStatus
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.results import MEAN, Comparison, GainPart, GapRecovery, Interval
from kdnet.schema.run_results import StudentResult
from kdnet.schema.study_plan import FoldCounts, StudyPlan

STUDENT = NetworkId(Role.STUDENT, ("t1ce",), 0, 0)
NETWORKS = (NetworkId(Role.TEACHER, ("t1", "t1ce"), 0, 0), STUDENT)
PLAN = StudyPlan(NETWORKS, 12, 90.0, 1_200_000_000, 35_000_000, (FoldCounts(0, 1, 1, 2),), "cpu", {})


def test_a_plan_says_what_is_trained_and_what_it_needs(training: Any) -> None:
    from KDNetTrainingLib.PlanText import plan_text

    assert plan_text(PLAN).splitlines() == [
        "2 networks of 12 steps each: Teacher, Student T1ce.",
        "Fold 0: 1 case to train, 1 to validate, 2 to test.",
        "Estimated time on this computer (cpu): 1 h 30 min.",
        "Memory: up to 1.2 GB. Disk space: up to 35 MB.",
    ]
    everything = replace(PLAN, folds=(FoldCounts(ALL_CASES, 5, 0, 0),), excluded={"b": "", "a": ""}, warnings=("Careful.",))
    assert plan_text(everything).splitlines()[1] == "All cases: 5 cases to train, none to test."
    assert plan_text(everything).splitlines()[-2:] == ["Excluded cases: a, b.", "Careful."]


def test_a_full_disk_is_foreseen(training: Any, tmp_path: Path) -> None:
    from KDNetTrainingLib.PlanText import disk_warning

    assert disk_warning(PLAN, tmp_path / "runs" / "one") == ""
    assert "free space" in disk_warning(replace(PLAN, disk_bytes=10**18), tmp_path / "runs" / "one")


@pytest.mark.parametrize(
    ("status", "text", "fraction"),
    [
        (None, "New.", 0.0),
        (RunStatus(RunState.RUNNING), "Running.", 0.0),
        (
            RunStatus(RunState.RUNNING, "", STUDENT, 3, 12, NETWORKS, NETWORKS[:1], 600.0),
            "Running. Student T1ce, step 3 of 12. 1 of 2 networks done. About 10 min left.",
            0.625,
        ),
        (RunStatus(RunState.FAILED, "why", None, 0, 12, NETWORKS, NETWORKS[:1]), "Failed. 1 of 2 networks done.", 0.5),
        (RunStatus(RunState.FINISHED, "", None, 0, 12, NETWORKS, NETWORKS), "Finished. 2 of 2 networks done.", 1.0),
    ],
)
def test_progress(training: Any, status: RunStatus | None, text: str, fraction: float) -> None:
    from KDNetTrainingLib.RunProgress import progress_fraction, progress_text

    state = status.state if status is not None else RunState.NEW
    assert progress_text(status, state) == text
    assert progress_fraction(status, state) == pytest.approx(fraction)


def student(gain: float, low: float, patients: int = 6) -> StudentResult:
    interval = Interval(gain, low, gain + 0.1)
    rows = [
        Comparison("t1ce", region, 7, 0.5 + gain, 0.5, None, interval, 0.04, 3, None, "no teacher", patients)
        for region in ("ET", MEAN)
    ]
    return StudentResult(("t1ce",), None, tuple(rows), ())


@pytest.mark.parametrize(
    ("gain", "low", "warning"),
    [
        (0.2, 0.1, ""),
        (0.2, -0.1, "not significant (95% CI includes 0)"),
        (-0.1, -0.2, "not better than its baseline in ET"),
    ],
)
def test_a_student_without_a_benefit_is_warned_about(training: Any, gain: float, low: float, warning: str) -> None:
    from KDNetTrainingLib.ResultText import result_warning

    found = result_warning(student(gain, low))
    assert warning in found
    assert bool(found) == bool(warning)


def test_a_comparison_has_a_column_per_region(training: Any) -> None:
    from KDNetTrainingLib.ResultText import comparison_table

    header, rows = comparison_table(student(0.2, 0.1))
    assert header == ("Dice", "ET", "Mean")
    assert [row[0] for row in rows] == ["Teacher", "Baseline", "Student", "Gain", "95% CI", "Patients", "p", "Gap"]
    assert [row[1] for row in rows] == ["", "0.500", "0.700", "+0.200", "+0.100\n+0.300", "6", "0.040", ""]


def test_what_a_few_patients_cannot_show_is_not_shown(training: Any) -> None:
    from KDNetTrainingLib.ResultText import comparison_table, result_warning

    _, rows = comparison_table(student(0.2, 0.1, patients=5))
    assert dict(row[:2] for row in rows)["p"] == "too few"
    assert result_warning(student(0.2, 0.1, patients=5)).startswith("⚠ 5 test patients: too few to tell")
    assert "1 test patient:" in result_warning(student(-0.2, -0.3, patients=1))


@pytest.mark.parametrize(
    ("recovery", "text"),
    [
        (None, "not\ndefined"),
        (GapRecovery(0.42, 0.1, 0.8), "42%\n10%\n80%"),
        (GapRecovery(0.42, 0.1, None), "42%\n10%\nunbounded"),
    ],
)
def test_gap_recovery_has_an_interval_where_it_is_defined(training: Any, recovery: GapRecovery | None, text: str) -> None:
    from KDNetTrainingLib.ResultText import comparison_table

    found = student(0.2, 0.1)
    rows = tuple(replace(row, teacher=0.8, recovery=recovery) for row in found.comparisons)
    assert comparison_table(replace(found, comparisons=rows))[1][-1] == ("Gap", text, text)


def test_a_control_splits_the_gain(training: Any) -> None:
    from KDNetTrainingLib.ResultText import comparison_table

    def part(network: Role, reference: Role, gain: float) -> GainPart:
        return GainPart("t1ce", MEAN, network, reference, 5, 4, Interval(gain, gain - 0.01, gain + 0.02), 0.1, 3)

    gains = (part(Role.CONTROL, Role.BASELINE, 0.15), part(Role.STUDENT, Role.CONTROL, 0.05))
    _, rows = comparison_table(replace(student(0.2, 0.1), gains=gains))
    assert rows[8:] == [
        ("Gain of start", "", "+0.150"),
        ("95% CI, patients", "", "+0.140\n+0.170\nn = 4"),
        ("Gain of losses", "", "+0.050"),
        ("95% CI, patients", "", "+0.040\n+0.070\nn = 4"),
    ]


def test_cells_of_several_lines_are_shown_in_full_also_before_the_table_is_visible(training: Any) -> None:
    import qt
    from KDNetLib.Tables import fill_table

    table = qt.QTableWidget()
    fill_table(table, ("Dice", "ET"), [("Gain", "+0.1"), ("95% CI", "+0.0\n+0.2")], highest=60)
    assert (table.rowHeight(0), table.rowHeight(1)) == (24, 40)
    assert table.height == 60
