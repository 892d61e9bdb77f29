"""From a data folder to prepared cases and the split of each fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kdnet.data.cache import CaseCache, PreparedCase
from kdnet.data.cases import Case, Dataset
from kdnet.data.folds import Split, assign_folds, read_folds, split
from kdnet.data.formats import read_dataset, require_cases
from kdnet.data.inspection import inspect_dataset, usable
from kdnet.data.preprocessing import Preprocessing
from kdnet.errors import SettingsError
from kdnet.labels import LabelTable
from kdnet.training.events import EventKind, EventWriter
from kdnet.training.recipe import Recipe

DEFAULT_FOLDS = 3


@dataclass(frozen=True, eq=False)
class StudyData:
    """The data of a study.

    Attributes:
        dataset: usable cases only.
        left_out: name of each other case, with the reason.
        preprocessing: of training and of the models that come out.
        splits: fold to its training, validation and test cases.
    """

    dataset: Dataset
    left_out: dict[str, str]
    preprocessing: Preprocessing
    splits: dict[int, Split]

    def case(self, name: str) -> Case:
        """The case called ``name``."""
        return next(case for case in self.dataset.cases if case.name == name)


def read_study_data(
    root: Path,
    recipe: Recipe,
    folds: Sequence[int],
    *,
    labels: LabelTable | None = None,
    leave_out: Sequence[str] = (),
    events: EventWriter | None = None,
) -> StudyData:
    """Recognise and inspect the data, leave out what cannot be used, and split the rest.

    Args:
        root: the data folder.
        recipe: gives spacing and share of validation cases.
        folds: those to be tested; all that there are when empty.
        labels: instead of the table that the format suggests.
        leave_out: names of cases that must not be used.
        events: told about progress and cases left out.

    Raises:
        DataError: for a folder that is empty, foreign, or has too few usable cases.
        SettingsError: for a fold that does not exist.
    """
    dataset = read_dataset(root, labels)

    def say(done: int, total: int) -> None:
        if events is not None:
            events.write(EventKind.PREPARATION, what="inspecting cases", done=done, total=total)

    reports = inspect_dataset(dataset, progress=say)
    left_out = {report.name: " ".join(report.problems) for report in reports if report.problems}
    dataset = usable(dataset, reports)
    left_out |= dict.fromkeys(leave_out, "left out on request")
    cases = tuple(case for case in dataset.cases if case.name not in left_out)
    dataset = Dataset(dataset.root, dataset.format, dataset.modalities, dataset.labels, cases)
    require_cases(dataset)
    if events is not None:
        for name, reason in left_out.items():
            events.write(EventKind.LEFT_OUT, case=name, reason=reason)
    return StudyData(dataset, left_out, Preprocessing(spacing=recipe.spacing), _splits(dataset, recipe, folds))


def prepare_cases(
    data: StudyData, names: Sequence[str], cache: Path, events: EventWriter | None
) -> dict[str, PreparedCase]:
    """Prepare the cases called ``names``, from the cache where they are there."""
    store = CaseCache(cache, data.preprocessing, data.dataset.labels)
    prepared = {}
    for done, name in enumerate(names, start=1):
        prepared[name] = store.get(data.case(name))
        if events is not None:
            events.write(EventKind.PREPARATION, what="preparing cases", done=done, total=len(names))
    return prepared


def _splits(dataset: Dataset, recipe: Recipe, folds: Sequence[int]) -> dict[int, Split]:
    names = [case.name for case in dataset.cases]
    known = read_folds(dataset.root)
    if known is None or not set(names) <= known.keys():
        known = assign_folds(names, DEFAULT_FOLDS, seed=0)
    assignment = {name: known[name] for name in names}
    there = sorted(set(assignment.values()))
    for fold in folds:
        if fold not in there:
            raise SettingsError(f"the data has no fold {fold}: choose among {', '.join(map(str, there))}.")
    share = recipe.validation_share
    return {fold: split(assignment, fold, validation_share=share, seed=0) for fold in folds or there}
