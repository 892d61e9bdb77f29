"""A network with given weights, compared before any memory is taken."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.overrides import TorchFunctionMode

from kdnet.networks.base import SegmentationNetwork
from kdnet.networks.factory import build_network
from kdnet.schema.networks import NetworkSpec


class _ListsOnCpu(TorchFunctionMode):
    """Computes ``linspace`` on the CPU under another default device: SwinUNETR takes plain numbers from one."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        options = dict(kwargs or {})
        if func is torch.linspace:
            options.setdefault("device", "cpu")
        return func(*args, **options)


def network_with(spec: NetworkSpec, tensors: Mapping[str, torch.Tensor]) -> SegmentationNetwork:
    """Build the network that ``spec`` describes around copies of ``tensors``, in float32 whatever type these have.

    Args:
        spec: of the network.
        tensors: its state dict.

    Raises:
        SettingsError: when the network cannot be built.
        PackageError: when it needs a package that is not installed.
        RuntimeError: when names or shapes of the tensors do not fit it.
    """
    with torch.device("meta"), _ListsOnCpu():  # without memory, so that the size of a huge network is only compared
        network = build_network(spec)
    # copies, because tensors of a mapped file would keep it from being replaced on Windows
    copies = {name: value.clone() for name, value in tensors.items()}
    network.load_state_dict(copies, assign=True)
    if any(value.is_meta for value in (*network.parameters(), *network.buffers())):
        network = build_network(spec)  # it has tensors beside its weights, whose shapes are known to fit
        network.load_state_dict(copies)
    return network.float()


def first_not_finite(tensors: Mapping[str, torch.Tensor]) -> str:
    """Name of the first tensor that holds NaN or infinity, empty when there is none."""
    floating = ((name, value) for name, value in tensors.items() if value.is_floating_point())
    return next((name for name, value in floating if not bool(value.isfinite().all())), "")
