"""Several trained networks as one: each sees its own modalities, and each region comes from those that find it best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from kdnet.errors import SettingsError
from kdnet.networks.base import NetworkOutput, SegmentationNetwork
from kdnet.networks.factory import build_network
from kdnet.schema.networks import NetworkSpec

MOST_PARTS = 8


class CombinedNetwork(SegmentationNetwork):
    """Networks that were trained apart and segment together, for example one of T1ce and one of FLAIR.

    It is for inference: it has no bottleneck to distill from, and no encoder of its own.

    Args:
        in_channels: number of modalities.
        out_channels: number of channels of the label table.
        parts: of each network, ``architecture``, ``arguments``, and ``inputs``, the channels that it sees.
        sources: for each output channel, the networks whose logits are averaged, as positions in ``parts``.
        contained: for each output channel, the channels that lie in it: it is at least as probable as these.
        deep_supervision: unused; model files specify it for every network.

    Raises:
        SettingsError: for parts that cannot be built, or channels that do not exist.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        parts: Sequence[Mapping[str, Any]],
        sources: Sequence[Sequence[int]],
        contained: Sequence[Sequence[int]],
        deep_supervision: int = 0,  # noqa: ARG002 - see above
    ) -> None:
        super().__init__()
        if not 1 <= len(parts) <= MOST_PARTS:
            raise SettingsError(f"{len(parts)} networks are combined: combine 1 to {MOST_PARTS}.")
        self._inputs = [_positions(part["inputs"], in_channels, "input") for part in parts]
        self._sources = [_positions(chosen, len(parts), "network") for chosen in sources]
        self._contained = [_positions(inner, out_channels, "output") if inner else [] for inner in contained]
        if not len(self._sources) == len(self._contained) == out_channels:
            raise SettingsError(f"{len(self._sources)} outputs are combined, but the labels need {out_channels}.")
        self.parts = nn.ModuleList(
            _part(part, len(inputs), out_channels) for part, inputs in zip(parts, self._inputs, strict=True)
        )
        self.stride = math.lcm(*(part.stride for part in self._networks()))
        self.bottleneck_features = 0

    def forward(self, image: torch.Tensor) -> NetworkOutput:
        """Segment ``image`` ``[batch, modality, i, j, k]``; the bottleneck is an empty tensor."""
        logits = [part(image[:, inputs]).logits for part, inputs in zip(self._networks(), self._inputs, strict=True)]
        channels = [
            torch.stack([logits[index][:, channel] for index in chosen]).mean(dim=0)
            for channel, chosen in enumerate(self._sources)
        ]
        lifted = [
            torch.stack([channels[index] for index in (own, *inner)]).amax(dim=0)
            for own, inner in enumerate(self._contained)
        ]
        return NetworkOutput(torch.stack(lifted, dim=1), image.new_empty(0))

    def output_layers(self) -> tuple[nn.Module, ...]:
        """Return the convolutions that produce logits, those of all parts."""
        return tuple(layer for part in self._networks() for layer in part.output_layers())

    def input_layer(self) -> nn.Conv3d:
        """Return the first convolution of the first part."""
        return self._networks()[0].input_layer()

    def _networks(self) -> list[SegmentationNetwork]:
        return list(self.parts)  # type: ignore[arg-type]


def _part(part: Mapping[str, Any], in_channels: int, out_channels: int) -> SegmentationNetwork:
    if part["architecture"] == "combined":
        raise SettingsError("a combination contains another one: combine its parts instead.")
    return build_network(NetworkSpec(str(part["architecture"]), in_channels, out_channels, part["arguments"]))


def _positions(values: Sequence[int], count: int, what: str) -> list[int]:
    """Return the positions ``values``, at least one, all below ``count``."""
    if not values or not all(type(value) is int and 0 <= value < count for value in values):
        raise SettingsError(f"the {what}s {list(values)} of a combination are not positions from 0 to {count - 1}.")
    return list(values)
