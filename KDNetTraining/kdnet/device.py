"""Choosing the device that computes, and saying clearly when it is not there."""

from __future__ import annotations

import functools
import os
import platform

import torch

from kdnet.errors import SettingsError
from kdnet.foreign import surviving

AGREEMENT = 1e-2  # of two devices on one window, as a share of the largest value


def choose_device(name: str = "auto") -> torch.device:
    """The device called ``name``: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:1``.

    ``auto`` takes a CUDA device, then Apple's MPS where it agrees with the CPU, then the CPU. Under ``torchrun``, plain
    ``cuda`` is the GPU of this process.

    Raises:
        SettingsError: when the device is not there, or the name means nothing.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if mps_agrees() else "cpu"
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


def mps_agrees() -> bool:
    """Whether Apple's GPU is there and computes one window, forward and backward, as the CPU does.

    Releases of PyTorch and macOS differ in what they compute there: some lack operations, some gave wrong values without an
    error. So one window is compared in every process that would use it; the answer is kept for the process.
    """
    return torch.backends.mps.is_available() and _agrees("mps", torch.__version__, platform.platform())


@functools.cache
def _agrees(name: str, _torch: str, _system: str) -> bool:
    agreed = False
    with surviving(lambda _problem: None):  # whatever it lacks, the CPU computes
        agreed = agree(_window(torch.device("cpu")), _window(torch.device(name)))
    return agreed


def agree(expected: list[torch.Tensor], found: list[torch.Tensor]) -> bool:
    """Whether results of two devices are the same but for rounding; NaN is never the same."""
    pairs = [(one.cpu().float(), other.cpu().float()) for one, other in zip(expected, found, strict=True)]
    return all(bool(((one - other).abs().max() <= AGREEMENT * one.abs().max()).item()) for one, other in pairs)


def _window(device: torch.device) -> list[torch.Tensor]:
    """Logits and gradients of small networks of both families on one window, the same on every device."""
    from kdnet.networks.factory import build_network  # noqa: PLC0415 - heavy, and rarely asked for
    from kdnet.schema.networks import NetworkSpec  # noqa: PLC0415 - heavy, and rarely asked for

    norm = ["INSTANCE", {"affine": True}]
    segresnet = {"init_filters": 8, "blocks_down": [1, 1, 1], "blocks_up": [1, 1], "norm": norm}
    results = []
    for spec in (NetworkSpec("dynunet", 2, 3, {"filters": [8, 16, 32]}), NetworkSpec("segresnet", 2, 3, segresnet)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = build_network(spec)
            image = torch.randn(1, 2, 32, 32, 32)
        for layout in (torch.contiguous_format, torch.channels_last_3d):
            placed = network.to(device)
            placed.zero_grad()
            logits = placed(image.to(device).contiguous(memory_format=layout)).logits
            pooled = torch.nn.functional.adaptive_avg_pool3d(logits, 8)
            (logits.square().mean() + pooled.square().mean()).backward()  # type: ignore[no-untyped-call]
            gradient = next(placed.parameters()).grad
            assert gradient is not None
            results += [logits.detach(), gradient.detach().clone()]
    return results


def computes_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` has instructions for bfloat16; where it is emulated it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # older releases of torch do not tell
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
