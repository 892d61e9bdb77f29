"""The network of HD-BET (Isensee et al., Human Brain Mapping 2019, Apache-2.0), for the weights that its authors publish.

Written anew, with names that fit their state dict, because importing their package creates folders and needs scikit-image.
"""

from __future__ import annotations

import itertools
from contextlib import nullcontext

import torch
from torch import nn
from torch.nn import functional

from kdnet.networks.base import NetworkOutput, SegmentationNetwork

FILTERS = 21
LEVELS = 5
SLOPE, OUTER_SLOPE = 0.01, 0.1  # of leaky ReLU, within blocks and between them


class HdBetNetwork(SegmentationNetwork):
    """HD-BET's residual U-Net, from one scan to the channels background and brain.

    Args:
        reduced: whether to compute in bfloat16, in half the memory and, on CPUs that support it, a fraction of the time.
    """

    def __init__(self, *, reduced: bool = False) -> None:
        super().__init__()
        self.reduced = reduced
        self.stride = 2 ** (LEVELS - 1)
        widths = [FILTERS * 2**level for level in range(LEVELS)]
        self.bottleneck_features = widths[-1]
        self.init_conv = nn.Conv3d(1, FILTERS, 3, padding=1)
        for level, width in enumerate(widths, start=1):
            self.add_module(f"context{level}", _Context(width))
        for level, (width, deeper) in enumerate(itertools.pairwise(widths), start=1):
            self.add_module(f"down{level}", _Down(width, deeper))
            self.add_module(f"up{LEVELS - level}", _Up(deeper, width))
        for level in range(1, LEVELS - 1):
            width = widths[LEVELS - 1 - level]
            self.add_module(f"loc{level}", _Localization(2 * width, width))
        self.bn_after_context5 = _norm(widths[-1])
        self.end_conv_1, self.end_conv_1_bn = nn.Conv3d(2 * FILTERS, 2 * FILTERS, 3, padding=1), _norm(2 * FILTERS)
        self.end_conv_2, self.end_conv_2_bn = nn.Conv3d(2 * FILTERS, 2 * FILTERS, 3, padding=1), _norm(2 * FILTERS)
        self.seg_layer = nn.Conv3d(2 * FILTERS, 2, 1, bias=False)

    def forward(self, image: torch.Tensor) -> NetworkOutput:
        """Segment ``image`` ``[batch, 1, i, j, k]``, which is standardized first."""
        kind = torch.autocast(image.device.type, torch.bfloat16) if self.reduced else nullcontext()
        deviation, mean = torch.std_mean(image, dim=(1, 2, 3, 4), keepdim=True)
        with kind:
            return self._logits((image - mean) / deviation.clamp_min(1e-6))

    def _logits(self, image: torch.Tensor) -> NetworkOutput:
        features, skips = self.init_conv(image), []
        for level in range(1, LEVELS):
            skip, features = self.get_submodule(f"down{level}")(self.get_submodule(f"context{level}")(features))
            skips.append(skip)
        bottleneck = self.get_submodule(f"context{LEVELS}")(features)
        features = functional.leaky_relu(self.bn_after_context5(bottleneck), OUTER_SLOPE, inplace=True)
        for level in range(1, LEVELS):
            features = torch.cat((skips.pop(), self.get_submodule(f"up{level}")(features)), dim=1)
            if level < LEVELS - 1:
                features = self.get_submodule(f"loc{level}")(features)
        features = functional.leaky_relu(self.end_conv_1_bn(self.end_conv_1(features)), OUTER_SLOPE, inplace=True)
        features = functional.leaky_relu(self.end_conv_2_bn(self.end_conv_2(features)), OUTER_SLOPE, inplace=True)
        return NetworkOutput(self.seg_layer(features), bottleneck)

    def output_layers(self) -> tuple[nn.Module, ...]:
        """Return the last convolution."""
        return (self.seg_layer,)

    def input_layer(self) -> nn.Conv3d:
        """Return the first convolution."""
        return self.init_conv


class _Context(nn.Module):
    """Two normalized convolutions around which the input is passed on."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bn_1, self.conv1 = _norm(width), nn.Conv3d(width, width, 3, padding=1)
        self.bn_2, self.conv2 = _norm(width), nn.Conv3d(width, width, 3, padding=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        inner: torch.Tensor = self.conv1(_active(self.bn_1(features)))
        inner = self.conv2(_active(self.bn_2(inner)))
        return inner + features


class _Down(nn.Module):
    """Half the grid; returns the skip connection too."""

    def __init__(self, width: int, deeper: int) -> None:
        super().__init__()
        self.bn, self.downsample = _norm(width), nn.Conv3d(width, deeper, 3, stride=2, padding=1)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        skip = _active(self.bn(features))
        return skip, self.downsample(skip)


class _Up(nn.Module):
    """Twice the grid."""

    def __init__(self, deeper: int, width: int) -> None:
        super().__init__()
        self.upsample_conv, self.bn = nn.Conv3d(deeper, width, 3, padding=1), _norm(width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        finer = functional.interpolate(features, scale_factor=2, mode="trilinear", align_corners=True)
        return _active(self.bn(self.upsample_conv(finer)))


class _Localization(nn.Module):
    """Combines a skip connection with what comes from below."""

    def __init__(self, both: int, width: int) -> None:
        super().__init__()
        self.conv1, self.bn_1 = nn.Conv3d(both, both, 3, padding=1), _norm(both)
        self.conv2, self.bn_2 = nn.Conv3d(both, width, 1), _norm(width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return _active(self.bn_2(self.conv2(_active(self.bn_1(self.conv1(features))))))


def _norm(width: int) -> nn.InstanceNorm3d:
    return nn.InstanceNorm3d(width, affine=True)


def _active(features: torch.Tensor) -> torch.Tensor:
    return functional.leaky_relu(features, SLOPE, inplace=True)
