"""The single network interface used by distillation, training, and inference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn


class NetworkOutput(NamedTuple):
    """Result of a forward pass.

    Attributes:
        logits: ``[batch, channel, i, j, k]`` on the grid of the input, before sigma.
        bottleneck: ``[batch, feature, i', j', k']``, the latent tensor E(x) of docs/method.md section 1.
        auxiliary: logits of deep supervision on coarser grids, finest first; empty in evaluation mode.
    """

    logits: torch.Tensor
    bottleneck: torch.Tensor
    auxiliary: tuple[torch.Tensor, ...] = ()


class SegmentationNetwork(nn.Module, ABC):
    """An encoder-decoder with skip connections that also returns its bottleneck.

    Attributes:
        stride: the input size must be a multiple of this along each axis.
        bottleneck_features: number of channels of the bottleneck; 0 for a third-party network that does not expose it.
        output_order: index of the last layer's output for each channel of the logits; unchanged order when empty.
    """

    stride: int
    bottleneck_features: int
    output_order: tuple[int, ...] = ()

    if TYPE_CHECKING:

        def __call__(self, image: torch.Tensor) -> NetworkOutput:
            """Run :meth:`forward` with hooks, as ``nn.Module`` does; declared here for its type."""

    @abstractmethod
    def forward(self, image: torch.Tensor) -> NetworkOutput:
        """Segment ``image`` ``[batch, modality, i, j, k]``."""

    @abstractmethod
    def output_layers(self) -> tuple[nn.Module, ...]:
        """Return the convolutions that produce logits, so that a recipe can set their bias to the label prior."""

    def encoder(self) -> tuple[nn.Module, ...]:
        """Return the modules from the input to the bottleneck; empty if they cannot be separated from the decoder."""
        return ()

    @abstractmethod
    def input_layer(self) -> nn.Conv3d:
        """Return the convolution that takes the modalities, so that a student can start from its teacher."""
