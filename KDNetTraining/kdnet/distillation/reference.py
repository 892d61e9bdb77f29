"""L_GT: the loss against the expert's labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from kdnet.distillation.overlap import OverlapLoss
from kdnet.labels import LabelMode


class ReferenceLoss(nn.Module):
    """L_GT = (1 - Dice(y, sigma(f_s(x^k)))) + BCE(y, sigma(f_s(x^k))), METHOD section 2.

    With deep supervision the coarser outputs are compared with the averaged target, each level weighing half of the one
    before it, and the weights adding up to 1 (Isensee et al. 2021).
    """

    def __init__(self, mode: LabelMode) -> None:
        super().__init__()
        self.loss = OverlapLoss(mode)

    def forward(self, logits: torch.Tensor, target: torch.Tensor, auxiliary: Sequence[torch.Tensor] = ()) -> torch.Tensor:
        """Compare ``logits`` and each of ``auxiliary`` with ``target`` ``[batch, channel, i, j, k]``."""
        return deeply_supervised(self.loss, logits, target, auxiliary)


def deeply_supervised(
    loss: OverlapLoss, logits: torch.Tensor, target: torch.Tensor, auxiliary: Sequence[torch.Tensor]
) -> torch.Tensor:
    """The weighted mean of ``loss`` over the output and its coarser companions."""
    total = loss(logits, target)
    weight = weights = 1.0
    for level in auxiliary:
        weight /= 2
        weights += weight
        i, j, k = level.shape[2:]
        total = total + weight * loss(level, functional.adaptive_avg_pool3d(target, (i, j, k)))
    return torch.as_tensor(total / weights)
