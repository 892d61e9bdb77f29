"""The representation of a data set in the rest of the backend, independent of its format on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kdnet.data.formats.conventions import Convention
from kdnet.errors import SettingsError
from kdnet.schema.labels import LabelTable
from kdnet.schema.patients import patient_of


@dataclass(frozen=True)
class ImageFile:
    """The location of one scalar volume.

    Attributes:
        path: path of the file.
        component: index along the fourth axis of a 4D file (Decathlon), None for a 3D file.
    """

    path: Path
    component: int | None = None


@dataclass(frozen=True)
class Case:
    """One patient visit.

    Attributes:
        name: name, unique in the data set.
        images: file of each modality (such as ``"t1ce"``), in the order of the data set's modalities.
        reference: the expert labelmap, None if there is none.
        value_map: file values to label table values where they differ (BraTS up to 2021: 4 to 3).
        problems: problems found in the file listing alone, in sentences.
        channels: number of channels that a 4D file must have, None for 3D files.
        patient: the patient of this visit; cases of one patient are never in different folds.
    """

    name: str
    images: Mapping[str, ImageFile]
    reference: ImageFile | None
    value_map: Mapping[int, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    channels: int | None = None
    patient: str = ""

    def __post_init__(self) -> None:
        if not self.patient:
            object.__setattr__(self, "patient", patient_of(self.name))


@dataclass(frozen=True)
class Dataset:
    """All cases of a folder.

    Attributes:
        root: path of the folder.
        format: name of the recognized format, for example ``"BraTS"``.
        modalities: names in channel order.
        labels: the label table that references are mapped to.
        cases: sorted by name.
        conventions: case to the label convention implied by its name; empty where the format describes the values.
        asked: the label table that the user requested, None to decide by names and values.
        notes: notes about the listing, in sentences.
        sufficient: sets of modalities of which each makes a case usable; all modalities are needed if empty.
        earlier: names of the cases that come from another data set than the first one, see :func:`with_earlier`.
    """

    root: Path
    format: str
    modalities: tuple[str, ...]
    labels: LabelTable
    cases: tuple[Case, ...]
    conventions: Mapping[str, Convention] = field(default_factory=dict)
    asked: LabelTable | None = None
    notes: tuple[str, ...] = ()
    sufficient: tuple[tuple[str, ...], ...] = ()
    earlier: frozenset[str] = frozenset()

    @property
    def patients(self) -> dict[str, str]:
        """Patient of each case, the unit for folds, confidence intervals and tests."""
        return {case.name: case.patient for case in self.cases}

    @property
    def incomplete(self) -> frozenset[str]:
        """Names of the cases that lack a modality."""
        return frozenset(case.name for case in self.cases if not set(self.modalities) <= case.images.keys())

    def suffices(self, case: Case) -> bool:
        """Check whether a case has enough modalities to be used."""
        return any(set(needed) <= case.images.keys() for needed in (self.modalities, *self.sufficient))

    def with_modalities(self, modalities: Sequence[str]) -> Dataset:
        """Return the data set restricted to these modalities, in its own order.

        Raises:
            SettingsError: if the data set lacks a modality.
        """
        for modality in modalities:
            if modality not in self.modalities:
                known = ", ".join(self.modalities)
                raise SettingsError(f'the data does not have the modality "{modality}": choose from {known}.')
        kept = tuple(name for name in self.modalities if name in modalities)
        cases = tuple(
            replace(case, images={name: case.images[name] for name in kept if name in case.images}) for case in self.cases
        )
        return replace(self, modalities=kept, cases=cases)


def with_earlier(dataset: Dataset, earlier: Dataset) -> Dataset:
    """Return ``dataset`` with the cases of another one added; those whose names are taken are renamed.

    Args:
        dataset: data set whose modalities and labels are kept.
        earlier: read with these labels and modalities.
    """
    taken = {case.name for case in dataset.cases}
    names = {case.name: f"{case.name}-old" if case.name in taken else case.name for case in earlier.cases}
    cases = tuple(replace(case, name=names[case.name], patient=case.patient) for case in earlier.cases)
    return replace(
        dataset,
        cases=(*dataset.cases, *cases),
        conventions={**dataset.conventions, **{names[name]: value for name, value in earlier.conventions.items()}},
        asked=dataset.asked or (dataset.labels if earlier.conventions else None),
        notes=(*dataset.notes, *earlier.notes),
        earlier=frozenset(names.values()),
    )


def case_files(case: Case) -> dict[str, Any]:
    """Return the locations of the images and the reference of ``case`` as plain JSON values.

    ``images`` and ``reference`` contain ``path`` and ``component`` (index along the fourth axis, None for a 3D file);
    ``value_map`` maps values of the reference file to other values of the label table.
    """
    return {
        "images": {modality: _file(image) for modality, image in case.images.items()},
        "reference": _file(case.reference) if case.reference else None,
        "value_map": {str(stored): value for stored, value in case.value_map.items()},
    }


def _file(image: ImageFile) -> dict[str, Any]:
    return {"path": str(image.path.resolve()), "component": image.component}
