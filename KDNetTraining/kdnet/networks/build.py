"""From a network's description to the network."""

from __future__ import annotations

from collections.abc import Mapping

from kdnet.errors import SettingsError
from kdnet.networks.attention_unet import AttentionUNet
from kdnet.networks.dynunet import PlainUNet
from kdnet.networks.external import ExternalNetwork
from kdnet.networks.interface import NetworkSpec, SegmentationNetwork
from kdnet.networks.segresnet import ResidualUNet


def build_network(spec: NetworkSpec) -> SegmentationNetwork:
    """Build the network that ``spec`` describes, with fresh weights from torch's global random generator.

    Example:
        >>> import torch
        >>> network = build_network(NetworkSpec("dynunet", 1, 3, {"filters": [4, 8, 16]}))
        >>> output = network(torch.zeros(1, 1, 16, 16, 16))
        >>> tuple(output.logits.shape), tuple(output.bottleneck.shape)
        ((1, 3, 16, 16, 16), (1, 16, 4, 4, 4))

    Raises:
        SettingsError: for an unknown architecture or arguments that it does not take.
    """
    architectures: dict[str, type[SegmentationNetwork]] = {
        "segresnet": ResidualUNet,
        "dynunet": PlainUNet,
        "attention_unet": AttentionUNet,
        "monai": ExternalNetwork,
    }
    if spec.architecture not in architectures:
        known = ", ".join(architectures)
        raise SettingsError(f'network architecture "{spec.architecture}" is not known: choose one of {known}.')
    try:
        return architectures[spec.architecture](spec.in_channels, spec.out_channels, **_tuples(spec.arguments))
    except (TypeError, ValueError, RuntimeError, KeyError, ImportError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise SettingsError(f'network "{spec.architecture}" cannot be built with these arguments: {reason}.') from error


def _tuples(arguments: Mapping[str, object]) -> dict[str, object]:
    """Turn the lists of JSON back into the tuples that MONAI's layer factories ask for."""
    return {name: _tuple(value) for name, value in arguments.items()}


def _tuple(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _tuple(item) for name, item in value.items()}
    return tuple(_tuple(item) for item in value) if isinstance(value, list | tuple) else value
