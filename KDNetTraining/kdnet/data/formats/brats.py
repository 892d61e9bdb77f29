"""BraTS and similar data sets with files named by modality: flat or one folder per case, at any depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kdnet.data.dataset import Case, Dataset, ImageFile
from kdnet.data.formats.collection import wanted_modalities
from kdnet.data.formats.conventions import Convention, convention_of, decide
from kdnet.schema.labels import LabelTable
from kdnet.schema.labels_option import brats_tables
from kdnet.schema.modalities import MODALITIES, REFERENCE, display_name, file_part

SUFFIXES = (".nii.gz", ".nii")


@dataclass
class _Found:
    """The files of a case, and their problems."""

    files: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_brats(root: Path, files: Iterable[Path], labels: LabelTable | None, wanted: Sequence[str] = ()) -> Dataset | None:
    """Return the data set among ``files`` below ``root``, or None if there is none.

    The meaning of reference values is decided here by the names of the cases, and again by all values together
    after inspection (:func:`kdnet.data.inspection.settled`).

    Args:
        root: path of the folder.
        files: all files in it.
        labels: meaning of the values, None to decide automatically.
        wanted: modalities to use; those of at least half of the cases if empty.
    """
    found, unknown = _sorted(root, files)
    modalities = wanted_modalities([[name for name in MODALITIES if name in item.files] for item in found.values()], wanted)
    if not modalities:
        return None
    tables = brats_tables().values()
    conventions = _conventions(found) if labels is None or labels in tables else {}
    meaning = decide(conventions, None, labels) if conventions else None
    cases = tuple(
        Case(
            name,
            {modality: ImageFile(item.files[modality]) for modality in modalities if modality in item.files},
            ImageFile(item.files[REFERENCE]) if REFERENCE in item.files else None,
            meaning.maps.get(name, {}) if meaning else {},
            problems=tuple(item.problems),
        )
        for name, item in sorted(found.items())
    )
    dataset = Dataset(root, "BraTS", modalities, meaning.table if meaning else _given(labels), cases)
    return replace(dataset, conventions=conventions, asked=labels, notes=_unrecognized(unknown))


def _sorted(root: Path, files: Iterable[Path]) -> tuple[dict[str, _Found], list[Path]]:
    """Return the files of each case, and the images whose names contain no modality.

    Where no file names a case, folders do (``P1/t1ce.nii.gz``); otherwise such a file is ignored as stray (e.g., an atlas).
    """
    found: dict[str, _Found] = {}
    by_folder: dict[str, _Found] = {}
    unknown: list[Path] = []
    nameless: list[Path] = []
    for file in files:
        stem = _stem(file)
        if not stem:
            continue
        part = file_part(stem)
        folder = "_".join(file.parent.relative_to(root).parts)
        if part is not None and part.case:
            _add(found.setdefault(part.case, _Found()), part.part, file, part.case)
        elif part is not None and folder:
            _add(by_folder.setdefault(folder, _Found()), part.part, file, folder)
            nameless.append(file)
        else:
            unknown.append(file)
    return (found, [*unknown, *nameless]) if found else (by_folder, unknown)


def _given(labels: LabelTable | None) -> LabelTable:
    assert labels is not None, "conventions are empty only where a table was requested"
    return labels


def _stem(file: Path) -> str:
    """Return the name of an image file without its suffix; empty for other files and leftovers of interrupted writes."""
    name = file.name
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: -len(suffix)] if suffix and not name.startswith(".") else ""


def _add(case: _Found, part: str, file: Path, name: str) -> None:
    known = case.files.setdefault(part, file)
    if known != file:
        case.problems.append(f"{known} and {file} are both the {display_name(part)} of case {name}: remove one of them.")


def _conventions(found: Mapping[str, _Found]) -> dict[str, Convention]:
    return {
        name: convention_of(
            name, gross_tumor=REFERENCE in item.files and _stem(item.files[REFERENCE]).lower().endswith("gtv")
        )
        for name, item in found.items()
    }


def _unrecognized(files: Sequence[Path]) -> tuple[str, ...]:
    """Return a note about images whose names end in no modality; a few stray files in a folder are normal."""
    if not files:
        return ()
    return (
        f"{len(files)} image file(s) were skipped because their names do not state a modality, for example "
        f"{files[0].name}: end their names in _t1, _t1ce, _t2, _flair or _seg.",
    )
