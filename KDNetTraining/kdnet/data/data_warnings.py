"""Warnings about a study's data before training: labels, patients and lesions that will lower its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from kdnet.data.dataset import Dataset
from kdnet.schema.case_report import CaseReport
from kdnet.schema.folds import Split

SMALL_VOXELS = 2.0  # of the recipe's grid; a smaller lesion keeps about one voxel or none
REPORTED_SHARE = 0.25  # of all lesions


def data_warnings(
    dataset: Dataset, reports: Sequence[CaseReport], splits: Mapping[int, Split], spacing: Sequence[float]
) -> tuple[str, ...]:
    """Return warnings about the usable cases of a study, one sentence each.

    Args:
        dataset: usable cases with their final labels.
        reports: reports of the inspection.
        splits: split of each fold.
        spacing: spacing of the recipe's grid in mm.
    """
    known = {report.name: report for report in reports}
    used = [known[case.name] for case in dataset.cases if case.name in known]
    return (*_unlearned_labels(dataset, known, splits), *_divided_patients(dataset, splits), *_small_lesions(used, spacing))


def _unlearned_labels(dataset: Dataset, reports: Mapping[str, CaseReport], splits: Mapping[int, Split]) -> list[str]:
    """Return warnings about labels that occur only in test cases, fold by fold."""
    held = {
        case.name: {case.value_map.get(value, value) for value in reports[case.name].labels}
        for case in dataset.cases
        if case.name in reports
    }
    warnings = []
    for fold, part in splits.items():
        learned = set().union(*(held.get(name, set()) for name in part.train))
        tested = set().union(*(held.get(name, set()) for name in part.test))
        names = [label.name for label in dataset.labels.labels if label.value in tested - learned]
        if names:
            warnings.append(
                f"In fold {fold}, test cases contain {', '.join(names)}, but no training case does, so no network can "
                "learn it: choose other folds or add cases."
            )
    return warnings


def _divided_patients(dataset: Dataset, splits: Mapping[int, Split]) -> list[str]:
    """Return warnings about patients in both training and test sets, which folds from a file can cause."""
    patients = dataset.patients
    divided: set[str] = set()
    for part in splits.values():
        learned = {patients.get(name, name) for name in (*part.train, *part.validation)}
        divided |= learned & {patients.get(name, name) for name in part.test}
    if not divided:
        return []
    return [
        f"{len(divided)} patient(s) have cases in both training and test sets, for example {min(divided)}, which inflates "
        "the metrics: assign all visits of a patient to one fold."
    ]


def _small_lesions(reports: Sequence[CaseReport], spacing: Sequence[float]) -> list[str]:
    """Return warnings about lesions too small for the recipe's grid, where they are many or all that a case has."""
    voxel = prod(spacing)
    count = sum(report.lesions for report in reports)
    lost = {
        report.name: sum(size < SMALL_VOXELS * voxel for size in report.small_lesions)
        for report in reports
        if prod(report.spacing) < 0.99 * voxel  # a lesion of one voxel is at the resolution limit of the data
    }
    whole = [report.name for report in reports if report.lesions and lost.get(report.name, 0) == report.lesions]
    if not whole and sum(lost.values()) < REPORTED_SHARE * max(1, count):
        return []
    grid = " x ".join(f"{step:g}" for step in spacing)
    cases = f" In {len(whole)} case(s), this applies to every lesion, for example in {whole[0]}." if whole else ""
    return [
        f"{sum(lost.values())} of {count} lesions are smaller than {SMALL_VOXELS:g} voxels of the recipe's grid ({grid} mm)"
        f" and may vanish there: choose a finer spacing.{cases}"
    ]
