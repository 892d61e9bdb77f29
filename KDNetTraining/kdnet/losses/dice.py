"""(1 - Dice) + cross-entropy between probabilities and a possibly soft target: the core of L_GT and L_KD."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from kdnet.monai_part import monai_part
from kdnet.schema.labels import LabelMode

DiceLoss = monai_part("monai.losses.dice", "DiceLoss")


class SoftDiceLoss(nn.Module):
    """(1 - Dice(y, sigma(z))) + BCE(y, sigma(z)), with cross-entropy instead of BCE for exclusive labels:
    docs/method.md equation (1).

    The Dice term is soft, with squared terms in the denominator (Milletari et al., 3DV 2016), because only then is it
    minimal where prediction and soft target are equal. It is computed per case and channel, then averaged; the background
    channel of exclusive labels is excluded.

    Args:
        mode: how channels relate to labels.
        squared: False gives the linear denominator.
    """

    def __init__(self, mode: LabelMode, *, squared: bool = True) -> None:
        super().__init__()
        self.mode = mode
        self.dice = DiceLoss(include_background=mode is LabelMode.REGIONS, squared_pred=squared)

    def forward(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        """Compare ``logits`` with ``target`` (0 to 1), both ``[batch, channel, i, j, k]``.

        Args:
            logits: network output.
            target: 0 where unknown.
            known: weight of each voxel, ``[batch, 1, i, j, k]`` from 0 to 1; None if all count fully.
        """
        if self.mode is LabelMode.REGIONS:
            probability = logits.sigmoid()
            entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction=_reduction(known))
        else:
            probability = logits.softmax(dim=1)
            entropy = functional.cross_entropy(logits, target, reduction=_reduction(known))
            entropy = entropy if known is None else entropy[:, None]
        if known is not None:
            probability, target = probability * known, target * known
            entropy = (entropy * known).sum() / (known.sum() * entropy.shape[1]).clamp(min=1)
        overlap: torch.Tensor = self.dice(probability, target)
        return overlap + entropy


def _reduction(known: torch.Tensor | None) -> str:
    return "mean" if known is None else "none"
