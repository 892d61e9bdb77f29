"""Medical Segmentation Decathlon: ``dataset.json``, ``imagesTr`` with 4D files, ``labelsTr``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kdnet.data.dataset import Case, Dataset, ImageFile
from kdnet.errors import DataError, SettingsError
from kdnet.schema.labels import LabelTable, brats_labels, exclusive_labels
from kdnet.schema.modalities import channel_modality, spelled_modality

ABBREVIATIONS = {"ncr": 1, "net": 1, "ncr/net": 1, "ed": 2, "et": 3}


def read_decathlon(root: Path, description: Mapping[str, Any], labels: LabelTable | None) -> Dataset:
    """Return the data set described by ``dataset.json``; brain tumors use the BraTS table.

    Raises:
        DataError: if the description is damaged.
    """
    try:
        stored = [str(name) for _, name in sorted(description["modality"].items(), key=lambda item: int(item[0]))]
        names = {int(value): str(name) for value, name in description["labels"].items()}
        pairs = [(listed_path(root, item["image"]), listed_path(root, item["label"])) for item in description["training"]]
        table, value_map = label_table(names, labels)
    except (KeyError, TypeError, ValueError, AttributeError, SettingsError) as error:
        raise damaged(root, error) from error
    modalities = modality_names(root, stored)
    components = range(len(modalities)) if len(modalities) > 1 else (None,)
    cases: dict[str, Case] = {}
    for image, label in pairs:
        name = image.name.removesuffix(".gz").removesuffix(".nii")
        if name in cases:
            raise DataError(f"{root / 'dataset.json'} lists the case {name} twice: correct it.")
        files = {modality: ImageFile(image, at) for modality, at in zip(modalities, components, strict=True)}
        reference = ImageFile(label) if label.exists() else None
        cases[name] = Case(name, files, reference, value_map, channels=len(modalities) if len(modalities) > 1 else None)
    return Dataset(
        root,
        "Decathlon",
        modalities,
        table,
        tuple(case for _, case in sorted(cases.items())),
        notes=tuple(_unlisted(root, [image for image, _ in pairs])),
    )


def _unlisted(root: Path, listed: Iterable[Path]) -> list[str]:
    """Return a note about images in ``imagesTr`` that the description does not list."""
    known = {path.name for path in listed}
    others = sorted(path.name for path in (root / "imagesTr").glob("[!.]*.nii*") if path.name not in known)
    if not others:
        return []
    return [f"{len(others)} image(s) in imagesTr are not listed in dataset.json and are not used, for example {others[0]}."]


def listed_path(root: Path, text: Any) -> Path:
    r"""Return the path of a file listed in a description, which may use Windows separators (``imagesTr\P1.nii.gz``)."""
    path = root / str(text)
    return path if path.exists() else root / str(text).replace("\\", "/")


def damaged(root: Path, error: Exception) -> DataError:
    """Return the error for a ``dataset.json`` that lacks required content."""
    if isinstance(error, KeyError):
        reason = f"{error} is missing"
    elif isinstance(error, TypeError | AttributeError):  # Python's message would not help a user
        reason = "part of it does not follow the format, such as a list instead of names and values"
    else:
        reason = str(error).removesuffix(".")
    return DataError(f"{root / 'dataset.json'} is damaged ({reason}): correct it.")


def modality_names(root: Path, stored: Sequence[str]) -> tuple[str, ...]:
    """Return the channel names that all formats share: BraTS spelling for MR modalities, lowercase for any others.

    They become folder names and are joined by ``+``, so other characters than letters and digits become ``_``.

    Raises:
        DataError: if there is no name, or two are the same.
    """
    plain = [re.sub(r"[^\w.-]+", "_", name.lower()) for name in stored]
    spelled = [spelled_modality(name) for name in stored]
    guessed = [channel_modality(name) for name in stored]
    names = tuple(
        known or (guess if guess and [*spelled, *guessed].count(guess) == 1 else other)
        for known, guess, other in zip(spelled, guessed, plain, strict=True)
    )
    if not names or len(set(names)) < len(names):
        listed = ", ".join(stored) or "nothing"
        raise DataError(f"{root / 'dataset.json'} names the modalities {listed}: give each channel a unique name.")
    return names


def label_table(names: Mapping[int, str], wanted: LabelTable | None = None) -> tuple[LabelTable, dict[int, int]]:
    """Return the table for labels by name, and the mapping of the file's values to it.

    The three brain tumor labels are recognized by name, whatever their values; any others are exclusive.

    Args:
        names: value to name, with or without the background 0.
        wanted: the table to use instead of the one that the names suggest.
    """
    tumor = {value: _tumor_label(name) for value, name in names.items() if value}
    is_tumor = sorted(label or 0 for label in tumor.values()) == [1, 2, 3]
    if is_tumor and wanted in (None, brats_labels()):
        return brats_labels(), {value: label for value, label in tumor.items() if label and value != label}
    return wanted or exclusive_labels({value: name for value, name in names.items() if value}), {}


def _tumor_label(name: str) -> int | None:
    """Return the BraTS value of a part of a tumor, None for anything else."""
    name = name.lower()
    if "edema" in name:  # also "oedema"
        return 2
    if ("non" in name and "enhancing" in name) or "necro" in name:
        return 1
    return 3 if "enhancing" in name else ABBREVIATIONS.get(name)
