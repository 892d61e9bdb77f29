"""The nnU-Net-like U-Net: MONAI's DynUNet (Isensee et al., Nature Methods 2021) behind the common interface."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import nn

from kdnet.monai_part import monai_part
from kdnet.networks.base import NetworkOutput, SegmentationNetwork

DynUNet = monai_part("monai.networks.nets.dynunet", "DynUNet")


class DynUNetWrapper(SegmentationNetwork):
    """DynUNet with its bottleneck and, on request, deep supervision.

    Args:
        in_channels: number of modalities.
        out_channels: number of channels of the label table.
        filters: features per level, finest first; each level halves the previous grid.
        deep_supervision: number of coarser decoder levels that also output logits in training.
        arguments: other arguments of ``monai.networks.nets.DynUNet`` (``res_block``, ``norm_name``, ...).
    """

    def __init__(
        self, in_channels: int, out_channels: int, filters: Sequence[int], deep_supervision: int = 0, **arguments: Any
    ) -> None:
        super().__init__()
        strides = [1, *(2 for _ in filters[1:])]
        self.net = DynUNet(
            spatial_dims=3,
            in_channels=in_channels,
            out_channels=out_channels,
            kernel_size=[3] * len(filters),
            strides=strides,
            upsample_kernel_size=strides[1:],
            filters=list(filters),
            **arguments,
        )
        # DynUNet registers every block a second time under skip_layers; a model file must hold each weight once.
        del self.net.skip_layers
        self.stride = prod(strides)
        self.bottleneck_features = filters[-1]
        self.heads = nn.ModuleList(
            nn.Conv3d(features, out_channels, kernel_size=1) for features in filters[1:-1][:deep_supervision]
        )

    def forward(self, image: torch.Tensor) -> NetworkOutput:
        """Segment ``image`` ``[batch, modality, i, j, k]``."""
        skips = [self.net.input_block(image)]
        for block in self.net.downsamples:
            skips.append(block(skips[-1]))
        bottleneck = self.net.bottleneck(skips[-1])
        features, level_features = bottleneck, []
        for block, skip in zip(self.net.upsamples, reversed(skips), strict=True):
            features = block(features, skip)
            level_features.append(features)
        logits = self.net.output_block(features)
        coarser = level_features[-2::-1]
        auxiliary = tuple(head(level) for head, level in zip(self.heads, coarser, strict=False)) if self.training else ()
        return NetworkOutput(logits, bottleneck, auxiliary)

    def output_layers(self) -> tuple[nn.Module, ...]:
        """Return the output convolution and those of the deep supervision heads."""
        last = next(layer for layer in self.net.output_block.modules() if isinstance(layer, nn.Conv3d))
        return (last, *self.heads)

    def encoder(self) -> tuple[nn.Module, ...]:
        """Return the input block, the downsampling blocks, and the bottleneck."""
        return (self.net.input_block, *self.net.downsamples, self.net.bottleneck)

    def input_layer(self) -> nn.Conv3d:
        """Return the first convolution of the input block."""
        return next(layer for layer in self.net.input_block.modules() if isinstance(layer, nn.Conv3d))
