"""The meaning of labelmap values, and how network channels are converted to labels.

Two output modes (docs/method.md section 1):

- ``regions``: one sigmoid channel per region; regions may overlap (BraTS: ET inside TC inside WT).
- ``exclusive``: one softmax channel per label, background first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from kdnet.errors import SettingsError
from kdnet.json_schema import parse_dataclass
from kdnet.schema.bounds import check_names
from kdnet.schema.former_names import current_name
from kdnet.schema.segmentation import RegionVolume
from kdnet.text import one_line

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


MOST_LABELS = 255  # that a uint8 labelmap can hold besides the background

IGNORED = 255
"""Value of unlabeled voxels, which are excluded from losses and metrics."""


class LabelMode(StrEnum):
    """How the channels of a network relate to labels."""

    REGIONS = "regions"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True)
class Code:
    """A coded concept of a terminology, for example SNOMED CT 86049000 "Neoplasm, Primary"."""

    scheme: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Terminology:
    """Category and type of a segment, as Slicer and DICOM SEG store them."""

    category: Code
    type: Code


@dataclass(frozen=True)
class Label:
    """One value of a labelmap.

    Attributes:
        value: 1 to 255; 0 is background.
        name: short display name.
        color: red, green and blue, 0 to 255.
        terminology: terminology of the segment, if known.
    """

    value: int
    name: str
    color: tuple[int, int, int]
    terminology: Terminology | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", current_name(self.name))


@dataclass(frozen=True)
class Region:
    """A named union of labels that is evaluated, and is predicted by one channel in ``regions`` mode."""

    name: str
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", current_name(self.name))


@dataclass(frozen=True)
class LabelTable:
    """The label table of a data set or model.

    Attributes:
        mode: how network channels relate to labels.
        labels: the values of the labelmap, excluding background.
        regions: the regions to evaluate; in ``regions`` mode also the network's channels, in this order.
    """

    mode: LabelMode
    labels: tuple[Label, ...]
    regions: tuple[Region, ...]

    def __post_init__(self) -> None:
        values = [label.value for label in self.labels]
        if not values or len(set(values)) != len(values) or not all(0 < value < 256 for value in values):
            listed = one_line(str(values), 60)
            raise SettingsError(f"the label values {listed} must be distinct integers from 1 to 255: correct them.")
        check_names([label.name for label in self.labels], "label", MOST_LABELS)
        check_names([region.name for region in self.regions], "region", MOST_LABELS)
        for label in self.labels:
            if not all(0 <= part <= 255 for part in label.color):
                raise SettingsError(
                    f'the color of label "{label.name}" must have three components from 0 to 255: correct it.'
                )
        for region in self.regions:
            unknown = set(region.values) - set(values)
            if not region.values or unknown or len(set(region.values)) != len(region.values):
                raise SettingsError(f'region "{region.name}" {_region_problem(region, unknown)}: correct its values.')
        if self.mode is LabelMode.REGIONS:
            self.overwrite_order()

    @property
    def channels(self) -> int:
        """The number of output channels of a network for this table."""
        return len(self.regions) if self.mode is LabelMode.REGIONS else len(self.labels) + 1

    @property
    def meaning(self) -> tuple[object, ...]:
        """What must agree between two tables that mean the same; names and colors of labels need not."""
        return self.mode, tuple(sorted(label.value for label in self.labels)), self.regions

    @property
    def channel_names(self) -> tuple[str, ...]:
        """What each output channel of a network stands for."""
        if self.mode is LabelMode.REGIONS:
            return tuple(region.name for region in self.regions)
        return ("background", *(label.name for label in self.labels))

    def overwrite_order(self) -> tuple[tuple[int, int], ...]:
        """Return (channel, label value) pairs, largest region first, as painted by :meth:`decode` in ``regions`` mode.

        A region paints the value that no smaller region within it contains: WT paints edema, TC the core, ET itself.
        """
        pairs = []
        for channel, region in sorted(enumerate(self.regions), key=lambda item: -len(item[1].values)):
            inner = [set(other.values) for other in self.regions if set(other.values) < set(region.values)]
            own = [value for value in region.values if not any(value in values for values in inner)]
            if len(own) != 1:
                raise SettingsError(
                    f'region "{region.name}" must have exactly one label that no smaller region within it has, not {own}: '
                    "correct the regions."
                )
            pairs.append((channel, own[0]))
        return tuple(pairs)

    def parents(self) -> tuple[int | None, ...]:
        """Return for each region the channel of the smallest region that contains it and more, None if there is none."""
        return tuple(
            min(
                (other for other, around in enumerate(self.regions) if set(region.values) < set(around.values)),
                key=lambda other: len(self.regions[other].values),
                default=None,
            )
            for region in self.regions
        )

    def encode(self, labelmap: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Convert a labelmap ``[i, j, k]`` to training targets ``[channel, i, j, k]`` of 0 and 1.

        Unlabeled voxels are :data:`IGNORED` in every channel.
        """
        import numpy as np  # noqa: PLC0415 - panels and the command line read label tables without numpy

        if self.mode is LabelMode.REGIONS:
            members: Sequence[Sequence[int]] = [region.values for region in self.regions]
        else:
            members = [(0,), *((label.value,) for label in self.labels)]
        target = np.stack([np.isin(labelmap, values) for values in members]).astype(np.uint8)
        if (ignored := self.ignored(labelmap)) is not None:
            target[:, ignored] = IGNORED
        return target

    def volumes(self, labelmap: NDArray[np.integer[Any]], voxel_ml: float) -> tuple[RegionVolume, ...]:
        """Return the volume of every label, then of every region that combines labels, in mL.

        Args:
            labelmap: uint8, axes in any order.
            voxel_ml: volume of a voxel in mL.
        """
        import numpy as np  # noqa: PLC0415

        # in memory order, and a comparison per label is several times faster than np.bincount
        counts = {value: np.count_nonzero(labelmap == value) for label in self.labels for value in (label.value,)}
        parts: list[tuple[str, tuple[int, ...]]] = [(label.name, (label.value,)) for label in self.labels]
        parts += [(region.name, region.values) for region in self.regions if len(region.values) > 1]
        return tuple(RegionVolume(name, float(sum(counts[value] for value in values)) * voxel_ml) for name, values in parts)

    def ignored(self, labelmap: NDArray[np.integer[Any]]) -> NDArray[np.bool_] | None:
        """Return the mask of unlabeled voxels, or None if there are none."""
        if any(label.value == IGNORED for label in self.labels):
            return None
        found = labelmap == IGNORED
        return found if found.any() else None

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Apply the sigma of docs/method.md section 1 to ``logits`` ``[batch, channel, i, j, k]``."""
        return logits.sigmoid() if self.mode is LabelMode.REGIONS else logits.softmax(dim=1)

    def decode(self, logits: torch.Tensor, *, nested: bool = False) -> torch.Tensor:
        """Convert logits ``[batch, channel, i, j, k]`` to a uint8 labelmap ``[batch, i, j, k]``, each voxel by itself.

        A region is present where its logit is above 0 (probability above one half); smaller regions overwrite larger
        ones. Exclusive labels take the channel with the largest logit. What a model shows is decided by
        :mod:`kdnet.inference.decoding`.

        Args:
            logits: scores.
            nested: whether a region counts only within all regions that contain it.
        """
        import torch  # noqa: PLC0415

        if self.mode is LabelMode.EXCLUSIVE:
            values = torch.tensor([0, *(label.value for label in self.labels)], dtype=torch.uint8, device=logits.device)
            return values[logits.argmax(dim=1)]
        labelmap = torch.zeros_like(logits[:, 0], dtype=torch.uint8)
        for channel, value in self.overwrite_order():
            present = logits[:, channel] > 0
            for other, around in enumerate(self.regions if nested else ()):
                if set(self.regions[channel].values) < set(around.values):
                    present &= logits[:, other] > 0
            labelmap.masked_fill_(present, value)
        return labelmap

    def to_json(self) -> dict[str, Any]:
        """Return the table as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a table from :meth:`to_json` output; raises SettingsError on invalid content."""
        return parse_dataclass(cls, content)


def _region_problem(region: Region, unknown: set[int]) -> str:
    if not region.values:
        return "names no labels"
    return f"names {one_line(str(sorted(unknown)), 60)}, which are not in the table" if unknown else "names a label twice"


def _structure(value: str, meaning: str) -> Terminology:
    category = Code("SCT", "49755003", "Morphologically Altered Structure")
    return Terminology(category, Code("SCT", value, meaning))


_CORE = ("Necrotic and non-enhancing core", (216, 101, 79), _structure("6574001", "Necrosis"))

_EDEMA = ("Edema", (140, 224, 228), _structure("79654002", "Edema"))

_ENHANCING = ("Enhancing tumor", (255, 214, 92), _structure("86049000", "Neoplasm, Primary"))


def brats_labels() -> LabelTable:
    """Return the BraTS table (2023 and later): 1 core, 2 edema, 3 enhancing; regions ET, TC, WT.

    Readers of older data map label 4 to 3, so that a model does not depend on the year of its training data.
    """
    return LabelTable(
        LabelMode.REGIONS,
        (Label(1, *_CORE), Label(2, *_EDEMA), Label(3, *_ENHANCING)),
        (Region("ET", (3,)), Region("TC", (1, 3)), Region("WT", (1, 2, 3))),
    )


def post_treatment_labels() -> LabelTable:
    """Return the post-treatment table (BraTS-GLI 2024 and later): :func:`brats_labels` plus 4, the resection cavity."""
    plain = brats_labels()
    cavity = Label(4, "Resection cavity", (111, 184, 210))
    return LabelTable(LabelMode.REGIONS, (*plain.labels, cavity), (*plain.regions, Region("RC", (4,))))


def pediatric_labels() -> LabelTable:
    """Return the BraTS-PED table: 1 enhancing tumor, 2 non-enhancing core, 3 cyst, 4 edema; regions ET, CC, TC, WT."""
    cyst = Label(3, "Cystic component", (241, 214, 145))
    return LabelTable(
        LabelMode.REGIONS,
        (Label(1, *_ENHANCING), Label(2, "Non-enhancing core", _CORE[1]), cyst, Label(4, *_EDEMA)),
        (Region("ET", (1,)), Region("CC", (3,)), Region("TC", (1, 2, 3)), Region("WT", (1, 2, 3, 4))),
    )


def exclusive_labels(names: Mapping[int, str]) -> LabelTable:
    """Return a table of exclusive labels (value to name), each evaluated separately."""
    palette = ((221, 130, 101), (128, 174, 128), (241, 214, 145), (177, 122, 101), (111, 184, 210), (216, 101, 79))
    labels = tuple(
        Label(value, name, palette[index % len(palette)]) for index, (value, name) in enumerate(sorted(names.items()))
    )
    return LabelTable(LabelMode.EXCLUSIVE, labels, tuple(Region(label.name, (label.value,)) for label in labels))
