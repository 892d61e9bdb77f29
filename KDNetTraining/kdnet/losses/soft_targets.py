"""L_KD: the loss against the teacher's temperature-scaled output."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from kdnet.losses.dice import SoftDiceLoss
from kdnet.losses.ground_truth import deeply_supervised
from kdnet.schema.labels import LabelMode


class SoftTargetLoss(nn.Module):
    """L_KD = (1 - Dice(s, sigma(f_s(x^k)))) + BCE(s, sigma(f_s(x^k))) with s = sigma(f_t(x) / T):
    docs/method.md equation (3).

    Args:
        mode: how channels relate to labels.
        temperature: T.
        student_temperature: whether the student's logits are also divided by T (Hinton et al. 2015).
    """

    def __init__(self, mode: LabelMode, *, temperature: float, student_temperature: bool) -> None:
        super().__init__()
        self.mode = mode
        self.temperature = temperature
        self.student_temperature = student_temperature
        self.loss = SoftDiceLoss(mode)

    def soft_targets(self, teacher_logits: torch.Tensor) -> torch.Tensor:
        """Return s = sigma(f_t(x) / T), detached from the gradient."""
        tempered = teacher_logits.detach() / self.temperature
        return tempered.sigmoid() if self.mode is LabelMode.REGIONS else tempered.softmax(dim=1)

    def forward(
        self,
        logits: torch.Tensor,
        teacher_logits: torch.Tensor,
        auxiliary: Sequence[torch.Tensor] = (),
        known: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Compare the student's ``logits`` and ``auxiliary`` with the teacher's ``[batch, channel, i, j, k]``.

        ``known`` is the weight of each voxel, ``[batch, 1, i, j, k]``; None if all count fully.
        """
        divisor = self.temperature if self.student_temperature else 1.0
        coarser = [level / divisor for level in auxiliary]
        return deeply_supervised(self.loss, logits / divisor, self.soft_targets(teacher_logits), coarser, known)
