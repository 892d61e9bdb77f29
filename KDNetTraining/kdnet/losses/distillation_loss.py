"""L = lambda * L_KD + (1 - lambda) * L_GT + gamma * L_KL; another method's latent term may replace L_KL."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from kdnet.errors import SettingsError
from kdnet.losses.contrastive import ContrastiveLoss
from kdnet.losses.ground_truth import SegmentationLoss
from kdnet.losses.known import split_known
from kdnet.losses.latent_kl import LatentLoss
from kdnet.losses.prototypes import PrototypeLoss
from kdnet.losses.soft_targets import SoftTargetLoss
from kdnet.networks.base import NetworkOutput
from kdnet.schema.distillation_settings import DistillationSettings, LatentMethod
from kdnet.schema.labels import LabelMode


class LossTerms(NamedTuple):
    """The total loss and its terms, each a scalar; terms with weight 0 are not computed and are 0."""

    total: torch.Tensor
    segmentation: torch.Tensor
    soft_target: torch.Tensor
    latent: torch.Tensor

    def values(self) -> dict[str, float]:
        """Return the terms as plain numbers, for an event."""
        return {name: float(term.detach()) for name, term in self._asdict().items()}


def latent_term(mode: LabelMode, settings: DistillationSettings) -> nn.Module:
    """Return the term weighted by gamma: a module that maps both bottlenecks and the target to a scalar."""
    if settings.latent_method is LatentMethod.PROTOTYPES:
        return PrototypeLoss(mode)
    if settings.latent_method is LatentMethod.CONTRAST:
        return ContrastiveLoss()
    return LatentLoss(settings.latent_softmax, settings.latent_reduction)


class DistillationLoss(nn.Module):
    """The total loss, docs/method.md equation (7), whose last term may come from another method.

    With lambda = 0 and gamma = 0 it is exactly L_GT, the loss of teacher and baseline.
    """

    def __init__(self, mode: LabelMode, settings: DistillationSettings) -> None:
        super().__init__()
        self.settings = settings
        self.reference = SegmentationLoss(mode)
        self.soft_targets = SoftTargetLoss(
            mode, temperature=settings.temperature, student_temperature=settings.student_temperature
        )
        self.latent = latent_term(mode, settings)

    def forward(
        self,
        student: NetworkOutput,
        target: torch.Tensor,
        teacher: NetworkOutput | None = None,
        student_bottleneck: torch.Tensor | None = None,
        with_teacher: torch.Tensor | None = None,
    ) -> LossTerms:
        """Compute the terms for one batch.

        Args:
            student: output of the network in training.
            target: reference ``[batch, channel, i, j, k]``; voxels of :data:`~kdnet.schema.labels.IGNORED` are excluded.
            teacher: output of the frozen teacher on the same patch; needed unless lambda = gamma = 0.
            student_bottleneck: the student's bottleneck after :class:`LatentProjection`, if there is one.
            with_teacher: samples from which the teacher's terms are computed, bool ``[batch]``; None for all.

        Raises:
            SettingsError: when a teacher is needed but missing.
        """
        zero = student.logits.new_zeros(())
        lambda_, gamma = self.settings.lambda_, self.settings.gamma
        segmentation = self.reference(student.logits, target, student.auxiliary) if lambda_ < 1 else zero
        if not self.settings.needs_teacher:
            return LossTerms(segmentation, segmentation.detach(), zero, zero)
        if teacher is None:
            raise SettingsError("distillation needs a teacher: give one, or set lambda and gamma to 0.")
        bottleneck = student.bottleneck if student_bottleneck is None else student_bottleneck
        chosen, share = _chosen(with_teacher)
        soft_target = latent = zero
        if lambda_ > 0:
            soft_target = share * self._soft_target_term(_part(student, chosen), _part(teacher, chosen), target[chosen])
        if gamma > 0:
            latent = share * self.latent(bottleneck[chosen], teacher.bottleneck[chosen], target[chosen])
        total = lambda_ * soft_target + (1 - lambda_) * segmentation + gamma * latent
        return LossTerms(total, segmentation.detach(), soft_target.detach(), latent.detach())

    def _soft_target_term(self, student: NetworkOutput, teacher: NetworkOutput, target: torch.Tensor) -> torch.Tensor:
        known = None if self.settings.unlabeled else split_known(target)[1]
        return torch.as_tensor(self.soft_targets(student.logits, teacher.logits, student.auxiliary, known))


def _chosen(with_teacher: torch.Tensor | None) -> tuple[torch.Tensor | slice, float]:
    """Return the samples to compute the teacher's terms from, and their share of the batch.

    If it is none, all are computed with weight 0: processes that train together need a gradient of every weight.
    """
    if with_teacher is None or not with_teacher.any():
        return slice(None), 1.0 if with_teacher is None else 0.0
    return with_teacher, float(with_teacher.float().mean())


def _part(output: NetworkOutput, chosen: torch.Tensor | slice) -> NetworkOutput:
    if isinstance(chosen, slice):
        return output
    return NetworkOutput(output.logits[chosen], output.bottleneck[chosen], tuple(item[chosen] for item in output.auxiliary))
