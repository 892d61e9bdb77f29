"""Building a network from its description."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any

import torch

from kdnet.errors import PackageError, SettingsError
from kdnet.foreign import reason
from kdnet.networks.base import SegmentationNetwork
from kdnet.networks.plain_values import check_plain
from kdnet.schema.networks import NetworkSpec
from kdnet.text import one_line

MOST_CHANNELS = 4096

MOST_LEVELS = 32

COUNTED = ("blocks", "depths", "layers", "units")  # in names of arguments that set the number of modules

MOST_BLOCKS = 64

LARGEST_ARGUMENT = 16384

ARCHITECTURES = {  # where their classes are; imported when one is built, because each needs other parts of MONAI
    "segresnet": ("segresnet", "SegResNetWrapper"),
    "dynunet": ("dynunet", "DynUNetWrapper"),
    "attention_unet": ("attention_unet", "AttentionUNet"),
    "monai": ("monai_network", "MonaiNetwork"),
    "combined": ("combined", "CombinedNetwork"),
}


def build_network(spec: NetworkSpec) -> SegmentationNetwork:
    """Build the network that ``spec`` describes, with fresh weights from torch's global random generator.

    Example:
        >>> import torch
        >>> network = build_network(NetworkSpec("dynunet", 1, 3, {"filters": [4, 8, 16]}))
        >>> output = network(torch.zeros(1, 1, 16, 16, 16))
        >>> tuple(output.logits.shape), tuple(output.bottleneck.shape)
        ((1, 3, 16, 16, 16), (1, 16, 4, 4, 4))

    Raises:
        SettingsError: for an unknown architecture, or arguments it does not accept or that are too large to build.
        PackageError: when the architecture needs a package that is not installed.
    """
    if spec.architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        name = one_line(spec.architecture, 40)
        raise SettingsError(f'network architecture "{name}" is unknown: choose one of {known}.')
    _check_size(spec)
    try:
        network: SegmentationNetwork = _network_class(spec.architecture)(
            spec.in_channels, spec.out_channels, **_tuples(spec.arguments)
        )
        return network
    except ImportError as error:
        name = spec.arguments.get("network", spec.architecture)
        raise PackageError(
            f'The network "{name}" needs a Python package that is missing ({reason(error)}): install it, for example '
            f"{_package(error)}, and try again."
        ) from error
    except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError, AttributeError, AssertionError) as error:
        problem = one_line(str(error).strip().partition("\n")[0], 200).rstrip(".") or type(error).__name__
        raise SettingsError(f'network "{spec.architecture}" cannot be built with these arguments: {problem}.') from error


def _network_class(architecture: str) -> Any:
    module, name = ARCHITECTURES[architecture]
    with torch.device("cpu"):  # a network that is only compared is built on no device; modules are not
        return getattr(importlib.import_module(f"kdnet.networks.{module}"), name)


def _check_size(spec: NetworkSpec) -> None:
    """Reject a network that would take forever to build, before building it."""
    if not (1 <= spec.in_channels <= MOST_CHANNELS and 1 <= spec.out_channels <= MOST_CHANNELS):
        raise SettingsError(
            f"a network of {spec.in_channels} and {spec.out_channels} channels is implausible: correct the numbers."
        )
    check_plain(spec.arguments, "the network's arguments")
    for name, value in spec.arguments.items():
        _check_argument(name, value)


def _check_argument(name: str, value: object) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_argument(str(key), item)
    elif isinstance(value, list | tuple):
        if len(value) > MOST_LEVELS:
            raise SettingsError(f"the network's argument {name} has {len(value)} values: give at most {MOST_LEVELS}.")
        for item in value:
            _check_argument(name, item)
    elif isinstance(value, int | float):
        most = MOST_BLOCKS if any(word in name for word in COUNTED) else LARGEST_ARGUMENT
        if not abs(value) <= most:
            shown = one_line(str(value), 40)
            raise SettingsError(f"the network's argument {name} is {shown}: at most {most} is taken.")


def _package(error: ImportError) -> str:
    """Return the package to install for a failed import; MONAI's own error names it only in its message."""
    named = re.search(r"(?:No module named|from|import) '?([A-Za-z_]\w*)", str(error))
    return (error.name or (named[1] if named else "it")).partition(".")[0]


def _tuples(arguments: Mapping[str, object]) -> dict[str, object]:
    """Convert JSON lists back to the tuples that MONAI's layer factories require."""
    return {name: _tuple(value) for name, value in arguments.items()}


def _tuple(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _tuple(item) for name, item in value.items()}
    return tuple(_tuple(item) for item in value) if isinstance(value, list | tuple) else value
