"""Choosing the device that computes, and saying clearly when it is not there."""

from __future__ import annotations

import os

import torch

from kdnet.errors import SettingsError


def choose_device(name: str = "auto") -> torch.device:
    """The device called ``name``: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:1``.

    ``auto`` takes a CUDA device, then Apple's MPS, then the CPU. Under ``torchrun``, plain ``cuda`` is the GPU of this
    process.

    Raises:
        SettingsError: when the device is not there, or the name means nothing.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(f'device "{name}" is not known: choose auto, cpu, cuda, cuda:N or mps.') from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise SettingsError(f'device "{name}" is not supported: choose auto, cpu, cuda, cuda:N or mps.')
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SettingsError(f'device "{name}" is not there ({torch.cuda.device_count()} CUDA devices): choose cpu or auto.')
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError('device "mps" is not there: choose cpu or auto.')
    return device


def computes_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` has instructions for bfloat16; where it is emulated it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # older releases of torch do not tell
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
