"""Run the forward pass over a prepared image: whole if memory allows, otherwise window by window."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch.nn import functional

from kdnet.monai_part import monai_part
from kdnet.networks.base import SegmentationNetwork
from kdnet.schema.labels import LabelMode

WHOLE_VOXELS = 160 * 192 * 160  # a whole brain at 1 mm; larger images are processed window by window

WINDOW = 128

OVERLAP = 0.5

CERTAIN = 20.0  # logit for certainty: outside the patient there is nothing to segment

Step = Callable[[], None]


def forward(
    network: SegmentationNetwork,
    image: torch.Tensor,
    mode: LabelMode,
    *,
    tta: bool = False,
    window: int = 0,
    whole_voxels: int = WHOLE_VOXELS,
    step: Step = lambda: None,
) -> torch.Tensor:
    """Compute the logits ``[1, channel, i, j, k]`` of ``image`` ``[1, modality, i, j, k]``, on its grid.

    Args:
        network: in evaluation mode.
        image: prepared image; background is 0.
        mode: how channels map to labels.
        tta: average over all eight mirrored images.
        window: edge length of sliding windows, 0 for the whole image at once. A network with instance normalization
            trained on small patches does better in windows, because its statistics then resemble those of training.
        whole_voxels: largest image to process at once.
        step: called after each forward pass.
    """
    mirrors: list[tuple[int, ...]] = [()]
    if tta:
        mirrors = [axes for count in range(4) for axes in itertools.combinations((2, 3, 4), count)]
    total = torch.zeros(())
    for axes in mirrors:
        mirrored = image.flip(axes) if axes else image
        whole = _fits(image, window, whole_voxels)
        logits = _whole(network, mirrored) if whole else _windowed(network, mirrored, mode, window or WINDOW, step)
        if whole:
            step()
        total = total.to(logits) + (logits.flip(axes) if axes else logits)
    return total / len(mirrors) if len(mirrors) > 1 else total


def passes(image: torch.Tensor, *, tta: bool = False, window: int = 0, whole_voxels: int = WHOLE_VOXELS) -> int:
    """Return approximately how many times :func:`forward` will call ``step``."""
    count = 1
    if not _fits(image, window, whole_voxels):
        edge = window or WINDOW
        for size in image.shape[2:]:
            count *= max(1, -(-(size - edge) // round(edge * (1 - OVERLAP))) + 1)
    return count * (8 if tta else 1)


def _fits(image: torch.Tensor, window: int, whole_voxels: int) -> bool:
    return not window and image[0, 0].numel() <= whole_voxels


def _whole(network: SegmentationNetwork, image: torch.Tensor) -> torch.Tensor:
    shape = image.shape[2:]
    padding = [amount for size in reversed(shape) for amount in (0, -size % network.stride)]
    if max(shape) <= network.stride:  # instance norm needs more than one voxel at the bottleneck
        padding[-1] += network.stride
    logits = network(functional.pad(image, padding)).logits
    return logits[..., : shape[0], : shape[1], : shape[2]].float()


def _windowed(network: SegmentationNetwork, image: torch.Tensor, mode: LabelMode, edge: int, step: Step) -> torch.Tensor:
    channels = 0  # known after the first pass, which always runs, whatever its window contains

    def predict(window: torch.Tensor) -> torch.Tensor:
        nonlocal channels
        if not channels or window.any():
            logits = network(window).logits.float()
            channels = logits.shape[1]
        if not window.any():  # only background: nothing to compute
            logits = window.new_full((len(window), channels, *window.shape[2:]), -CERTAIN)
            if mode is LabelMode.EXCLUSIVE:
                logits[:, 0] = CERTAIN
        step()
        return logits

    sliding_window_inference = monai_part("monai.inferers.utils", "sliding_window_inference")
    result: torch.Tensor = sliding_window_inference(image, (edge, edge, edge), 1, predict, overlap=OVERLAP, mode="gaussian")
    return result
