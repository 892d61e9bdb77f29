"""Named architectures for recipes and the training panel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from kdnet.errors import SettingsError


@dataclass(frozen=True)
class Preset:
    """An architecture with its arguments.

    Attributes:
        architecture: as in :class:`~kdnet.networks.NetworkSpec`.
        arguments: keyword arguments of its class.
        use: one sentence on when to choose it.
    """

    architecture: str
    use: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def spec(self, in_channels: int, out_channels: int, deep_supervision: int = 0) -> NetworkSpec:
        """Return the network specification for the given numbers of modalities and label channels."""
        arguments = {**self.arguments, "deep_supervision": deep_supervision}
        return NetworkSpec(self.architecture, in_channels, out_channels, arguments)


INSTANCE = ("INSTANCE", {"affine": True})

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "segresnet-4": Preset(
            "segresnet",
            "Tiny residual U-Net for demonstrations and tests.",
            {"init_filters": 4, "blocks_down": [1, 1, 1], "blocks_up": [1, 1], "norm": INSTANCE},
        ),
        "segresnet-8": Preset(
            "segresnet",
            "Residual U-Net that trains on two CPU cores.",
            {"init_filters": 8, "blocks_down": [1, 2, 2, 4], "blocks_up": [1, 1, 1], "norm": INSTANCE},
        ),
        "segresnet-16": Preset(
            "segresnet",
            "Residual U-Net for strong CPUs and small GPUs.",
            {"init_filters": 16, "blocks_down": [1, 2, 2, 4], "blocks_up": [1, 1, 1], "norm": INSTANCE},
        ),
        "dynunet-8-shallow": Preset(
            "dynunet", "Tiny nnU-Net-like U-Net for demonstrations and tests.", {"filters": [8, 16, 32]}
        ),
        "dynunet-12": Preset(
            "dynunet",
            "Thin nnU-Net-like U-Net that learns most per minute on two CPU cores.",
            {"filters": [12, 24, 48, 96]},
        ),
        "dynunet-8": Preset("dynunet", "Thin nnU-Net-like U-Net for CPUs.", {"filters": [8, 16, 32, 64, 96]}),
        "dynunet-16": Preset("dynunet", "nnU-Net-like U-Net, KD-Net's size.", {"filters": [16, 32, 64, 128, 256]}),
        "dynunet-32": Preset("dynunet", "nnU-Net's full size for 3D, for GPUs.", {"filters": [32, 64, 128, 256, 320, 320]}),
        "attention-8": Preset(
            "attention_unet", "Thin attention U-Net for CPUs.", {"channels": [8, 16, 32, 64], "dropout": 0.0}
        ),
        "attention-32": Preset(
            "attention_unet", "Attention U-Net for GPUs.", {"channels": [32, 64, 128, 256, 512], "dropout": 0.0}
        ),
    }
)


def preset(name: str) -> Preset:
    """Return the preset named ``name``.

    Raises:
        SettingsError: listing the available presets.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise SettingsError(f'network "{name}" is unknown: choose one of {", ".join(PRESETS)}.') from None


def matching_preset(spec: NetworkSpec) -> str:
    """Return the name of the preset with the architecture of ``spec``, whatever its channels; empty if there is none."""
    wanted = _plain({name: value for name, value in spec.arguments.items() if name != "deep_supervision"})
    same = (
        name
        for name, item in PRESETS.items()
        if item.architecture == spec.architecture and _plain(item.arguments) == wanted
    )
    return next(same, "")


def _plain(arguments: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(arguments)))  # tuples become lists, as in a model file


@dataclass(frozen=True)
class NetworkSpec:
    """Everything needed to rebuild a network, as stored in a model file.

    Attributes:
        architecture: ``"dynunet"``, ``"segresnet"``, ``"attention_unet"``, ``"monai"`` for one trained elsewhere, or
            ``"combined"`` for several in one.
        in_channels: number of modalities.
        out_channels: number of channels of the label table.
        arguments: keyword arguments of the architecture's class, plain JSON values.
    """

    architecture: str
    in_channels: int
    out_channels: int
    arguments: Mapping[str, Any] = field(default_factory=dict)
