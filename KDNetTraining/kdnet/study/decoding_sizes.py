"""Learning how to decode the scores of a finished model: which parts and holes of a region are too small to be real.

Sizes are chosen one after the other, on cases with a reference that the model is not tested on. The best mean Dice decides;
where several are as good within :data:`EQUAL_DICE`, the one that leaves the fewest pieces; then the smallest, because what
removes nothing here could remove something real elsewhere. The thickness of rims is not learned: on cases that a network
learned from, its rims lie elsewhere than on new ones (docs/results/plausible-labels.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from kdnet.data.dataset import Case
from kdnet.data.references import read_reference
from kdnet.data.volumes.geometry import require_same_grid
from kdnet.data.volumes.masks import bounding_box
from kdnet.inference.decoding import VoxelLabels, make_plausible
from kdnet.inference.predictor import Predictor
from kdnet.model_file import Model
from kdnet.schema.decoding import Decoding, RegionDecoding, compartment_names, default_decoding
from kdnet.schema.folds import Split
from kdnet.schema.labels import LabelMode, LabelTable
from kdnet.schema.model_card import ModelCard
from kdnet.study.scoring import read_inputs

SIZES = (0.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)  # mm³

EQUAL_DICE = 0.001

DECODING_FIGURE = "decoding_cases"
"""Name of the number of cases that the decoding was learned from, among the figures of a model card."""


@dataclass(frozen=True, eq=False)
class LabeledCase:
    """What a model says of each voxel of a case, and an expert, in the box around both.

    Attributes:
        voxels: of the model, nested.
        reference: uint8 ``[i, j, k]``.
        spacing: along i, j, k in mm.
    """

    voxels: VoxelLabels
    reference: NDArray[np.uint8]
    spacing: tuple[float, float, float]

    def decoded(self, table: LabelTable, decoding: Decoding) -> NDArray[np.uint8]:
        """Return the labelmap that ``decoding`` makes."""
        voxels = replace(self.voxels, labels=self.voxels.labels.copy())
        make_plausible(voxels, self.spacing, table, decoding)
        if (ignored := table.ignored(self.reference)) is not None:
            voxels.labels[ignored] = 0
        return voxels.labels


@dataclass(frozen=True)
class DecodingScore:
    """How labelmaps agree with references.

    Attributes:
        dice: region to mean Dice over cases; 1 where a region is in neither.
        pieces: mean number of 6-connected pieces of all labels.
    """

    dice: dict[str, float]
    pieces: float

    @property
    def mean_dice(self) -> float:
        """Mean over regions."""
        return float(np.mean(list(self.dice.values())))


def cases_to_learn_from(split: Split, cases: Iterable[Case], modalities: Sequence[str], most: int) -> tuple[Case, ...]:
    """Return up to ``most`` cases of a fold that are not tested and have what is needed, validation cases first."""
    known = {case.name: case for case in cases if case.reference is not None and set(modalities) <= case.images.keys()}
    return tuple(known[name] for name in (*split.validation, *split.train) if name in known)[:most]


def labeled_case(predictor: Predictor, case: Case) -> LabeledCase:
    """Segment ``case``, but decide nothing yet.

    Raises:
        KDNetError: when the case cannot be read or does not fit the model.
    """
    card = predictor.model.card
    volumes = read_inputs(case, card.modalities)
    voxels = predictor.predict_each_voxel(volumes, default_decoding(card.labels))
    reference = read_reference(case, card.labels)
    require_same_grid(reference.grid, volumes[0].grid, f"the reference of {case.name}", "its images")
    expert = np.asarray(reference.voxels)
    box = bounding_box((voxels.labels > 0) | (expert > 0), margin=1) or (slice(0, 1),) * 3
    own = VoxelLabels(voxels.labels[box].copy(), voxels.inward[box].copy())
    return LabeledCase(own, expert[box].copy(), reference.grid.spacing)


def learn_decoding(cases: Sequence[LabeledCase], table: LabelTable) -> Decoding:
    """Return the decoding that suits ``cases`` best.

    Args:
        cases: at least one.
        table: the label table of the model.
    """
    names = sorted(compartment_names(table), key=lambda name: _labels_in(table, name))
    default = default_decoding(table)
    decoding = Decoding(tuple(replace(default.of(name), smallest_part=0.0, smallest_hole=0.0) for name in names))
    least = 0.0
    for name in names:
        own = decoding.of(name)
        options = [_changed(decoding, replace(own, smallest_part=size)) for size in SIZES if size >= least]
        decoding = _best(cases, table, options)
        if table.mode is LabelMode.REGIONS:  # where all of ET is removed, nothing of TC may be left of it
            least = decoding.of(name).smallest_part
    for name in names:
        own = decoding.of(name)
        decoding = _best(cases, table, [_changed(decoding, replace(own, smallest_hole=size)) for size in SIZES])
    return decoding


def learned_card(
    model: Model, cases: Sequence[Case], device: torch.device, progress: Callable[[int], None] = lambda _done: None
) -> ModelCard:
    """Return the card of ``model`` with the decoding learned from ``cases``; without any, as it is.

    Args:
        model: whose network is moved to ``device``.
        cases: output of :func:`cases_to_learn_from`.
        device: to compute on.
        progress: called with the number of segmented cases after each.

    Raises:
        KDNetError: when a case cannot be read or does not fit the model.
    """
    if not cases:
        return model.card
    predictor, known = Predictor(model, device), []
    for case in cases:
        known.append(labeled_case(predictor, case))
        progress(len(known))
    decoding = learn_decoding(known, model.card.labels)
    figures = {**model.card.figures, DECODING_FIGURE: len(known)}
    # a confidence was learned from lesions as the former decoding left them
    return replace(model.card, decoding=decoding, figures=figures, lesion_confidence=None)


def decoding_score(cases: Sequence[LabeledCase], table: LabelTable, decoding: Decoding) -> DecodingScore:
    """Return how the labelmaps of ``decoding`` agree with the references of ``cases``."""
    dice: dict[str, list[float]] = {region.name: [] for region in table.regions}
    pieces = []
    for case in cases:
        found = case.decoded(table, decoding)
        for region in table.regions:
            one, other = (np.isin(labelmap, region.values) for labelmap in (found, case.reference))
            total = np.count_nonzero(one) + np.count_nonzero(other)
            dice[region.name].append(2 * np.count_nonzero(one & other) / total if total else 1.0)
        pieces.append(sum(int(ndimage.label(found == label.value)[1]) for label in table.labels))
    return DecodingScore({name: float(np.mean(values)) for name, values in dice.items()}, float(np.mean(pieces)))


def _best(cases: Sequence[LabeledCase], table: LabelTable, options: Sequence[Decoding]) -> Decoding:
    """Return the best of ``options``, which begin with the one that removes least."""
    scores = [decoding_score(cases, table, option) for option in options]
    best = max(score.mean_dice for score in scores)
    good = [index for index, score in enumerate(scores) if score.mean_dice >= best - EQUAL_DICE]
    return options[min(good, key=lambda index: (scores[index].pieces, index))]


def _changed(decoding: Decoding, changed: RegionDecoding) -> Decoding:
    return Decoding(tuple(changed if item.region == changed.region else item for item in decoding.regions))


def _labels_in(table: LabelTable, name: str) -> int:
    return next((len(region.values) for region in table.regions if region.name == name), 1)
