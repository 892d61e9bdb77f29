"""The teacher of a student in training."""

from __future__ import annotations

from collections.abc import Sequence

from kdnet.networks.base import SegmentationNetwork


class Teacher:
    """A frozen network in evaluation mode, without gradients (docs/method.md section 2).

    Args:
        network: the trained teacher.
        channels: its input channels in the full image stack, in its order.
    """

    def __init__(self, network: SegmentationNetwork, channels: Sequence[int]) -> None:
        self.network = network.eval().requires_grad_(False)
        self.channels = list(channels)
