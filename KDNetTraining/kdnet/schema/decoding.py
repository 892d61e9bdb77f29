"""How the scores of a model become plausible labels: what of its regions is too small or too thin to be real.

Standard library only. :mod:`kdnet.inference.decoding` carries it out, in the order and with the definitions given there.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdnet.errors import SettingsError
from kdnet.schema.bounds import check_names
from kdnet.schema.former_names import current_name
from kdnet.schema.labels import MOST_LABELS, LabelMode, LabelTable, brats_labels

LARGEST_SIZE = 100_000.0  # mm³; larger parts are never debris

LARGEST_RIM = 10.0  # mm


@dataclass(frozen=True)
class RegionDecoding:
    """What of a region is too small or too thin to be real; 0 keeps everything.

    Attributes:
        region: its name; that of a label where labels are exclusive.
        smallest_part: volume in mm³ below which a connected part goes to the region around it.
        smallest_hole: volume in mm³ below which an enclosed hole goes to the region.
        thinnest_rim: thickness in mm. Where the region's own label (TC: the necrotic core) is thinner between the region
            within (ET) and the outside, it goes to one of these neighbors.

    Raises:
        SettingsError: for a value out of range.
    """

    region: str
    smallest_part: float = 0.0
    smallest_hole: float = 0.0
    thinnest_rim: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "region", current_name(self.region))
        limits = {"smallest_part": LARGEST_SIZE, "smallest_hole": LARGEST_SIZE, "thinnest_rim": LARGEST_RIM}
        for name, limit in limits.items():
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise SettingsError(f"{name} of region {self.region} is {value:g}: give a number from 0 to {limit:g}.")


@dataclass(frozen=True)
class Decoding:
    """The decoding of a model, part of its card.

    A card without one is of kdnet 0.1: a voxel then takes the label of the smallest region whose score says so, whether or
    not the regions around it agree, and nothing is removed. With one, a region counts only within those around it.

    Attributes:
        regions: what to remove of each region; nothing of those that are not listed.
    """

    regions: tuple[RegionDecoding, ...] = ()

    def __post_init__(self) -> None:
        check_names([item.region for item in self.regions], "region", MOST_LABELS)
        thinned = [item.region for item in self.regions if item.thinnest_rim]
        if len(thinned) > 1:  # what one gives away could be a rim of the other
            raise SettingsError(f"{' and '.join(thinned)} have a thinnest rim: give it to one region.")

    @property
    def text(self) -> str:
        """What is removed, in words."""
        phrases = ["nested regions"]
        for item in self.regions:
            parts = {"parts": item.smallest_part, "holes": item.smallest_hole}
            phrases += [f"{item.region} {name} from {size:g} mm3" for name, size in parts.items() if size]
            phrases += [f"{item.region} rims from {item.thinnest_rim:g} mm"] if item.thinnest_rim else []
        return ", ".join(phrases)

    def of(self, region: str) -> RegionDecoding:
        """Return what to remove of ``region``."""
        return next((item for item in self.regions if item.region == region), RegionDecoding(region))

    def check_fits(self, labels: LabelTable) -> None:
        """Check that every region is one of ``labels``.

        Raises:
            SettingsError: naming the first other one.
        """
        known = compartment_names(labels)
        for item in self.regions:
            if item.region not in known:
                raise SettingsError(f'the decoding names "{item.region}", which is none of {", ".join(known)}.')


def compartment_names(labels: LabelTable) -> tuple[str, ...]:
    """Return the names that a decoding of ``labels`` can list: regions, or labels where these are exclusive."""
    items = labels.regions if labels.mode is LabelMode.REGIONS else labels.labels
    return tuple(item.name for item in items)


SMALLEST_LESION = 50.0  # mm³; smaller ones do not count in the lesion-wise metrics of BraTS 2023 (adult glioma)

THINNEST_RIM = 4.0  # mm; two voxels of the grid of 2 mm on which the bundled students were trained


def default_decoding(labels: LabelTable) -> Decoding:
    """Return the decoding of a model for which none was learned.

    It is that of docs/results/plausible-labels.md for regions of BraTS. Parts of other structures may be small, and nothing
    of them is removed until sizes are learned.
    """
    names = {region.name for region in labels.regions}
    if not {region.name for region in brats_labels().regions} <= names:
        return Decoding()
    sizes = {"smallest_part": SMALLEST_LESION, "smallest_hole": SMALLEST_LESION}
    return Decoding(
        (
            RegionDecoding("ET", **sizes),
            RegionDecoding("TC", **sizes, thinnest_rim=THINNEST_RIM),
            RegionDecoding("WT", **sizes),
        )
    )
