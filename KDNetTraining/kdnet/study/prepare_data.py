"""From a data folder to prepared cases and the split of each fold."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kdnet.data.data_warnings import data_warnings
from kdnet.data.dataset import Case, Dataset
from kdnet.data.formats.detect import list_cases, require_cases
from kdnet.data.inspection import inspect_dataset, notes_of, valid_cases
from kdnet.data.inspection_cache import InspectionRecord
from kdnet.data.preprocessing.case_cache import CaseCache, PreparedCase
from kdnet.data.splits import FoldList, assign_folds, read_folds, split
from kdnet.errors import DataError, SettingsError
from kdnet.runs.events import NO_EVENTS, EventKind, EventLog
from kdnet.schema.case_report import CaseReport
from kdnet.schema.folds import ALL_CASES, Split
from kdnet.schema.formatting import plural
from kdnet.schema.model_card import ModelCard
from kdnet.schema.preprocessing import Preprocessing
from kdnet.schema.study_request import StudyRequest
from kdnet.schema.study_rules import DEFAULT_FOLDS
from kdnet.study.contents import Contents
from kdnet.training.distributed import ALONE, DistributedContext


@dataclass(frozen=True, eq=False)
class StudyData:
    """The data of a study.

    Attributes:
        dataset: usable cases only.
        excluded: name of each excluded case, with the reason.
        preprocessing: for training and the resulting models.
        splits: fold to its training, validation, and test cases.
        warnings: about the data, as text.
        unlabeled: names of the cases without a reference, which an adaptation may have.
    """

    dataset: Dataset
    excluded: dict[str, str]
    preprocessing: Preprocessing
    splits: dict[int, Split]
    warnings: tuple[str, ...] = ()
    unlabeled: frozenset[str] = frozenset()

    @property
    def uncorrected(self) -> frozenset[str]:
        """Cases that an adaptation uses besides the corrected ones: earlier ones and those without labels."""
        return self.dataset.earlier | self.unlabeled

    def has_labels_of(self, card: ModelCard) -> bool:
        """Check whether labels of the cases and of a model mean the same; otherwise it cannot teach or be compared."""
        return self.dataset.labels.meaning == card.labels.meaning

    def case(self, name: str) -> Case:
        """Return the case named ``name``."""
        return next(case for case in self.dataset.cases if case.name == name)


def read_study_data(
    request: StudyRequest,
    events: EventLog = NO_EVENTS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    record: InspectionRecord | None = None,
    *,
    resumed: bool = False,
) -> StudyData:
    """Detect the data layout, inspect the cases, exclude unusable ones, and split the rest.

    Args:
        request: names the data folder and the parts to use.
        events: receives progress and excluded cases.
        progress: called after each case with the number inspected and the total.
        record: of earlier inspections; cases with unchanged files are not read again.
        resumed: whether this run is being resumed; excluded cases may have been removed from the data since.

    Raises:
        DataError: for a folder that is empty, not recognized, or has too few usable cases.
        SettingsError: for a fold, modality, or case to exclude that does not exist.
    """
    usable = read_usable_cases(request, events, progress, record, resumed=resumed)
    dataset = usable.dataset
    require_cases(replace(dataset, cases=tuple(case for case in dataset.cases if case.name not in dataset.incomplete)))
    preprocessing = Preprocessing(spacing=request.recipe.spacing)
    listed = read_folds(dataset.root, [case.name for case in dataset.cases])
    splits = _splits(dataset, request, listed)
    warnings = (
        *usable.notes,
        *listed.notes,
        *_incomplete_note(dataset),
        *data_warnings(dataset, usable.reports, splits, request.recipe.spacing),
    )
    return StudyData(dataset, usable.excluded, preprocessing, splits, warnings)


@dataclass(frozen=True, eq=False)
class UsableCases:
    """The cases of a data folder that networks can be trained on.

    Attributes:
        dataset: these cases.
        reports: findings of the inspection, also on other cases.
        excluded: name of each other case, with the reason.
        notes: about the data set, as text.
    """

    dataset: Dataset
    reports: tuple[CaseReport, ...]
    excluded: dict[str, str]
    notes: tuple[str, ...]


def read_usable_cases(
    request: StudyRequest,
    events: EventLog = NO_EVENTS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    record: InspectionRecord | None = None,
    *,
    resumed: bool = False,
) -> UsableCases:
    """Detect the data layout, inspect the cases, and exclude unusable ones; see :func:`read_study_data`."""
    dataset = list_cases(request)
    if request.adaptation is None:
        dataset = replace(dataset, sufficient=request.students)
    if not resumed:
        _check_excluded(request.excluded, [case.name for case in dataset.cases])

    def report(done: int, total: int) -> None:
        events.write(EventKind.PREPARATION, what="inspecting cases", done=done, total=total)
        progress(done, total)

    try:
        reports = inspect_dataset(dataset, report, record.inspect if record else None)
    finally:
        if record is not None:
            record.write()
    excluded = {report.name: " ".join(report.problems) for report in reports if report.problems}
    notes = notes_of(dataset, reports)
    dataset = valid_cases(dataset, reports)
    excluded |= dict.fromkeys(request.excluded, "excluded on request")
    dataset = replace(dataset, cases=tuple(case for case in dataset.cases if case.name not in excluded))
    for name, reason in excluded.items():
        events.write(EventKind.EXCLUDED, case=name, reason=reason)
    return UsableCases(dataset, tuple(reports), excluded, notes)


def _incomplete_note(dataset: Dataset) -> tuple[str, ...]:
    names = sorted(dataset.incomplete)
    if not names:
        return ()
    return (
        f"{plural(len(names), '{count} case lacks', '{count} cases lack')} a modality, for example {names[0]}: such a case "
        "trains only the networks that do not need it, and tests none.",
    )


def prepare_cases(
    data: StudyData,
    names: Sequence[str],
    cache: Path,
    events: EventLog = NO_EVENTS,
    check: Callable[[], None] = lambda: None,
    *,
    processes: DistributedContext = ALONE,
    contents: Contents | None = None,
) -> dict[str, PreparedCase]:
    """Prepare the cases ``names``, using the cache where possible, distributed over the processes.

    Args:
        data: contains the cases.
        names: of the cases.
        cache: folder of the prepared cases.
        events: receives progress.
        check: called before each case; may raise to stop.
        processes: all call this.
        contents: digests of the cases, if already known.

    Raises:
        DataError: naming a case or file that cannot be prepared.
    """
    store = CaseCache(cache, data.preprocessing, data.dataset.labels, data.dataset.modalities)
    prepared: dict[str, PreparedCase] = {}

    def prepare(round_: Sequence[str]) -> dict[str, PreparedCase]:
        check()
        return {name: store.get(data.case(name), (contents or {}).get(name)) for name in round_[processes.rank :][:1]}

    for index in range(0, len(names), processes.count):
        round_ = names[index : index + processes.count]
        for part in processes.together(lambda round_=round_: prepare(round_)):  # type: ignore[misc]
            prepared |= part
        events.write(EventKind.PREPARATION, what="preparing cases", done=len(prepared), total=len(names))
    return prepared


def _check_excluded(wanted: Sequence[str], names: Sequence[str]) -> None:
    """Reject a name that matches no case: the case meant would be used although it should be excluded."""
    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
            hint = f"did you mean {near[0]}?" if near else "the data has no cases."
            raise SettingsError(f'there is no case "{name}" to exclude: {hint}')


def _splits(dataset: Dataset, request: StudyRequest, listed: FoldList) -> dict[int, Split]:
    names = [case.name for case in dataset.cases if case.name not in dataset.incomplete]
    known = listed.folds
    if known and not set(names) <= known.keys():
        lacking = sorted(set(names) - known.keys())
        raise DataError(
            f"{listed.source} lists no fold for {len(lacking)} of {len(names)} cases, for example {lacking[0]}: add them, "
            "or remove the file."
        )
    if not known:
        count = request.fold_count or DEFAULT_FOLDS
        patients = {dataset.patients[name] for name in names}
        if count > len(patients):
            raise DataError(
                f"{dataset.root} has {len(names)} usable cases of {len(patients)} patients, too few for {count} folds: "
                "add cases, lower --fold-count, or give the patient of each case in the column patient of cases.csv."
            )
        known = assign_folds(names, count, seed=0, patients=dataset.patients)
    assignment = {name: known[name] for name in names}
    there = sorted(set(assignment.values()))
    for fold in request.folds:
        if fold not in (*there, ALL_CASES):
            raise SettingsError(f"the data has no fold {fold}: choose among {', '.join(map(str, there))}.")
    share = request.recipe.validation_share
    splits = {
        fold: split(assignment, fold, validation_share=share, seed=0, patients=dataset.patients)
        for fold in request.folds or there
    }
    return {fold: _with_incomplete(part, dataset, listed, fold) for fold, part in splits.items()}


def _with_incomplete(part: Split, dataset: Dataset, listed: FoldList, fold: int) -> Split:
    """Return a split whose training cases include the incomplete ones of patients that it does not hold out."""
    held_out = {dataset.patients[name] for name in (*part.test, *(part.validation if fold != ALL_CASES else ()))}
    more = [
        name
        for name in sorted(dataset.incomplete)
        if dataset.patients[name] not in held_out and (fold == ALL_CASES or listed.folds.get(name) != fold)
    ]
    return replace(part, train=(*part.train, *more))
