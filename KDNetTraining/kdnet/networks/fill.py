"""Building a network with given weights, checked before any memory is allocated."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.overrides import TorchFunctionMode

from kdnet.networks.base import SegmentationNetwork
from kdnet.networks.factory import build_network
from kdnet.schema.networks import NetworkSpec


class _ListsOnCpu(TorchFunctionMode):
    """Computes ``linspace`` on the CPU whatever the default device: SwinUNETR reads plain numbers from it."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        options = dict(kwargs or {})
        if func is torch.linspace:
            options.setdefault("device", "cpu")
        return func(*args, **options)


def network_with(spec: NetworkSpec, tensors: Mapping[str, torch.Tensor]) -> SegmentationNetwork:
    """Build the network that ``spec`` describes around copies of ``tensors``, in float32 whatever their type.

    Args:
        spec: network description.
        tensors: its state dict.

    Raises:
        SettingsError: when the network cannot be built.
        PackageError: when it needs a package that is not installed.
        RuntimeError: when names or shapes of the tensors do not match.
    """
    with torch.device("meta"), _ListsOnCpu():  # allocates no memory, so a huge network is only compared
        network = build_network(spec)
    # copied, because tensors of a memory-mapped file prevent replacing it on Windows
    copies = {name: value.clone() for name, value in tensors.items()}
    network.load_state_dict(copies, assign=True)
    if any(value.is_meta for value in (*network.parameters(), *network.buffers())):
        network = build_network(spec)  # it has other tensors; shapes of weights are known to match
        network.load_state_dict(copies)
    return network.float()


def first_not_finite(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the name of the first tensor with NaN or infinity; empty if there is none."""
    floating = ((name, value) for name, value in tensors.items() if value.is_floating_point())
    return next((name for name, value in floating if not bool(value.isfinite().all())), "")
