"""Adapting a model to corrected cases: a run whose only student starts from a model that also teaches it.

The patients are divided into folds. For each fold, the model as it is (the baseline) and the model adapted to the other
patients (the student) are tested; the fold of all cases gives the model to use. There is one validation, after the last
step, so that test cases may serve as validation cases: there is nothing that they could select.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kdnet.data.dataset import Case, Dataset
from kdnet.data.formats.detect import read_dataset
from kdnet.data.inspection_cache import InspectionRecord
from kdnet.data.splits import assign_folds
from kdnet.data.volumes.geometry import require_same_grid
from kdnet.data.volumes.io import check_volume, read_volume
from kdnet.errors import DataError
from kdnet.runs.events import NO_EVENTS, EventKind, EventLog
from kdnet.runs.folder import RunFolder
from kdnet.schema.adaptation import FEWEST_PATIENTS, MOST_FOLDS, AdaptationSettings
from kdnet.schema.folds import ALL_CASES, Split
from kdnet.schema.formatting import plural
from kdnet.schema.modalities import format_modalities
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.preprocessing import Preprocessing
from kdnet.schema.study_request import StudyRequest
from kdnet.study.patch_check import check_patch
from kdnet.study.prepare_data import StudyData, read_usable_cases
from kdnet.study.setup import PreparedStudy, kept_file
from kdnet.study.starting_point import open_start
from kdnet.training.distributed import ALONE, DistributedContext

MOST_MONITORED = 4  # validation cases

SEED = 0


def prepare_adaptation(
    request: StudyRequest,
    run: RunFolder | None = None,
    events: EventLog = NO_EVENTS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    record: InspectionRecord | None = None,
    *,
    processes: DistributedContext = ALONE,
    resumed: bool = False,
) -> PreparedStudy:
    """Open the model, read the data, and plan the networks; see :func:`kdnet.study.setup.prepare_study`.

    Raises:
        KDNetError: for an unusable model, data, or settings.
    """
    assert request.start is not None, "an adaptation has a model"
    assert request.adaptation is not None
    start = open_start(kept_file(run, "start", processes) or request.start)
    assert start is not None
    data = processes.once(lambda: _read_data(request, start.card.preprocessing, events, progress, record, resumed=resumed))
    labels = data.dataset.labels
    compared = data.has_labels_of(start.card)
    recipe, warnings = replace(request.recipe, validation_every=request.recipe.steps), data.warnings
    if not compared:
        plain = replace(recipe.distillation, lambda_=0.0, gamma=0.0)
        recipe = replace(recipe, distillation=plain, init_bias_from_prior=True)
        names = ", ".join(label.name for label in labels.labels)
        warnings = (*warnings, f"The model gets new outputs for other labels ({names}), which it cannot teach.")
    check_patch(recipe, (recipe.network,), len(data.dataset.modalities), labels.channels)
    networks = plan_adaptation(start.card.modalities, tuple(data.splits), compared=compared)
    return PreparedStudy(data, networks, recipe, warnings=warnings, start=start, adapts=True)


def plan_adaptation(modalities: tuple[str, ...], folds: Sequence[int], *, compared: bool) -> tuple[NetworkId, ...]:
    """List the networks: for each fold the model before, if it can be compared, and the adapted one."""
    networks = []
    for fold in folds:
        if compared and fold != ALL_CASES:
            networks.append(NetworkId(Role.BASELINE, modalities, fold, SEED))
        networks.append(NetworkId(Role.STUDENT, modalities, fold, SEED))
    return tuple(networks)


def adaptation_splits(dataset: Dataset, unlabeled: Sequence[str], fold_count: int, *, force: bool) -> dict[int, Split]:
    """Divide the patients into folds, corrected and earlier cases separately, and add the fold of all cases.

    Args:
        dataset: usable cases with labels.
        unlabeled: names of cases to train on in every fold.
        fold_count: number of folds, 0 to choose it by the number of patients.
        force: whether the model may remain untested.

    Raises:
        DataError: if the patients are too few to test the adapted model.
    """
    corrected = [case.name for case in dataset.cases if case.name not in dataset.earlier]
    earlier = [case.name for case in dataset.cases if case.name in dataset.earlier]
    patients = len({dataset.patients[name] for name in corrected})
    if not corrected:
        raise DataError(f"{dataset.root} has no usable corrected case: add some, or fix those with problems.")
    if patients < FEWEST_PATIENTS and not force:
        cases = plural(len(corrected), "{count} usable case", "{count} usable cases")
        raise DataError(
            f"{dataset.root} has {cases} of one patient, but the model is adapted to some patients and tested on others: "
            "add a case of another patient, or adapt without a test with --force."
        )
    count = min(fold_count or MOST_FOLDS, patients) if patients >= FEWEST_PATIENTS else 0
    folds = _folds(dataset, corrected, earlier, count) if count else {}
    names = [*corrected, *earlier]
    splits = {fold: _fold(names, unlabeled, folds, fold, dataset.earlier) for fold in range(count)}
    return {**splits, ALL_CASES: Split((*names, *unlabeled), tuple(corrected[:MOST_MONITORED]), ())}


def _folds(dataset: Dataset, corrected: Sequence[str], earlier: Sequence[str], count: int) -> dict[str, int]:
    """Assign corrected and earlier cases to folds; an earlier case of a corrected patient goes where that one is."""
    folds = assign_folds(corrected, count, SEED, dataset.patients)
    owners = {dataset.patients[name]: fold for name, fold in folds.items()}
    for name in earlier:
        if dataset.patients[name] in owners:
            folds[name] = owners[dataset.patients[name]]
    others = [name for name in earlier if name not in folds]
    return {**folds, **assign_folds(others, count, SEED, dataset.patients)}


def _fold(
    names: Sequence[str], unlabeled: Sequence[str], folds: Mapping[str, int], fold: int, earlier: frozenset[str]
) -> Split:
    test = tuple(name for name in names if folds[name] == fold)
    shown = tuple(name for name in test if name not in earlier)[:MOST_MONITORED]
    return Split((*(name for name in names if folds[name] != fold), *unlabeled), shown, test)


def _read_data(
    request: StudyRequest,
    preprocessing: Preprocessing,
    events: EventLog,
    progress: Callable[[int, int], None],
    record: InspectionRecord | None,
    *,
    resumed: bool,
) -> StudyData:
    """Read corrected, earlier and unlabeled cases."""
    usable = read_usable_cases(request, events, progress, record, resumed=resumed)
    dataset, settings = usable.dataset, request.adaptation or AdaptationSettings()
    unlabeled: tuple[Case, ...] = ()
    excluded = dict(usable.excluded)
    if settings.unlabeled is not None:
        unlabeled, problems = read_unlabeled(settings.unlabeled, dataset)
        for name, reason in problems.items():
            events.write(EventKind.EXCLUDED, case=name, reason=reason)
        excluded |= problems
    names = [case.name for case in unlabeled]
    splits = adaptation_splits(dataset, names, request.fold_count, force=request.force)
    warnings = list(usable.notes)
    if settings.unlabeled is not None and not unlabeled:
        warnings.append(f"{settings.unlabeled} has no usable scan of {format_modalities(dataset.modalities)}.")
    dataset = replace(dataset, cases=(*dataset.cases, *unlabeled))
    return StudyData(dataset, excluded, preprocessing, splits, tuple(warnings), frozenset(names))


def read_unlabeled(folder: Path, dataset: Dataset) -> tuple[tuple[Case, ...], dict[str, str]]:
    """Return the cases in ``folder`` without their references, and the reasons why others cannot be used.

    Args:
        folder: data folder.
        dataset: whose modalities they must have, and whose names they must not.

    Raises:
        DataError: if no cases are found.
    """
    taken = {case.name for case in dataset.cases}
    cases, problems = [], {}
    for case in read_dataset(folder, dataset.labels, dataset.modalities).cases:
        name = f"{case.name}-unlabeled" if case.name in taken else case.name
        images = {modality: case.images[modality] for modality in dataset.modalities if modality in case.images}
        found = replace(case, name=name, images=images, reference=None, patient=case.patient)
        if problem := _image_problem(found, dataset):
            problems[name] = problem
        else:
            cases.append(found)
    return tuple(cases), problems


def _image_problem(case: Case, dataset: Dataset) -> str:
    lacking = [modality for modality in dataset.modalities if modality not in case.images]
    if lacking:
        return f"{format_modalities(lacking)} is missing: add the file."
    try:
        volumes = {image.path: read_volume(image.path, image.component) for image in case.images.values()}
        first = next(iter(volumes.values()))
        for path, volume in volumes.items():
            check_volume(volume, str(path))
            require_same_grid(volume.grid, first.grid, path, "the other modalities")
    except DataError as error:
        return str(error)
    return ""
