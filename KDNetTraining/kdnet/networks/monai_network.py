"""Third-party networks behind the common interface: MONAI classes from a short list, with plain arguments.

A description names a class and its arguments; nothing in it is evaluated.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from monai.networks import nets
from monai.networks.layers import SkipConnection
from torch import nn

from kdnet.errors import SettingsError
from kdnet.networks.base import NetworkOutput, SegmentationNetwork
from kdnet.networks.monai_bundle import CLASSES
from kdnet.networks.plain_values import check_plain

TRANSFORMERS = ("UNETR", "SwinUNETR")

COMMON_STRIDE = 32  # assumed for a network whose number of levels is unknown


class MonaiNetwork(SegmentationNetwork):
    """A network of ``monai.networks.nets`` that was trained elsewhere.

    Its bottleneck is known for SegResNet, DynUNet and UNet. The others return logits only: their bottleneck is an empty
    tensor and ``bottleneck_features`` is 0.

    Args:
        in_channels: number of modalities.
        out_channels: number of channels of the label table.
        network: name of the class, one of :data:`~kdnet.networks.monai_bundle.CLASSES`.
        arguments: its keyword arguments, plain values.
        output_order: index of its output for each channel of the label table; unchanged order when empty.
        deep_supervision: unused; model files specify it for every network.

    Raises:
        ImportError: when the class needs a package that is not installed.
        SettingsError: for a class that is not on the list, or arguments that are not plain values.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        network: str,
        arguments: Mapping[str, Any],
        output_order: Sequence[int] = (),
        deep_supervision: int = 0,  # noqa: ARG002 - see above
    ) -> None:
        super().__init__()
        if network not in CLASSES:
            raise SettingsError(f'the network "{network}" is unknown: choose one of {", ".join(CLASSES)}.')
        check_plain(arguments)
        if network in TRANSFORMERS:  # MONAI imports it only on the first forward pass
            importlib.import_module("einops")
        if arguments.get("spatial_dims", 3) != 3:
            raise SettingsError(f"{network} has {arguments['spatial_dims']} dimensions: choose a network for volumes.")
        fixed = {"spatial_dims": 3, "in_channels": in_channels, "out_channels": out_channels}
        self.net = getattr(nets, network)(**{**arguments, **fixed})
        self.output_order = tuple(output_order)
        self._channels = out_channels
        self.stride, self.bottleneck_features = COMMON_STRIDE, 0
        if network == "DynUNet":
            # it registers every block twice; a model file must contain each weight once
            del self.net.skip_layers
        deepest = self._deepest()
        if deepest is not None:
            self.stride, self.bottleneck_features = _levels(self.net)

    def forward(self, image: torch.Tensor) -> NetworkOutput:
        """Segment ``image`` ``[batch, modality, i, j, k]``."""
        if isinstance(self.net, nets.DynUNet):
            return self._forward_dynunet(image)
        latents: list[torch.Tensor] = []
        deepest = self._deepest()
        if deepest is None:
            return self._output(self.net(image), image.new_empty(0))
        handle = deepest.register_forward_hook(lambda _module, _inputs, output: latents.append(output))
        try:
            logits = self.net(image)
        finally:
            handle.remove()
        return self._output(logits, latents[0])

    def output_layers(self) -> tuple[nn.Module, ...]:
        """Return the last convolution with as many output channels as there are labels."""
        found = [layer for layer in self.net.modules() if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d)]
        return tuple([layer for layer in found if layer.out_channels == self._channels][-1:])

    def input_layer(self) -> nn.Conv3d:
        """Return the first convolution."""
        return next(layer for layer in self.net.modules() if isinstance(layer, nn.Conv3d))

    def _forward_dynunet(self, image: torch.Tensor) -> NetworkOutput:
        """Run DynUNet without its second registry of blocks; deep supervision heads are only used in training."""
        skips = [self.net.input_block(image)]
        for block in self.net.downsamples:
            skips.append(block(skips[-1]))
        features = bottleneck = self.net.bottleneck(skips[-1])
        for block, skip in zip(self.net.upsamples, reversed(skips), strict=True):
            features = block(features, skip)
        return self._output(self.net.output_block(features), bottleneck)

    def _output(self, logits: Any, bottleneck: torch.Tensor) -> NetworkOutput:
        if isinstance(logits, list | tuple):  # the finest of several
            logits = logits[0]
        return NetworkOutput(logits[:, list(self.output_order)] if self.output_order else logits, bottleneck)

    def _deepest(self) -> nn.Module | None:
        net = self.net
        if isinstance(net, nets.SegResNet):
            return net.down_layers[-1]  # type: ignore[no-any-return]
        if isinstance(net, nets.DynUNet):
            return net.bottleneck  # type: ignore[no-any-return]
        if not isinstance(net, nets.UNet):
            return None
        block = net.model
        while isinstance(block, nn.Sequential) and len(block) > 1 and isinstance(block[1], SkipConnection):
            block = block[1].submodule
        return block  # type: ignore[no-any-return]


def _levels(net: Any) -> tuple[int, int]:
    """Return the bottleneck's downsampling factor relative to the image, and its number of features."""
    if isinstance(net, nets.SegResNet):
        stride = 2 ** (len(net.blocks_down) - 1)
        return stride, net.init_filters * stride
    features = net.filters[-1] if isinstance(net, nets.DynUNet) else net.channels[-1]
    stride = 1
    for step in net.strides:
        stride *= max(step) if isinstance(step, list | tuple) else step
    return stride, int(features)
