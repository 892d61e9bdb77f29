"""Learn how often a model is right about a lesion, from cases that it was not trained on and from people without tumor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from kdnet.data.dataset import Case
from kdnet.data.references import read_reference
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import check_volume, read_volume
from kdnet.data.volumes.masks import label_mask
from kdnet.errors import DataError
from kdnet.foreign import read_rows
from kdnet.inference.predictor import Predictor
from kdnet.measurement.confidence import mirrored_shares, peaks
from kdnet.measurement.lesions import outermost_regions
from kdnet.measurement.parts import connected_parts
from kdnet.preparation.brain import BrainExtractor
from kdnet.preparation.case import PreparationChoice, prepare_case
from kdnet.schema.labels import LabelTable, Region
from kdnet.schema.lesion_confidence import LARGEST_WEIGHT, LesionConfidence, logistic, logit
from kdnet.study.scoring import read_inputs

COLUMNS = ("scan", "person")
REAL = 0.1  # of a lesion must be in the reference
LEAST_ML = 0.05  # as in the lesion-wise metrics of BraTS
FEWEST = 5  # real lesions and false ones; fewer say nothing
MIRRORED = 3.0  # brings a share to the scale of logits, so that its weight is bounded like theirs
RIDGE = 0.01  # on the weights, because a few dozen lesions are often separable
LOST = 0.05  # of the cases with tumor may lose their surest lesion
SPARE = 0.5  # below that quantile, on the scale of logits, because a few dozen cases say little about the rarest
MOST_LIMIT = 0.5  # no lesion is removed that is more often right than wrong
SMALL_ML = 2.0  # at most this much may be marked in a person without tumor
GROUPS = 5  # of people, each left out once


@dataclass(frozen=True)
class Head:
    """A person without tumor: the files of the scans that the model takes, in its order."""

    person: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Seen:
    """A lesion that the model marked.

    Attributes:
        peaks: by region, see :class:`~kdnet.schema.lesion_confidence.LesionConfidence`.
        milliliters: its volume.
        real: whether the reference has it.
        mirrored: the share of it whose mirror image is marked too, 0 to 1.
    """

    peaks: Mapping[str, float]
    milliliters: float
    real: bool
    mirrored: float = 0.0


@dataclass(frozen=True)
class Observation:
    """What the model marked in one case.

    Attributes:
        person: the person.
        tumor: whether they have one.
        lesions: what was marked.
    """

    person: str
    tumor: bool
    lesions: tuple[Seen, ...]

    @property
    def found(self) -> bool:
        """Whether a lesion is real."""
        return any(lesion.real for lesion in self.lesions)


def read_heads(path: Path) -> list[Head]:
    """Read a CSV file with the columns ``scan`` and ``person``; several scans of a case are separated by ``;``.

    Raises:
        DataError: naming the file and what is wrong with it.
    """
    rows = read_rows(path, COLUMNS)
    return [Head(row["person"], tuple(path.parent / part.strip() for part in row["scan"].split(";"))) for row in rows]


def judged_region(labels: LabelTable) -> Region:
    """Return the region whose parts are lesions.

    Raises:
        DataError: if no region contains all others.
    """
    outer = outermost_regions(labels)
    if len(outer) != 1:
        names = ", ".join(region.name for region in outer)
        raise DataError(f"the model has several kinds of lesions ({names}): a confidence is learned for models with one.")
    return outer[0]


def observe_case(case: Case, predictor: Predictor) -> Observation:
    """Segment a case whose reference shows its tumor; the case is skull-stripped, as in training."""
    volumes = read_inputs(case, predictor.model.card.modalities)
    reference = read_reference(case, predictor.model.card.labels)
    return Observation(case.patient, True, _seen(predictor, volumes, np.asarray(reference.voxels)))


def observe_head(head: Head, predictor: Predictor, extractor: BrainExtractor) -> Observation:
    """Segment the scans of a person without tumor as ``kdnet segment`` does, with the brain extracted.

    Raises:
        DataError: if a scan cannot be read, or their number is not that of the model's modalities.
    """
    volumes = [read_volume(file) for file in head.files]
    names = [str(file) for file in head.files]
    for volume, name in zip(volumes, names, strict=True):
        check_volume(volume, name)
    prepared = prepare_case(extractor, volumes, names, PreparationChoice(force=True), expected=True)
    return Observation(head.person, False, _seen(predictor, prepared.volumes, None))


def learn(observations: Sequence[Observation], labels: LabelTable) -> LesionConfidence:
    """Fit the confidence and its limit.

    Real and false lesions weigh the same together, so that the confidence does not depend on how many cases of each kind
    there are. More certainty never lowers it, and more symmetry never raises it. The limit lies below the surest lesion of
    19 of 20 cases with tumor.

    Raises:
        DataError: if there are too few real or false lesions.
    """
    region = judged_region(labels)
    names = [region.name, *(other.name for other in labels.regions if other != region)]
    seen = [lesion for item in observations for lesion in item.lesions]
    real = np.array([lesion.real for lesion in seen], dtype=bool)
    if min(real.sum(), (~real).sum()) < FEWEST:
        raise DataError(
            f"the model marked {real.sum()} real and {(~real).sum()} false lesions, but at least {FEWEST} of each are"
            " needed: add cases, or people without tumor."
        )
    values = [[*(logit(lesion.peaks[name]) for name in names), -MIRRORED * lesion.mirrored] for lesion in seen]
    intercept, *weights, symmetry = (float(value) for value in _fit(np.array(values), real))
    fitted = LesionConfidence(
        region.name, dict(zip(names, weights, strict=True)), intercept, 0.0, symmetry=round(MIRRORED * symmetry, 6)
    )
    surest = [max(_of(fitted, lesion) for lesion in item.lesions if lesion.real) for item in observations if item.found]
    limit = logistic(logit(float(np.quantile(surest, LOST))) - SPARE)
    return replace(fitted, limit=round(min(MOST_LIMIT, limit), 4))


def figures(observations: Sequence[Observation], labels: LabelTable) -> dict[str, float]:
    """Return how well the confidence does on people that it was not learned from, each group of them left out once.

    Returns:
        Numbers of cases with tumor, of those in which it was marked and in which it still is; of cases without tumor, of
        those with at most 2 mL marked before and after; and the mean squared error of the confidence in real and in false
        lesions (0.25 is guessing).
    """
    tested: list[tuple[Observation, LesionConfidence]] = []
    for group in _groups(observations):
        rest = [item for item in observations if item.person not in group]
        fitted = learn(rest, labels)
        tested += [(item, fitted) for item in observations if item.person in group]
    tumors = [(item, model) for item, model in tested if item.tumor]
    heads = [(item, model) for item, model in tested if not item.tumor]
    errors: dict[bool, list[float]] = {True: [], False: []}
    for item, model in tested:
        for lesion in item.lesions:
            errors[lesion.real].append((lesion.real - _of(model, lesion)) ** 2)
    return {
        "tumors": len(tumors),
        "tumors_marked": sum(item.found for item, _ in tumors),
        "tumors_kept": sum(without_doubtful(item, model).found for item, model in tumors),
        "heads": len(heads),
        "heads_small_before": sum(_marked_ml(item) <= SMALL_ML for item, _ in heads),
        "heads_small": sum(_marked_ml(without_doubtful(item, model)) <= SMALL_ML for item, model in heads),
        "error_real": round(float(np.mean(errors[True])), 4),
        "error_false": round(float(np.mean(errors[False])), 4),
    }


def without_doubtful(item: Observation, confidence: LesionConfidence) -> Observation:
    """Return what is left of an observation once doubtful lesions are removed."""
    kept = tuple(lesion for lesion in item.lesions if _of(confidence, lesion) >= confidence.limit)
    return replace(item, lesions=kept)


def _of(confidence: LesionConfidence, lesion: Seen) -> float:
    return confidence.of(lesion.peaks, lesion.mirrored)


def _marked_ml(item: Observation) -> float:
    return sum(lesion.milliliters for lesion in item.lesions)


def _groups(observations: Sequence[Observation]) -> Iterator[frozenset[str]]:
    """Yield groups of people, those with and those without tumor spread evenly."""
    people = sorted({(item.tumor, item.person) for item in observations})
    for number in range(min(GROUPS, len(people))):
        yield frozenset(person for _, person in people[number::GROUPS])


def _fit(values: NDArray[np.float64], real: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return intercept and weights of a logistic regression; the weights are at least 0."""
    balance = np.where(real, 0.5 / real.sum(), 0.5 / (~real).sum())
    signs = np.where(real, 1.0, -1.0)

    def loss(parameters: NDArray[np.float64]) -> float:
        margins = signs * (parameters[0] + values @ parameters[1:])
        return float(balance @ np.logaddexp(0, -margins) + RIDGE * np.square(parameters[1:]).sum())

    bounds = [(-LARGEST_WEIGHT, LARGEST_WEIGHT), *[(0.0, LARGEST_WEIGHT)] * values.shape[1]]
    start = np.full(values.shape[1] + 1, 0.1)
    return np.round(np.asarray(minimize(loss, start, bounds=bounds, method="L-BFGS-B").x), 6)


def _seen(predictor: Predictor, volumes: Sequence[Volume], reference: NDArray[np.uint8] | None) -> tuple[Seen, ...]:
    labels = predictor.model.card.labels
    prediction = predictor.predict(volumes, confidence=True)
    region = judged_region(labels)
    maps = {name: np.asarray(volume.voxels) for name, volume in prediction.probabilities.items()}
    ml = prediction.labelmap.grid.voxel_ml
    voxels = np.asarray(prediction.labelmap.voxels)
    parts = [part for part in connected_parts(voxels, region, ml) if part.milliliters >= LEAST_ML]
    mirrored = mirrored_shares(parts, label_mask(voxels, region.values), volumes[0])
    real = [False] * len(parts)
    if reference is not None:
        drawn = label_mask(reference, region.values)
        real = [float(drawn[part.box][part.mask].mean()) > REAL for part in parts]
    return tuple(
        Seen(peaks(part, maps, ml), part.milliliters, is_real, share)
        for part, is_real, share in zip(parts, real, mirrored, strict=True)
    )
