"""How often a model is right about a lesion, learned from cases that it was not trained on. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from kdnet.errors import SettingsError
from kdnet.schema.labels import LabelTable

PEAK_ML = 1.0  # volume of the most certain part of a lesion

SUREST = 0.995  # probabilities are stored in percent

LARGEST_WEIGHT = 100.0


@dataclass(frozen=True)
class LesionConfidence:
    """The confidence in a lesion, by the probabilities of the network in its most certain part, and by its symmetry.

    The confidence is ``logistic(intercept + sum of weights[r] * logit(peak[r]) - symmetry * mirrored)``. ``peak[r]`` is the
    mean probability of region r where it is highest in the lesion, in a volume of :data:`PEAK_ML`, or in all of a smaller
    lesion; ``mirrored`` is the share of the lesion whose mirror image in the other half of the head is marked too.

    Attributes:
        region: the region whose connected parts are lesions.
        weights: by region.
        intercept: see above.
        limit: a lesion of less confidence is doubtful, and is removed unless the user wants it.
        symmetry: see above; 0 if symmetry was not learned from.
        learned_from: numbers of lesions and cases, and how well it did on people that were left out.

    Raises:
        SettingsError: for a value out of range.
    """

    region: str
    weights: Mapping[str, float]
    intercept: float
    limit: float
    learned_from: Mapping[str, float] = field(default_factory=dict)
    symmetry: float = 0.0

    def __post_init__(self) -> None:
        numbers = (*self.weights.values(), self.intercept)
        if not self.weights or not all(abs(number) <= LARGEST_WEIGHT for number in numbers):
            raise SettingsError(f"the weights of the lesion confidence must be numbers up to {LARGEST_WEIGHT:g}.")
        if not 0 <= self.symmetry <= LARGEST_WEIGHT:
            raise SettingsError(f"the symmetry of the lesion confidence must be a number from 0 to {LARGEST_WEIGHT:g}.")
        if not 0 <= self.limit <= 1:
            raise SettingsError(f"the limit of the lesion confidence is {self.limit:g}: give a number from 0 to 1.")

    def of(self, peaks: Mapping[str, float], mirrored: float = 0.0) -> float:
        """Return the confidence in a lesion with these peaks and this share mirrored, from 0 to 1.

        Example:
            >>> certain = LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.5)
            >>> round(certain.of({"WT": 0.9}), 3), round(certain.of({"WT": 0.5}), 3)
            (0.9, 0.5)
        """
        certainty = sum(weight * logit(peaks[name]) for name, weight in self.weights.items())
        return logistic(self.intercept + certainty - self.symmetry * mirrored)

    def check_fits(self, labels: LabelTable) -> None:
        """Check that every region is one of ``labels``.

        Raises:
            SettingsError: naming the first other one.
        """
        known = [region.name for region in labels.regions]
        for name in (self.region, *self.weights):
            if name not in known:
                raise SettingsError(f'the lesion confidence names "{name}", which is none of {", ".join(known)}.')


def logit(probability: float) -> float:
    """Return the logit of a probability, which is limited to what percent can express."""
    limited = min(max(probability, 1 - SUREST), SUREST)
    return math.log(limited / (1 - limited))


def logistic(value: float) -> float:
    """Return the inverse of the logit."""
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
