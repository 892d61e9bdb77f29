"""Looking at every case before any training: what is there, and what is wrong with it."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import nibabel
import numpy as np

from kdnet.data.cases import Case, Dataset, ImageFile
from kdnet.data.image_io import read_volume
from kdnet.data.volume import Grid, Volume
from kdnet.errors import KDNetError

MOST_THREADS = 4  # each holds a volume; reading is bound by the disk soon


@dataclass(frozen=True)
class CaseReport:
    """What the inspection of a case found.

    Attributes:
        name: of the case.
        modalities: that it has.
        shape, spacing, orientation: of its first readable volume.
        labels: values in its reference file, background left out.
        problems: sentences, each with its remedy; empty for a usable case.
        digests: modality to a digest of its voxels.
    """

    name: str
    modalities: tuple[str, ...]
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    orientation: str = ""
    labels: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()


Inspect = Callable[[Case, Dataset], CaseReport]


def inspect_dataset(
    dataset: Dataset,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    inspect: Inspect | None = None,
) -> tuple[CaseReport, ...]:
    """Read and check every case.

    Args:
        dataset: as listed by ``read_dataset``.
        progress: called with the number of cases done and in all.
        inspect: instead of :func:`inspect_case`, for what is remembered of it.
    """
    reports = []
    for report in inspect_each(dataset, inspect):
        reports.append(report)
        progress(len(reports), len(dataset.cases))
    return tuple(reports)


def inspect_each(dataset: Dataset, inspect: Inspect | None = None) -> Iterator[CaseReport]:
    """Read and check one case after the other, in their order; a few are read at once, in threads.

    What two cases have in common is told with the later one.

    Args:
        dataset: as listed by ``read_dataset``.
        inspect: instead of :func:`inspect_case`, for what is remembered of it.
    """
    inspect = inspect or inspect_case
    workers = min(MOST_THREADS, os.cpu_count() or 1)
    owner: dict[str, str] = {}
    cases = iter(dataset.cases)
    with ThreadPoolExecutor(workers) as pool:
        # never far ahead of who listens, so that stopping takes no longer than a few cases
        running = deque(pool.submit(inspect, case, dataset) for case in islice(cases, workers + 1))
        try:
            while running:
                report = running.popleft().result()
                running.extend(pool.submit(inspect, case, dataset) for case in islice(cases, 1))
                yield _with_duplicates(report, owner)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def inspect_case(case: Case, dataset: Dataset) -> CaseReport:
    """Read and check one case."""
    problems = [
        f"The modality {modality} is missing: add the file or leave the case out."
        for modality in dataset.modalities
        if modality not in case.images
    ]
    digests: list[tuple[str, str]] = []
    first: Grid | None = None
    for modality, image in case.images.items():
        try:
            volume = read_volume(image.path, image.component)
        except KDNetError as error:
            problems.append(str(error))
            continue
        if _hides_nan(image):
            problems.append(f"{modality} holds NaN or infinite values: export it again without them.")
        first = first or volume.grid
        problems += _image_problems(modality, volume, first)
        digest = _digest(volume)
        problems += [
            f"{modality} has the same voxels as {other}: replace one of the two files."
            for other, known in digests
            if known == digest
        ]
        digests.append((modality, digest))
    labels, label_problems = _inspect_reference(case, dataset, first)
    unique = tuple(dict.fromkeys((*problems, *label_problems)))  # a 4D file tells the same for each of its channels
    report = CaseReport(case.name, tuple(case.images), labels=labels, problems=unique)
    if first is not None:
        spacing = tuple(round(step, 3) for step in first.spacing)
        report = replace(report, shape=first.shape, spacing=spacing, orientation=first.orientation)
    return replace(report, digests=tuple(digests))


def usable(dataset: Dataset, reports: Sequence[CaseReport]) -> Dataset:
    """The data set without the cases that have a problem."""
    sound = {report.name for report in reports if not report.problems}
    return replace(dataset, cases=tuple(case for case in dataset.cases if case.name in sound))


def inspection_table(reports: Iterable[CaseReport]) -> str:
    """The reports as a table of text."""
    header = ("case", "modalities", "shape", "spacing (mm)", "axes", "labels", "problems")
    rows = [header]
    for report in reports:
        rows.append(
            (
                report.name,
                " ".join(report.modalities),
                " x ".join(map(str, report.shape)),
                " x ".join(f"{step:g}" for step in report.spacing),
                report.orientation,
                _shortened([str(value) for value in report.labels], " "),
                " ".join(report.problems) or "none",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(header) - 1)]
    lines = ["  ".join([*(f"{row[i]:<{widths[i]}}" for i in range(len(widths))), row[-1]]) for row in rows]
    return "\n".join(lines)


def _hides_nan(image: ImageFile) -> bool:
    """Whether a NIfTI file holds NaN or infinite values: ITK, which reads volumes, silently puts 0 in their place."""
    if not image.path.name.lower().endswith((".nii", ".nii.gz")):
        return False
    stored = nibabel.load(image.path).dataobj
    if stored.dtype.kind != "f":
        return False
    voxels = np.asanyarray(stored if image.component is None else stored[..., image.component])
    return not np.isfinite(voxels).all()


def _digest(volume: Volume) -> str:
    """The same for the same numbers on as many voxels, whatever their type: a copy may have been stored as another."""
    numbers = np.ascontiguousarray(volume.voxels.T, dtype=np.float32)  # transposed as files are, so not copied for that
    digest = hashlib.blake2b(str(numbers.shape).encode(), digest_size=16)
    digest.update(numbers.data)
    return digest.hexdigest()


def _image_problems(modality: str, volume: Volume, first: Grid) -> list[str]:
    problems = []
    if not volume.grid.matches(first, tolerance_mm=0.1):
        problems.append(f"{modality} has another geometry than the other modalities: resample it onto theirs.")
    if not volume.voxels.any():
        problems.append(f"{modality} is empty: export it again.")
    return problems


def _inspect_reference(case: Case, dataset: Dataset, grid: Grid | None) -> tuple[tuple[int, ...], list[str]]:
    if case.reference is None:
        return (), ["The reference segmentation is missing: add the file or leave the case out."]
    try:
        volume = read_volume(case.reference.path, case.reference.component)
    except KDNetError as error:
        return (), [str(error)]
    problems = []
    if grid is not None and not volume.grid.matches(grid, tolerance_mm=0.1):
        problems.append("The reference segmentation has another geometry than the images: resample it onto theirs.")
    found = np.unique(volume.voxels)
    values = tuple(int(value) for value in found if value and value == int(value))
    known = {label.value for label in dataset.labels.labels}
    unknown = [f"{value:g}" for value in found if value and case.value_map.get(value, value) not in known]
    if unknown:
        told = _shortened(unknown, ", ")
        problems.append(f"The reference holds unknown labels ({told}): correct it or give the right label table.")
    if len({case.value_map.get(value, value) for value in values}) < len(values):
        problems.append("The reference holds labels of two conventions (3 and 4): correct it.")
    if not found.any():
        problems.append("The reference segmentation is empty: draw it or leave the case out.")
    return values, problems


def _with_duplicates(report: CaseReport, owner: dict[str, str]) -> CaseReport:
    """The report with a problem for each case seen before that has the same voxels; ``owner`` remembers who has which."""
    twins = {owner[digest] for _, digest in report.digests if digest in owner}
    problems = tuple(f"It has voxels of case {twin}: leave one of the two out." for twin in sorted(twins))
    for _, digest in report.digests:
        owner.setdefault(digest, report.name)
    return replace(report, problems=report.problems + problems)


def _shortened(words: Sequence[str], separator: str, most: int = 8) -> str:
    """The first ``most`` words; an image in place of a labelmap would have thousands."""
    return separator.join([*words[:most], *(["..."] if len(words) > most else [])])
