"""A trained network that another training starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdnet.networks.base import SegmentationNetwork
from kdnet.schema.labels import LabelTable


@dataclass(frozen=True, eq=False)
class StartingPoint:
    """A trained network; it is not changed.

    Attributes:
        network: the network.
        channels: its input channels in the full image stack, in its order.
        labels: what its output channels stand for.
    """

    network: SegmentationNetwork
    channels: Sequence[int]
    labels: LabelTable
