"""The attention U-Net: MONAI's AttentionUnet (Oktay et al., MIDL 2018) behind the common interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

from kdnet.errors import SettingsError
from kdnet.monai_part import monai_part
from kdnet.networks.base import NetworkOutput, SegmentationNetwork

AttentionUnet = monai_part("monai.networks.nets.attentionunet", "AttentionUnet")


class AttentionUNet(SegmentationNetwork):
    """AttentionUnet with its bottleneck.

    Args:
        in_channels: number of modalities.
        out_channels: number of channels of the label table.
        channels: features per level, finest first; each level halves the previous grid.
        deep_supervision: must be 0; the architecture has no such heads.
        arguments: other arguments of ``monai.networks.nets.AttentionUnet``.

    Raises:
        SettingsError: when deep supervision is requested.
    """

    def __init__(
        self, in_channels: int, out_channels: int, channels: Sequence[int], deep_supervision: int = 0, **arguments: Any
    ) -> None:
        super().__init__()
        if deep_supervision:
            raise SettingsError("deep_supervision must be 0 for attention_unet, which has no coarser outputs.")
        strides = [2] * (len(channels) - 1)
        self.net = AttentionUnet(
            spatial_dims=3,
            in_channels=in_channels,
            out_channels=out_channels,
            channels=list(channels),
            strides=strides,
            **arguments,
        )
        self.stride = 2 ** len(strides)
        self.bottleneck_features = channels[-1]

    def forward(self, image: torch.Tensor) -> NetworkOutput:
        """Segment ``image`` ``[batch, modality, i, j, k]``."""
        latents: list[torch.Tensor] = []
        # The deepest block is inside nested modules whose forward returns only the final features.
        handle = self._deepest().register_forward_hook(lambda _module, _inputs, output: latents.append(output))
        try:
            logits = self.net(image)
        finally:
            handle.remove()
        return NetworkOutput(logits, latents[0])

    def output_layers(self) -> tuple[nn.Module, ...]:
        """Return the last 1x1x1 convolution."""
        return (next(layer for layer in self.net.model[2].modules() if isinstance(layer, nn.Conv3d)),)

    def input_layer(self) -> nn.Conv3d:
        """Return the first convolution of the head."""
        return next(layer for layer in self.net.model[0].modules() if isinstance(layer, nn.Conv3d))

    def _deepest(self) -> nn.Module:
        block = self.net.model[1].submodule
        while isinstance(block, nn.Sequential) and type(block[1]).__name__ == "AttentionLayer":
            block = block[1].submodule
        return cast(nn.Module, block)
