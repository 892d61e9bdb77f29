"""Selection of the compute device, with a clear message if it is not available."""

from __future__ import annotations

import functools
import os
import platform

import torch

from kdnet.errors import SettingsError
from kdnet.foreign import surviving

AGREEMENT = 1e-2  # tolerance between two devices on one window, relative to the largest value


def choose_device(name: str = "auto") -> torch.device:
    """Return the device named ``name``: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:1``.

    ``auto`` selects a CUDA device, then Apple's MPS if it agrees with the CPU, then the CPU. Under ``torchrun``, plain
    ``cuda`` is the GPU of this process.

    Raises:
        SettingsError: if the device is not available, or the name is invalid.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if mps_agrees() else "cpu"
    if name == "cuda":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(f'device "{name}" is unknown: choose auto, cpu, cuda, cuda:N or mps.') from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise SettingsError(f'device "{name}" is not supported: choose auto, cpu, cuda, cuda:N or mps.')
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SettingsError(
            f'device "{name}" is not available ({torch.cuda.device_count()} CUDA devices found): choose cpu or auto.'
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError('device "mps" is not available: choose cpu or auto.')
    return device


def mps_agrees() -> bool:
    """Check whether Apple's GPU is available and matches the CPU on one window, forward and backward.

    Support differs between releases of PyTorch and macOS: some lack operations, some gave wrong values without an
    error. So each process that would use it compares one window, once.
    """
    return torch.backends.mps.is_available() and _agrees("mps", torch.__version__, platform.platform())


@functools.cache
def _agrees(name: str, _torch: str, _system: str) -> bool:
    agreed = False
    with surviving(lambda _problem: None):  # on any failure, the CPU is used
        agreed = agree(_window(torch.device("cpu")), _window(torch.device(name)))
    return agreed


def agree(expected: list[torch.Tensor], found: list[torch.Tensor]) -> bool:
    """Check whether the results of two devices match up to rounding; NaN never matches."""
    pairs = [(one.cpu().float(), other.cpu().float()) for one, other in zip(expected, found, strict=True)]
    return all(bool(((one - other).abs().max() <= AGREEMENT * one.abs().max()).item()) for one, other in pairs)


def _window(device: torch.device) -> list[torch.Tensor]:
    """Compute logits and gradients of small networks of both families on one window, identical for every device."""
    from kdnet.networks.factory import build_network  # noqa: PLC0415 - heavy, and rarely needed
    from kdnet.schema.networks import NetworkSpec  # noqa: PLC0415 - heavy, and rarely needed

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
    """Check whether ``device`` supports bfloat16 natively; emulated, it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # missing in older releases of torch
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
