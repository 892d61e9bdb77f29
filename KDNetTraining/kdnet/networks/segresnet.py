"""The residual U-Net: MONAI's SegResNet (Myronenko, BrainLes 2018) behind the common interface."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from kdnet.monai_part import monai_part
from kdnet.networks.base import NetworkOutput, SegmentationNetwork

SegResNet = monai_part("monai.networks.nets.segresnet", "SegResNet")


class SegResNetWrapper(SegmentationNetwork):
    """SegResNet with its bottleneck and, on request, deep supervision.

    Args:
        in_channels: number of modalities.
        out_channels: number of channels of the label table.
        deep_supervision: number of coarser decoder levels that also output logits in training.
        arguments: of ``monai.networks.nets.SegResNet``.
    """

    def __init__(self, in_channels: int, out_channels: int, deep_supervision: int = 0, **arguments: Any) -> None:
        super().__init__()
        self.net = SegResNet(spatial_dims=3, in_channels=in_channels, out_channels=out_channels, **arguments)
        levels = len(self.net.blocks_down)
        self.stride = 2 ** (levels - 1)
        self.bottleneck_features = self.net.init_filters * self.stride
        # The last decoder level is the output itself; the heads are on the levels just below it, finest first.
        self.heads = nn.ModuleList(
            nn.Conv3d(self.net.init_filters * 2 ** (level + 1), out_channels, kernel_size=1)
            for level in range(min(deep_supervision, levels - 2))
        )

    def forward(self, image: torch.Tensor) -> NetworkOutput:
        """Segment ``image`` ``[batch, modality, i, j, k]``."""
        bottleneck, skips = self.net.encode(image)
        skips.reverse()
        features, level_features = bottleneck, []
        for level, (upsample, block) in enumerate(zip(self.net.up_samples, self.net.up_layers, strict=True)):
            features = block(upsample(features) + skips[level + 1])
            level_features.append(features)
        logits = self.net.conv_final(features)
        coarser = level_features[-2::-1]
        auxiliary = tuple(head(level) for head, level in zip(self.heads, coarser, strict=False)) if self.training else ()
        return NetworkOutput(logits, bottleneck, auxiliary)

    def output_layers(self) -> tuple[nn.Module, ...]:
        """Return the last convolution and those of the deep supervision heads."""
        last = next(layer for layer in self.net.conv_final[2].modules() if isinstance(layer, nn.Conv3d))
        return (last, *self.heads)

    def encoder(self) -> tuple[nn.Module, ...]:
        """Return the initial convolution and the downsampling levels."""
        return (self.net.convInit, *self.net.down_layers)

    def input_layer(self) -> nn.Conv3d:
        """Return SegResNet's initial convolution."""
        return next(layer for layer in self.net.convInit.modules() if isinstance(layer, nn.Conv3d))
