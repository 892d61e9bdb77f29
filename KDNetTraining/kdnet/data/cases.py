"""What a data set is to the rest of the backend, whatever its format on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kdnet.labels import LabelTable


@dataclass(frozen=True)
class ImageFile:
    """Where one scalar volume is stored.

    Attributes:
        path: the file.
        component: index along the fourth axis of a 4D file (Decathlon), None for a 3D file.
    """

    path: Path
    component: int | None = None


@dataclass(frozen=True)
class Case:
    """One patient visit.

    Attributes:
        name: unique in the data set.
        images: modality name (``"t1ce"``) to file, in the order of the data set's modalities.
        reference: the expert labelmap, None where there is none.
        value_map: values of the file to values of the label table where they differ (BraTS up to 2021: 4 to 3).
    """

    name: str
    images: Mapping[str, ImageFile]
    reference: ImageFile | None
    value_map: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """All cases of a folder.

    Attributes:
        root: the folder.
        format: name of the recognised format, for example ``"BraTS"``.
        modalities: names in channel order.
        labels: the label table that references are mapped to.
        cases: sorted by name.
    """

    root: Path
    format: str
    modalities: tuple[str, ...]
    labels: LabelTable
    cases: tuple[Case, ...]
