"""How good a network in training is on whole validation cases, on the prepared grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from monai.metrics import compute_dice
from torch.nn import functional

from kdnet.data.cache import PreparedCase
from kdnet.distillation import ReferenceLoss
from kdnet.labels import LabelTable
from kdnet.networks import SegmentationNetwork

WHOLE_CASE_VOXELS = 128 * 128 * 96  # above this a case is segmented window by window


@dataclass(frozen=True)
class Validation:
    """Means over the validation cases.

    Attributes:
        loss: L_GT.
        dice: region to mean Dice; a region absent from prediction and reference counts as 1.
    """

    loss: float
    dice: dict[str, float]

    @property
    def score(self) -> float:
        """Mean Dice over regions, which chooses the checkpoint."""
        return float(np.mean(list(self.dice.values())))


@torch.inference_mode()
def validate_case(
    network: SegmentationNetwork,
    case: PreparedCase,
    channels: Sequence[int],
    labels: LabelTable,
    device: torch.device,
    window: tuple[int, int, int],
) -> Validation:
    """Segment one prepared case and compare it with its reference."""
    image = torch.from_numpy(np.array(case.image[list(channels)], dtype=np.float32))[None].to(device)
    logits = _whole_logits(network, image, window)
    target = torch.from_numpy(labels.encode(np.asarray(case.labelmap)))[None].to(device)
    labelmap = labels.decode(logits)[0].cpu().numpy()
    reference = np.asarray(case.labelmap)
    masks = [
        torch.from_numpy(np.stack([np.isin(m, r.values) for r in labels.regions]))[None] for m in (labelmap, reference)
    ]
    dice = compute_dice(masks[0], masks[1], include_background=True, ignore_empty=False)[0]
    loss = ReferenceLoss(labels.mode)(logits.float(), target.float())
    return Validation(float(loss), {region.name: float(value) for region, value in zip(labels.regions, dice, strict=True)})


def mean_validation(cases: Sequence[Validation]) -> Validation:
    """The mean over cases."""
    regions = cases[0].dice
    return Validation(
        float(np.mean([case.loss for case in cases])),
        {region: float(np.mean([case.dice[region] for case in cases])) for region in regions},
    )


def _whole_logits(network: SegmentationNetwork, image: torch.Tensor, window: tuple[int, int, int]) -> torch.Tensor:
    shape = image.shape[2:]
    if shape.numel() > WHOLE_CASE_VOXELS:
        logits: torch.Tensor = sliding_window_inference(
            image, window, 1, lambda patch: network(patch).logits, overlap=0.25, mode="gaussian"
        )
        return logits
    padding = [amount for size in reversed(shape) for amount in (0, -size % network.stride)]
    padded = functional.pad(image, padding)
    return network(padded).logits[..., : shape[0], : shape[1], : shape[2]]
