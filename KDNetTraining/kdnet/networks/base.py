"""The one interface that distillation, training and inference know of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn


class NetworkOutput(NamedTuple):
    """What a forward pass gives.

    Attributes:
        logits: ``[batch, channel, i, j, k]`` on the grid of the input, before sigma.
        bottleneck: ``[batch, feature, i', j', k']``, the latent tensor E(x) of docs/method.md section 1.
        auxiliary: logits of deep supervision on coarser grids, finest first; empty in evaluation mode.
    """

    logits: torch.Tensor
    bottleneck: torch.Tensor
    auxiliary: tuple[torch.Tensor, ...] = ()


class SegmentationNetwork(nn.Module, ABC):
    """An encoder-decoder with skip connections that also gives its bottleneck.

    Attributes:
        stride: the input size must be a multiple of this along each axis.
        bottleneck_features: number of channels of the bottleneck; 0 for a network of others that does not tell it.
        output_order: which output of the last layer gives each channel of the logits; as they are when empty.
    """

    stride: int
    bottleneck_features: int
    output_order: tuple[int, ...] = ()

    if TYPE_CHECKING:

        def __call__(self, image: torch.Tensor) -> NetworkOutput:
            """What ``nn.Module`` does: :meth:`forward` with hooks; here for its type."""

    @abstractmethod
    def forward(self, image: torch.Tensor) -> NetworkOutput:
        """Segment ``image`` ``[batch, modality, i, j, k]``."""

    @abstractmethod
    def output_layers(self) -> tuple[nn.Module, ...]:
        """The convolutions that give logits, so that a recipe can set their bias to the prior of the labels."""

    @abstractmethod
    def input_layer(self) -> nn.Conv3d:
        """The convolution that sees the modalities, so that a student can start from its teacher."""
