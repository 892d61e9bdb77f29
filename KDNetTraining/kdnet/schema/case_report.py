"""Findings of the inspection of a data set, as exchanged by the backend and the panels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class CaseReport:
    """Findings of the inspection of a case.

    Attributes:
        name: name of the case.
        modalities: available modalities.
        shape, spacing, orientation: geometry of the first readable volume.
        labels: values in the reference file, excluding background.
        problems: one sentence per problem, each with a remedy; empty for a usable case.
        digests: digest of the voxels of each modality.
        lesions: number of connected components of the reference, over all labels.
        small_lesions: volumes of those up to 100 mm^3, in mm^3, in ascending order, at most 1000.
    """

    name: str
    modalities: tuple[str, ...]
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    orientation: str = ""
    labels: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    lesions: int = 0
    small_lesions: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a report from :meth:`to_json` output; other values are ignored.

        Raises:
            KeyError, TypeError, ValueError: on invalid content.
        """
        return cls(
            name=str(content["name"]),
            modalities=tuple(map(str, content["modalities"])),
            shape=tuple(map(int, content.get("shape", ()))),
            spacing=tuple(map(float, content.get("spacing", ()))),
            orientation=str(content.get("orientation", "")),
            labels=tuple(map(int, content.get("labels", ()))),
            problems=tuple(map(str, content.get("problems", ()))),
            digests=tuple((str(modality), str(digest)) for modality, digest in content.get("digests", ())),
            lesions=int(content.get("lesions", 0)),
            small_lesions=tuple(map(float, content.get("small_lesions", ()))),
        )


@dataclass(frozen=True)
class DatasetReport:
    """Findings of the inspection of a data set as a whole.

    Attributes:
        format: layout of the folder, for example ``"BraTS"``.
        modalities: in channel order.
        labels: label table that the format implies, as JSON values (:class:`~kdnet.schema.labels.LabelTable`).
        label_values: values in any reference, excluding background.
        usable: number of cases without problems.
        total: number of cases.
        folds: folds that the data set defines; empty if there are none.
        notes: remarks on the data set, in sentences.
    """

    format: str
    modalities: tuple[str, ...]
    labels: Mapping[str, Any] = field(default_factory=dict)
    label_values: tuple[int, ...] = ()
    usable: int = 0
    total: int = 0
    folds: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values; ``summary`` is true, which no :class:`CaseReport` has."""
        return {"summary": True, **asdict(self), "folds": list(self.folds) or None}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a report from :meth:`to_json` output.

        Raises:
            KeyError, TypeError, ValueError: on invalid content.
        """
        return cls(
            format=str(content["format"]),
            modalities=tuple(map(str, content["modalities"])),
            labels=dict(content.get("labels") or {}),
            label_values=tuple(map(int, content.get("label_values") or ())),
            usable=int(content.get("usable", 0)),
            total=int(content.get("total", 0)),
            folds=tuple(map(int, content.get("folds") or ())),
            notes=tuple(map(str, content.get("notes") or ())),
        )
