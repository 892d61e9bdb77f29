"""The weights and options of the distillation loss (docs/method.md section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kdnet.errors import SettingsError


class LatentMethod(StrEnum):
    """Comparison of the student and teacher bottlenecks."""

    DIVERGENCE = "divergence"  # L_KL of KD-Net
    PROTOTYPES = "prototypes"  # after ProtoKD
    CONTRAST = "contrast"  # similar to PMKL


class LatentSoftmax(StrEnum):
    """Dimensions of the softmax in the latent loss."""

    CHANNELS = "channels"  # a distribution over features at each latent voxel
    FLATTENED = "flattened"  # one distribution over all features and voxels


class LatentReduction(StrEnum):
    """Reduction of the latent loss, which sets the scale of gamma."""

    DISTRIBUTION = "distribution"  # summed within each distribution, averaged over distributions
    ELEMENT = "element"  # averaged over all elements, as in PyTorch's ``mean``


@dataclass(frozen=True)
class DistillationSettings:
    """Weights and options of L = lambda * L_KD + (1 - lambda) * L_GT + gamma * L_KL.

    Attributes:
        lambda_: weight of the soft targets against the reference, 0 to 1.
        gamma: weight of the latent loss, 0 or more.
        temperature: T > 0, the divisor of the teacher's logits.
        student_temperature: whether L_KD divides the student's logits by T too (Hinton et al. 2015) or not
            (generalized distillation, Lopez-Paz et al. 2016).
        unlabeled: whether L_KD counts voxels without a label too, which L_GT always leaves out.
        latent_method: see :class:`LatentMethod`; the next two settings apply to the divergence only.
        latent_softmax: over channels at each latent voxel, or over the flattened latent.
        latent_reduction: see :class:`LatentReduction`.

    Raises:
        SettingsError: for a value out of range.
    """

    lambda_: float = 0.75
    gamma: float = 10.0
    temperature: float = 5.0
    student_temperature: bool = False
    unlabeled: bool = False
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
        """Whether any loss term uses the teacher; otherwise this is the baseline."""
        return self.lambda_ > 0 or self.gamma > 0
