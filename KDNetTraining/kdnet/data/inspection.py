"""Inspect every case before training: what it contains, and what is wrong with it."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

import numpy as np

from kdnet.data.dataset import Case, Dataset, ImageFile
from kdnet.data.formats.channels import count_volumes
from kdnet.data.formats.conventions import DECIDE, Meaning, decide
from kdnet.data.references import known_values, label_values, lesion_sizes
from kdnet.data.volumes.geometry import geometry_problem
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import check_volume, read_volume
from kdnet.errors import DataError, KDNetError
from kdnet.foreign import reading
from kdnet.schema.case_report import CaseReport
from kdnet.schema.modalities import display_name
from kdnet.text import one_line, printable

BRATS_VALUES = {1, 2, 3, 4}

SMALL_LESION, MOST_SIZES = 100.0, 1000  # mm^3; a limit that keeps records short

MOST_LABELS = 255  # an image in place of a labelmap has no lesions to count

NOTHING_DRAWN = "The references of all cases are empty: segment them, or choose another folder."

MOST_THREADS = 4  # each holds a volume; reading soon becomes disk-bound


Inspect = Callable[[Case, Dataset], CaseReport]


def inspect_dataset(
    dataset: Dataset,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    inspect: Inspect | None = None,
) -> tuple[CaseReport, ...]:
    """Read and check every case.

    Args:
        dataset: data set as listed by ``read_dataset``.
        progress: called with the number of cases done and the total.
        inspect: replacement for :func:`inspect_case`, such as one that caches results.
    """
    found = []
    for report in _read_each(dataset, inspect):
        found.append(report)
        progress(len(found), len(dataset.cases))
    return judge(found, dataset)


def inspect_each(dataset: Dataset, inspect: Inspect | None = None) -> Iterator[tuple[int, CaseReport]]:
    """Read and check the cases in order, a few at a time in threads.

    Problems shared by two cases are reported with the later one. If the values of all references together change the
    meaning of a case's values, its report is yielded again at the end.

    Args:
        dataset: data set as listed by ``read_dataset``.
        inspect: replacement for :func:`inspect_case`, such as one that caches results.

    Yields:
        The index of the case, from 0, and its report.
    """
    found, yielded = [], []
    shared = _shared_references(dataset)
    for case, report in zip(dataset.cases, _read_each(dataset, inspect), strict=True):
        found.append(report)
        yielded.append(_judged(report, case, dataset, None, shared))
        yield len(yielded) - 1, yielded[-1]
    for index, (before, after) in enumerate(zip(yielded, judge(found, dataset), strict=True)):
        if before != after:
            yield index, after


def judge(found: Sequence[CaseReport], dataset: Dataset) -> tuple[CaseReport, ...]:
    """Return the reports with label problems, based on the meaning that all cases together imply."""
    meaning = meaning_of(dataset, found)
    final = _mapped(dataset, meaning)
    shared = _shared_references(dataset)
    judged = [_judged(report, case, final, meaning, shared) for case, report in zip(final.cases, found, strict=True)]
    if any(report.labels for report in judged):
        return tuple(judged)
    return tuple(replace(report, problems=report.problems or (NOTHING_DRAWN,)) for report in judged)


def meaning_of(dataset: Dataset, reports: Sequence[CaseReport]) -> Meaning | None:
    """Return the meaning of the reference values by names and values together; None if the format describes them."""
    if not dataset.conventions:
        return None
    # an image in place of a labelmap holds arbitrary values, which say nothing about the others
    values = {report.name: report.labels for report in reports if report.labels and set(report.labels) <= BRATS_VALUES}
    return decide(dataset.conventions, values, dataset.asked)


def settled(dataset: Dataset, reports: Sequence[CaseReport]) -> Dataset:
    """Return the data set with the label table and value mappings that its inspection determined."""
    return _mapped(dataset, meaning_of(dataset, reports))


def notes_of(dataset: Dataset, reports: Sequence[CaseReport]) -> tuple[str, ...]:
    """Return notes about the data set as a whole that block nothing but that a user should know."""
    meaning = meaning_of(dataset, reports)
    empty = [report.name for report in reports if not report.problems and not report.labels]
    notes = [*dataset.notes, *(meaning.notes if meaning else ())]
    if empty:
        notes.append(
            f"{len(empty)} case(s) have an empty reference and count as tumor-free, for example {empty[0]}: if they were "
            "never segmented, exclude them."
        )
    return tuple(notes)


def _mapped(dataset: Dataset, meaning: Meaning | None) -> Dataset:
    if meaning is None:
        return dataset
    cases = tuple(replace(case, value_map=meaning.maps.get(case.name, case.value_map)) for case in dataset.cases)
    return replace(dataset, labels=meaning.table, cases=cases)


def _read_each(dataset: Dataset, inspect: Inspect | None) -> Iterator[CaseReport]:
    """Yield the contents of each case in order, reporting voxels identical to those of an earlier case."""
    inspect = inspect or inspect_case
    workers = min(MOST_THREADS, os.cpu_count() or 1)
    owner: dict[str, str] = {}
    cases = iter(dataset.cases)
    with ThreadPoolExecutor(workers) as pool:
        # never far ahead of the consumer, so that stopping takes no longer than a few cases
        running = deque(pool.submit(_safely, inspect, case, dataset) for case in islice(cases, workers + 1))
        try:
            while running:
                report = running.popleft().result()
                running.extend(pool.submit(_safely, inspect, case, dataset) for case in islice(cases, 1))
                yield _with_duplicates(report, owner)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _safely(inspect: Inspect, case: Case, dataset: Dataset) -> CaseReport:
    """Return the report on ``case``; any exception from reading its files becomes its problem and stops no others."""
    try:
        with reading(f"Case {case.name}", "export its files again or exclude it"):
            return inspect(case, dataset)
    except KDNetError as error:
        return CaseReport(case.name, tuple(case.images), problems=(str(error),))


def inspect_case(case: Case, dataset: Dataset) -> CaseReport:
    """Read and check one case by itself; the meaning of its labels comes from ``dataset`` as listed."""
    return _judged(_examine(case, dataset), case, dataset, None, {})


def _examine(case: Case, dataset: Dataset) -> CaseReport:
    """Read the files of one case, and check everything except the meaning of its reference values."""
    problems = [
        f"The modality {display_name(modality)} is missing: add the file or exclude the case."
        for modality in dataset.modalities
        if modality not in case.images and not dataset.suffices(case)
    ]
    digests: list[tuple[str, str]] = []
    first: Grid | None = None
    images = case.images
    if case.channels is not None and (mismatch := _channel_problems(case, case.channels)):
        problems, images = [*problems, *mismatch], {}
    for modality, image in images.items():
        try:
            with reading(image.path, "export it again or exclude the case"):
                volume = read_volume(image.path, image.component)
                problems += _image_problems(modality, image, volume, first or volume.grid)
                digest = _digest(volume)
        except KDNetError as error:
            problems.append(str(error))
            continue
        first = first or volume.grid
        problems += [
            f"{display_name(modality)} has the same voxels as {display_name(other)}: replace one of the two files."
            for other, known in digests
            if known == digest
        ]
        digests.append((modality, digest))
    labels, label_problems, sizes = _inspect_reference(case, first)
    unique = tuple(dict.fromkeys((*problems, *label_problems)))  # a 4D file repeats the same message for each channel
    small = tuple(size for size in sizes if size <= SMALL_LESION)[:MOST_SIZES]
    report = CaseReport(
        case.name, tuple(case.images), labels=labels, problems=unique, lesions=len(sizes), small_lesions=small
    )
    if first is not None:
        spacing = tuple(round(step, 3) for step in first.spacing)
        report = replace(report, shape=first.shape, spacing=spacing, orientation=first.orientation)
    return replace(report, digests=tuple(digests))


def valid_cases(dataset: Dataset, reports: Sequence[CaseReport]) -> Dataset:
    """Return the data set without the cases that have problems, with the labels that the inspection determined."""
    sound = {report.name for report in reports if not report.problems}
    final = settled(dataset, reports)
    return replace(final, cases=tuple(case for case in final.cases if case.name in sound))


def inspection_table(reports: Iterable[CaseReport]) -> str:
    """Return the reports as a text table."""
    header = ("case", "modalities", "shape", "spacing (mm)", "axes", "labels", "problems")
    rows = [header]
    for report in reports:
        rows.append(
            (
                one_line(report.name),
                one_line(" ".join(report.modalities)),
                " x ".join(map(str, report.shape)),
                " x ".join(f"{step:g}" for step in report.spacing),
                report.orientation,
                _shortened([str(value) for value in report.labels], " "),
                printable(" ".join(report.problems)) or "none",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(header) - 1)]
    lines = ["  ".join([*(f"{row[i]:<{widths[i]}}" for i in range(len(widths))), row[-1]]) for row in rows]
    return "\n".join(lines)


def _digest(volume: Volume) -> str:
    """Return a digest that is the same for equal numbers in the same shape, even if a copy has another data type."""
    numbers = np.ascontiguousarray(volume.voxels.T, dtype=np.float32)  # transposed like the file order, to avoid a copy
    digest = hashlib.blake2b(str(numbers.shape).encode(), digest_size=16)
    digest.update(numbers.data)
    return digest.hexdigest()


def _channel_problems(case: Case, wanted: int) -> list[str]:
    """Check that the 4D file has as many volumes as its description names; otherwise none can be identified."""
    path = next(image.path for image in case.images.values())
    try:
        stored = count_volumes(path) if path.exists() else wanted
    except KDNetError as error:
        return [str(error)]
    if stored == wanted:
        return []
    return [f"{path} contains {stored} volumes, but dataset.json lists {wanted} modalities: correct one of them."]


def _image_problems(modality: str, image: ImageFile, volume: Volume, first: Grid) -> list[str]:
    name = display_name(modality)
    problem = geometry_problem(volume.grid, first, name, "the other modalities")
    problems = [problem] if problem else []
    if not volume.voxels.any():
        problems.append(f"{name} is empty: export it again.")
    else:
        try:
            check_volume(volume, str(image.path))
        except DataError as error:
            problems.append(str(error))
    return problems


def _inspect_reference(case: Case, grid: Grid | None) -> tuple[tuple[int, ...], list[str], tuple[float, ...]]:
    """Return the values of the reference, the problems of the file, and the volumes of its lesions."""
    if case.reference is None:
        return (), ["The reference segmentation is missing: add the file or exclude the case."], ()
    path = case.reference.path
    try:
        with reading(path, "export it again or exclude the case"):
            volume = read_volume(path, case.reference.component)
            values, fractions = label_values(volume.voxels)
            sizes = lesion_sizes(volume.voxels, volume.grid.spacing) if len(values) <= MOST_LABELS else ()
    except KDNetError as error:
        return (), [str(error)], ()
    problems = []
    if grid is not None and (problem := geometry_problem(volume.grid, grid, "The reference segmentation", "the images")):
        problems.append(problem)
    if fractions:
        shown = _shortened([f"{value:g}" for value in fractions], ", ")
        problems.append(f"The reference contains unknown labels ({shown}): correct it or choose the matching label table.")
    return values, problems, sizes


def _judged(
    report: CaseReport, case: Case, dataset: Dataset, meaning: Meaning | None, shared: Mapping[str, str]
) -> CaseReport:
    """Return the report with the problems of its listing, its labels and files shared with other cases."""
    problems = list(case.problems)
    if case.name in shared:
        problems.append(f"It has the same reference file as case {shared[case.name]}: use a separate file for each case.")
    ambiguity = meaning.problems.get(case.name) if meaning else None
    if ambiguity is not None and report.labels:
        problems.append(ambiguity)
    else:
        problems += _label_problems(report.labels, case.value_map, dataset)
    return replace(report, problems=tuple(dict.fromkeys((*report.problems, *problems))))


def _label_problems(values: Sequence[int], value_map: Mapping[int, int], dataset: Dataset) -> list[str]:
    """Return the problems of the values in a reference, by their meaning in this data set."""
    problems = []
    known = known_values(value_map, dataset.labels)
    if unknown := [str(value) for value in values if value_map.get(value, value) not in known]:
        (only, *others) = values
        mask = not others and 0 < only <= MOST_LABELS
        hint = (
            f"correct it or name them, as in --labels {only}=Tumor"
            if mask
            else "correct it or choose the matching label table"
        )
        problems.append(f"The reference contains unknown labels ({_shortened(unknown, ', ')}): {hint}.")
    if {3, 4} <= set(values) and value_map.get(4) == 3 == value_map.get(3, 3):
        problems.append(f"The reference mixes the labels of two conventions (3 and 4): {DECIDE}.")
    return problems


def _shared_references(dataset: Dataset) -> dict[str, str]:
    """Map each case to another one whose reference is the same file, under any path."""
    owners: dict[object, list[str]] = {}
    for case in dataset.cases:
        if case.reference is not None:
            try:
                status = case.reference.path.stat()
            except OSError:
                continue
            identity = (status.st_dev, status.st_ino) if status.st_ino else case.reference.path.resolve()
            owners.setdefault(identity, []).append(case.name)
    return {name: other for names in owners.values() for name in names for other in names if other != name}


def _with_duplicates(report: CaseReport, owner: dict[str, str]) -> CaseReport:
    """Return the report with a problem for each earlier case that has the same voxels; ``owner`` tracks them."""
    twins = {owner[digest] for _, digest in report.digests if digest in owner}
    problems = tuple(f"It has the same voxels as case {twin}: exclude one of them." for twin in sorted(twins))
    for _, digest in report.digests:
        owner.setdefault(digest, report.name)
    return replace(report, problems=report.problems + problems)


def _shortened(words: Sequence[str], separator: str, most: int = 8) -> str:
    """Join the first ``most`` words; an image in place of a labelmap would have thousands."""
    return separator.join([*words[:most], *(["..."] if len(words) > most else [])])
