"""L_GT: the loss against the expert's labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from kdnet.losses.dice import SoftDiceLoss
from kdnet.losses.known import split_known
from kdnet.schema.labels import LabelMode


class SegmentationLoss(nn.Module):
    """L_GT = (1 - Dice(y, sigma(f_s(x^k)))) + BCE(y, sigma(f_s(x^k))): docs/method.md equation (2).

    With deep supervision the coarser outputs are compared with the averaged target; each level has half the weight of the
    previous one, and the weights sum to 1 (Isensee et al. 2021).
    """

    def __init__(self, mode: LabelMode) -> None:
        super().__init__()
        self.loss = SoftDiceLoss(mode)

    def forward(self, logits: torch.Tensor, target: torch.Tensor, auxiliary: Sequence[torch.Tensor] = ()) -> torch.Tensor:
        """Compare ``logits`` and each of ``auxiliary`` with ``target`` ``[batch, channel, i, j, k]``.

        Voxels of :data:`~kdnet.schema.labels.IGNORED` are excluded.
        """
        plain, known = split_known(target)
        return deeply_supervised(self.loss, logits, plain, auxiliary, known)


def deeply_supervised(
    loss: SoftDiceLoss,
    logits: torch.Tensor,
    target: torch.Tensor,
    auxiliary: Sequence[torch.Tensor],
    known: torch.Tensor | None = None,
) -> torch.Tensor:
    """Compute the weighted mean of ``loss`` over the output and the coarser outputs.

    Args:
        loss: for one level.
        logits: of the finest level.
        target: on the same grid.
        auxiliary: logits of coarser levels.
        known: weight of each voxel, ``[batch, 1, i, j, k]``; a coarser voxel is weighted by its known share.
    """
    total = loss(logits, target, known)
    weight = weights = 1.0
    for level in auxiliary:
        weight /= 2
        weights += weight
        i, j, k = level.shape[2:]
        share = None if known is None else functional.adaptive_avg_pool3d(known, (i, j, k))
        pooled = functional.adaptive_avg_pool3d(target if known is None else target * known, (i, j, k))
        if share is not None:
            pooled = (pooled / share.clamp(min=1e-6)).clamp(max=1)
        total = total + weight * loss(level, pooled, share)
    return torch.as_tensor(total / weights)
