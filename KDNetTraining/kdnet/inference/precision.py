"""Whether a model is computed in 16 bits: only where that is native, and its labels were shown to agree with 32 bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from kdnet.device import computes_bfloat16
from kdnet.inference.sliding_window import forward
from kdnet.networks.base import SegmentationNetwork
from kdnet.schema.labels import LabelTable

BFLOAT16_AGREEMENT = "bfloat16_agreement"
"""Name of the agreement among the figures of a model card."""

LEAST_AGREEMENT = 0.995  # Dice between the labels of both


def reduced_precision(device: torch.device, figures: Mapping[str, Any]) -> torch.dtype | None:
    """Return the type to compute in first on ``device``, None for float32.

    Args:
        device: device to compute on.
        figures: figures of the model card.
    """
    measured = figures.get(BFLOAT16_AGREEMENT)
    agrees = isinstance(measured, int | float) and measured >= LEAST_AGREEMENT
    if device.type == "cuda" and (agrees or measured is None):
        # bfloat16 has the range of float32, in which networks are validated; float16 ends at 65,504
        return torch.bfloat16 if computes_bfloat16(device) else torch.float16
    if device.type == "cpu" and agrees and computes_bfloat16(device):
        return torch.bfloat16
    return None


@torch.inference_mode()
def bfloat16_agreement(
    network: SegmentationNetwork, images: Iterable[torch.Tensor], labels: LabelTable, window: int = 0
) -> float:
    """Return the Dice between labels computed in bfloat16 and in float32, over all images, of the region with the lowest.

    Args:
        network: in evaluation mode.
        images: prepared images ``[1, modality, i, j, k]`` on the network's device.
        labels: its label table.
        window: edge length of its windows, 0 for whole heads.
    """
    common = {region.name: 0 for region in labels.regions}
    total = dict(common)
    for image in images:
        found = []
        for reduced in (True, False):
            with torch.autocast(image.device.type, dtype=torch.bfloat16, enabled=reduced):
                logits = forward(network, image, labels.mode, window=window)
            # each voxel by itself: a part that is just large enough in one of them would say little about precision
            found.append(labels.decode(logits.float()))
        for region in labels.regions:
            values = torch.tensor(region.values, device=image.device)
            one, other = (torch.isin(labelmap, values) for labelmap in found)
            common[region.name] += 2 * int((one & other).sum())
            total[region.name] += int(one.sum()) + int(other.sum())
    return min((common[name] / total[name] if total[name] else 1.0) for name in common)
