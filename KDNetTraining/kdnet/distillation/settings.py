"""The named settings of METHOD section 2."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kdnet.errors import SettingsError


class LatentMethod(StrEnum):
    """How the bottlenecks of student and teacher are compared."""

    DIVERGENCE = "divergence"  # L_KL of KD-Net
    PROTOTYPES = "prototypes"  # after ProtoKD
    CONTRAST = "contrast"  # in the manner of PMKL


class LatentSoftmax(StrEnum):
    """Over what the softmax of the latent loss runs."""

    CHANNELS = "channels"  # a distribution over features at each latent voxel
    FLATTENED = "flattened"  # one distribution over all features and voxels


class LatentReduction(StrEnum):
    """What the latent loss averages, which decides what gamma means."""

    DISTRIBUTION = "distribution"  # the divergence of one distribution: summed within it, averaged over all of them
    ELEMENT = "element"  # averaged over all elements, as PyTorch's plain mean


@dataclass(frozen=True)
class DistillationSettings:
    """Weights and choices of L = lambda * L_KD + (1 - lambda) * L_GT + gamma * L_KL.

    Attributes:
        lambda_: weight of the soft targets against the reference, 0 to 1.
        gamma: weight of the latent loss, 0 or more.
        temperature: T > 0, divides the teacher's logits.
        student_temperature: whether the student's logits are divided by T too in L_KD (Hinton et al. 2015) or not
            (generalized distillation, Lopez-Paz et al. 2016).
        latent_method: see :class:`LatentMethod`; the two settings below belong to the divergence.
        latent_softmax: over channels at each latent voxel, or over the flattened latent.
        latent_reduction: see :class:`LatentReduction`.

    Raises:
        SettingsError: for a value out of its range.
    """

    lambda_: float = 0.75
    gamma: float = 10.0
    temperature: float = 5.0
    student_temperature: bool = False
    latent_method: LatentMethod = LatentMethod.DIVERGENCE
    latent_softmax: LatentSoftmax = LatentSoftmax.CHANNELS
    latent_reduction: LatentReduction = LatentReduction.ELEMENT

    def __post_init__(self) -> None:
        if not 0 <= self.lambda_ <= 1:
            raise SettingsError(f"lambda is {self.lambda_}: give a number from 0 to 1.")
        if not 0 <= self.gamma < float("inf"):
            raise SettingsError(f"gamma is {self.gamma}: give 0 or a positive number.")
        if not 0 < self.temperature < float("inf"):
            raise SettingsError(f"the temperature T is {self.temperature}: give a positive number.")

    @property
    def needs_teacher(self) -> bool:
        """Whether any term looks at the teacher; without one this is the baseline."""
        return self.lambda_ > 0 or self.gamma > 0
