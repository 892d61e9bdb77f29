"""What the panel says about a model."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("file", "warned"),
    [("Brain tumor T1", True), ("Brain tumor T2", True), ("Brain tumor FLAIR", True), ("Brain tumor T1ce", False)],
)
def test_students_without_contrast_say_that_enhancement_is_not_visible(panel: Any, file: str, warned: bool) -> None:
    from KDNetSegmentationLib.ModelTexts import enhancement_note

    assert ("do not rely on" in enhancement_note(panel.logic.library.find(file))) == warned


def test_the_summary_says_how_many_cases_and_how_well(panel: Any) -> None:
    from KDNetSegmentationLib.Card import summary_text

    student = summary_text(panel.logic.library.find("Brain tumor T1ce"))
    assert student == "48 cases · Dice ET 0.61, TC 0.60, WT 0.62 on 28 test cases"
    assert summary_text(panel.logic.library.find("Phantom demo")).startswith("8 synthetic cases · Dice ET 0.88")


def test_the_reason_names_the_scan_and_what_fits_worse(panel: Any) -> None:
    from KDNetSegmentationLib.ModelRanking import ScanKind
    from KDNetSegmentationLib.ModelTexts import reason_text

    models = panel.logic.models()
    student = panel.logic.library.find("Brain tumor T1ce")
    scans = [ScanKind(name) for name in ("t1ce", "t1", "t2", "flair", "")]
    text = reason_text(student, models, scans)
    assert text == "Suggested for T1ce. 3 other scans have models that scored lower."
    assert reason_text(student, models, scans[:2]) == "Suggested for T1ce. 1 other scan has a model that scored lower."
    assert reason_text(student, models, scans[:1]) == "Suggested for T1ce."
    assert reason_text(student, models, [ScanKind()]) == ""


def test_the_reason_names_the_scans_that_are_used_together(panel: Any) -> None:
    from KDNetSegmentationLib.ModelRanking import ScanKind
    from KDNetSegmentationLib.ModelTexts import reason_text

    teacher = panel.logic.library.find("Brain tumor T1 T1ce T2 FLAIR")
    scans = [ScanKind(name, patient="A") for name in ("t1", "t1ce", "t2", "flair")]
    text = reason_text(teacher, panel.logic.models(), scans)
    assert text == "Suggested because T1 + T1ce + T2 + FLAIR of this patient are loaded: together they score best."
    assert reason_text(teacher, panel.logic.models(), scans[1:]) == ""
