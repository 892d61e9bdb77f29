"""L_KL: the divergence of the student's bottleneck from the teacher's."""

from __future__ import annotations

import torch
from torch import nn

from kdnet.errors import SettingsError
from kdnet.schema.distillation_settings import LatentReduction, LatentSoftmax


class LatentLoss(nn.Module):
    """L_KL = KL( softmax(E_t(x)) || softmax(E_s(x^k)) ): docs/method.md equation (4).

    Args:
        softmax: over the channels of each latent voxel, or over the flattened latent.
        reduction: ``distribution`` sums within a distribution and averages over distributions; ``element`` is smaller
            by the number of elements of one distribution.
    """

    def __init__(self, softmax: LatentSoftmax, reduction: LatentReduction) -> None:
        super().__init__()
        self.softmax = softmax
        self.reduction = reduction

    def forward(self, student: torch.Tensor, teacher: torch.Tensor, _target: torch.Tensor | None = None) -> torch.Tensor:
        """Compare two bottlenecks ``[batch, feature, i, j, k]`` of the same shape.

        Raises:
            SettingsError: when the shapes differ.
        """
        if student.shape != teacher.shape:
            raise SettingsError(
                f"the bottlenecks of student {tuple(student.shape[1:])} and teacher {tuple(teacher.shape[1:])} differ: "
                "choose networks with the same number of levels, or set gamma to 0."
            )
        log_p = self._log_softmax(teacher.detach())
        log_q = self._log_softmax(student)
        divergence = (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()
        return divergence / log_p.shape[1] if self.reduction is LatentReduction.ELEMENT else divergence

    def _log_softmax(self, latent: torch.Tensor) -> torch.Tensor:
        if self.softmax is LatentSoftmax.FLATTENED:
            latent = latent.flatten(start_dim=1)
        return latent.float().log_softmax(dim=1)


class LatentProjection(nn.Conv3d):
    """A learned 1x1x1 projection of a student's bottleneck to the number of features of its teacher's.

    Used only for L_KL and discarded after training (our extension, docs/method.md section 1).
    """

    def __init__(self, student_features: int, teacher_features: int) -> None:
        super().__init__(student_features, teacher_features, kernel_size=1)
