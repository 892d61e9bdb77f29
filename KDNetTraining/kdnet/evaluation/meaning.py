"""Determine what the values of predictions and references mean, so that both are read with one label table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kdnet.data.formats.conventions import Convention, convention_of, decide
from kdnet.data.formats.detect import read_dataset
from kdnet.data.references import label_values
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError, KDNetError
from kdnet.evaluation.case_pairs import CasePair
from kdnet.schema.labels import LabelTable, brats_labels, exclusive_labels
from kdnet.schema.labels_option import brats_tables

_BRATS_VALUES = {1, 2, 3, 4}


@dataclass(frozen=True)
class Meaning:
    """How the files of all cases are read.

    Attributes:
        table: label table whose regions are evaluated.
        predictions: file value to table value, where they differ; the same for all cases.
        references: likewise, by case.
        problems: case to the reason why its values cannot be interpreted.
        notes: remarks on all files, in sentences.
    """

    table: LabelTable
    predictions: Mapping[int, int] = field(default_factory=dict)
    references: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def find_meaning(pairs: Sequence[CasePair], references: Path, asked: LabelTable | None) -> Meaning:
    """Determine what the values mean from the request, the data set's description, case names, and the values themselves.

    Args:
        pairs: all cases.
        references: folder in or next to which a ``dataset.json`` may be.
        asked: label table that the user requested.

    Raises:
        DataError: when the values are ambiguous and nothing else decides.
    """
    described = None if asked else _described(references)
    if described is not None:
        return Meaning(described)
    values = {pair.case: _values(pair.reference) for pair in pairs}
    predicted = {pair.case: _values(pair.prediction) for pair in pairs}
    conventions = {pair.case: convention_of(pair.case, gross_tumor=_is_gross_tumor(pair.reference)) for pair in pairs}
    if asked is None and (masks := _masks(values, predicted)) is not None:
        return masks
    if asked is None and not _looks_like_brats(conventions, values, predicted):
        return Meaning(_exclusive([*values.values(), *predicted.values()]))
    if asked is not None and asked not in brats_tables().values():
        return Meaning(asked)
    found = decide(conventions, values, asked)
    return Meaning(
        found.table,
        _prediction_map(found.table, predicted, {pair.case: pair.prediction for pair in pairs}),
        found.maps,
        found.problems,
        found.notes,
    )


def _described(references: Path) -> LabelTable | None:
    """Return the label table of the references' data set, if a ``dataset.json`` describes it."""
    folder = references if references.is_dir() else references.parent
    for root in (folder, folder.absolute().parent):
        if (root / "dataset.json").is_file():
            try:
                return read_dataset(root).labels
            except KDNetError:  # a description of something else, or without the images needed for training
                return None
    return None


def _looks_like_brats(
    conventions: Mapping[str, Convention], values: Mapping[str, Collection[int]], predicted: Mapping[str, Collection[int]]
) -> bool:
    if any(convention is not Convention.UNNAMED for convention in conventions.values()):
        return True
    held = set[int]().union(*values.values(), *predicted.values())
    return held <= _BRATS_VALUES and bool(held & {3, 4})


def _masks(values: Mapping[str, Collection[int]], predicted: Mapping[str, Collection[int]]) -> Meaning | None:
    """Recognize masks of one label, which is 1 on one side and 255, white in images, on the other."""
    reference, prediction = (set[int]().union(*side.values()) for side in (values, predicted))
    if len(reference) != 1 or len(prediction) != 1 or reference | prediction != {1, 255}:
        return None
    note = (
        f"References contain only {max(reference)} and predictions only {max(prediction)}: both are treated as masks of "
        "one label."
    )
    white = {255: 1}
    return Meaning(_exclusive([(1,)]), white, dict.fromkeys(values, white), notes=(note,))


def _exclusive(values: Sequence[Collection[int]]) -> LabelTable:
    """Return a label table with every value as its own label."""
    held = sorted(set[int]().union(*values))
    if not held:
        held = [1]
    if held[0] < 0 or held[-1] > 255 or len(held) > 64:
        raise DataError(
            f"the files contain {len(held)} values from {held[0]} to {held[-1]}, which are not labels: choose folders of "
            "labelmaps, or name the labels with --labels."
        )
    return exclusive_labels({value: f"label {value}" for value in held})


def _prediction_map(
    table: LabelTable, predicted: Mapping[str, Collection[int]], paths: Mapping[str, Path]
) -> dict[int, int]:
    """Return a mapping for predictions of programs trained on BraTS up to 2021, which use 4 for enhancing tumor."""
    held = set[int]().union(*predicted.values()) if predicted else set()
    if table != brats_labels() or 4 not in held:
        return {}
    if 3 in held:
        case = min(case for case, values in predicted.items() if 4 in values)
        raise DataError(
            f"{paths[case]} contains 4 while predictions also contain 3: specify their meaning with --labels brats-2024 or "
            "--labels brats-ped, or correct them."
        )
    return {4: 3}


def _values(path: Path) -> tuple[int, ...]:
    """Return the values of a labelmap; none when it cannot be read, which is reported during evaluation."""
    try:
        return label_values(read_volume(path).voxels)[0]
    except KDNetError:
        return ()


def _is_gross_tumor(path: Path) -> bool:
    return path.name.lower().split(".")[0].endswith("gtv")
