"""Training cases collected from corrected segmentations: what is recorded of each, as panels and backend exchange it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from kdnet.errors import DataError, SettingsError
from kdnet.foreign import read_json, reading
from kdnet.json_schema import parse_dataclass
from kdnet.schema.labels import LabelTable
from kdnet.text import one_line

COLLECTION_FILE, CASE_FILE = "collection.json", "case.json"

SCHEMA = 1

REMEDY = "restore it from a backup"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")

_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # names of devices on Windows


class BrainMask(StrEnum):
    """The brain mask that a scan was segmented with."""

    NONE = "none"  # the scan was used as it is
    EXTRACTED = "extracted"
    SUPPLIED = "supplied"


@dataclass(frozen=True)
class CollectedCase:
    """What ``case.json`` records of a collected case; none of it identifies the patient.

    Attributes:
        name: name of the case and of its folder.
        patient: hash that is equal for cases of one patient in one collection.
        modalities: modalities of its scans.
        date: day on which it was collected, in ISO format.
        model: display name of the model that was corrected; empty if the segmentation was drawn from scratch.
        model_hash: hash of the weights of that model.
        preparation: how the scans were prepared before segmentation, in a sentence.
        brain_mask: which brain mask was applied to the scans.
        changed_ml: region to the volume in mL in which corrected and original segmentation differ; empty without an
            original.
        no_tumor: whether the user confirmed that there is nothing to segment.
        scans: modality to a digest of the voxels before the brain mask was applied, which recognizes a scan.
    """

    name: str
    patient: str
    modalities: tuple[str, ...]
    date: str
    model: str = ""
    model_hash: str = ""
    preparation: str = ""
    brain_mask: BrainMask = BrainMask.NONE
    changed_ml: Mapping[str, float] = field(default_factory=dict)
    no_tumor: bool = False
    scans: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the case as plain JSON values."""
        return {**asdict(self), "modalities": list(self.modalities), "brain_mask": self.brain_mask.value}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a case from :meth:`to_json` output; raises SettingsError on invalid content."""
        case = parse_dataclass(cls, content)
        figures = [*case.changed_ml.values(), *case.scans.values()]
        if not all(isinstance(value, int | float | str) for value in figures):
            raise SettingsError("changed_ml and scans hold other values than figures and text: correct them.")
        return case


@dataclass(frozen=True)
class CollectionContent:
    """The content of a collection, as ``kdnet collection --json`` prints it.

    Attributes:
        root: folder of the collection.
        labels: meaning of the values in its segmentations; None while it is empty.
        cases: its cases, sorted by name.
        problems: sentences about folders that cannot be read.
    """

    root: Path
    labels: LabelTable | None
    cases: tuple[CollectedCase, ...]
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the content as plain JSON values."""
        return {
            "root": str(self.root),
            "labels": self.labels.to_json() if self.labels else None,
            "cases": [case.to_json() for case in self.cases],
            "problems": list(self.problems),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create the content from :meth:`to_json` output."""
        labels = content["labels"]
        return cls(
            Path(content["root"]),
            LabelTable.from_json(labels) if labels else None,
            tuple(CollectedCase.from_json(case) for case in content["cases"]),
            tuple(map(str, content["problems"])),
        )


@dataclass(frozen=True)
class CollectionHeader:
    """The content of ``collection.json``.

    Attributes:
        salt: mixed into the hashes of patients, so that equal patients of two collections are not linked.
        labels: meaning of the values in the segmentations.
    """

    salt: str
    labels: LabelTable


def read_header(root: Path) -> CollectionHeader:
    """Read ``collection.json``.

    Raises:
        DataError: if it is missing, damaged, or of a newer version.
    """
    path = root / COLLECTION_FILE
    with reading(path, REMEDY):
        content = read_json(path, REMEDY)
        if int(content["schema"]) > SCHEMA:
            raise DataError(f"{path} was written by a newer version of kdnet: update kdnet to open it.")
        try:
            return CollectionHeader(str(content["salt"]), LabelTable.from_json(content["labels"]))
        except SettingsError as error:
            raise DataError(f"{path} is damaged ({one_line(str(error), 200).rstrip('.')}): {REMEDY}.") from error


def check_case_name(name: str) -> str:
    """Return ``name`` if it can name a folder and files on every system.

    Raises:
        DataError: if it cannot.

    Example:
        >>> check_case_name("case-001")
        'case-001'
    """
    if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name) or name.endswith("."):
        raise DataError(
            f'"{one_line(name, 60)}" cannot name a case: use 1 to 60 letters, digits, dots, dashes, and underscores.'
        )
    return name


def next_case_name(taken: Sequence[str]) -> str:
    """Return the first free name of the form ``case-001``.

    Example:
        >>> next_case_name(["case-001", "case-002"])
        'case-003'
    """
    known = {name.lower() for name in taken}  # some file systems ignore case
    number = 1
    while (name := f"case-{number:03d}") in known:
        number += 1
    return name
