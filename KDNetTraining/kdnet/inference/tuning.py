"""The memory layout and number of threads that suit a network on this machine, measured once and kept.

Both change the time by up to a half, in either direction, and results only by rounding. The choice is kept per machine and
network in the user's cache folder, so that the same scan gives the same labels in every process.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from kdnet.errors import KDNetError, SettingsError
from kdnet.files import write_json
from kdnet.json_schema import parse_dataclass
from kdnet.networks.base import SegmentationNetwork
from kdnet.schema.networks import NetworkSpec

EDGE = 64  # of the measured volume, in voxels

TRIES = 3

CLEARLY = 0.95  # of the time of the usual layout; a smaller gain may be chance

MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Layout:
    """How to run a network on the CPU.

    Attributes:
        channels_last: whether the channels of a voxel are next to each other in memory.
        threads: number of threads.
    """

    channels_last: bool
    threads: int

    @property
    def memory_format(self) -> torch.memory_format:
        """The layout of five-dimensional tensors."""
        return torch.channels_last_3d if self.channels_last else torch.contiguous_format


def choose_layout(network: SegmentationNetwork, spec: NetworkSpec, kind: torch.dtype | None) -> Layout:
    """Return the fastest layout for ``network`` on this machine, measured in less than a second if it is not known.

    Args:
        network: in evaluation mode, on the CPU.
        spec: its description.
        kind: type that it is computed in, None for float32.
    """
    key, file = _key(spec, kind), cache_folder() / "layouts.json"
    known = _read(file)
    threads = torch.get_num_threads()
    with suppress(SettingsError):
        if key in known:
            layout = parse_dataclass(Layout, known[key])
            if 1 <= layout.threads <= threads:
                return layout
    layout = _measured(network, spec.in_channels, kind, threads)
    with suppress(KDNetError, OSError):  # without a cache, it is measured again next time
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {**_read(file), key: asdict(layout)})
    return layout


def arrange(network: SegmentationNetwork, layout: Layout) -> None:
    """Store the weights of ``network`` in the memory layout."""
    network.to(memory_format=layout.memory_format)  # type: ignore[call-overload]


@contextmanager
def using_threads(threads: int) -> Iterator[None]:
    """Compute with ``threads`` threads in the block."""
    before = torch.get_num_threads()
    if threads != before:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        if threads != before:
            torch.set_num_threads(before)


def cache_folder() -> Path:
    """Return the folder of this program among the user's caches; it may not exist."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "kdnet"


def _key(spec: NetworkSpec, kind: torch.dtype | None) -> str:
    machine = (platform.node(), platform.machine(), os.cpu_count(), torch.get_num_threads(), torch.__version__)
    text = json.dumps([machine, str(kind), spec.architecture, spec.in_channels, spec.out_channels, spec.arguments])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(file: Path) -> Mapping[str, Any]:
    """Return what is known; nothing if the file is missing or damaged."""
    with suppress(OSError, ValueError, RecursionError):
        if file.is_file() and file.stat().st_size <= MOST_BYTES:
            content = json.loads(file.read_text(encoding="utf-8"))
            return content if isinstance(content, dict) else {}
    return {}


@torch.inference_mode()
def _measured(network: SegmentationNetwork, modalities: int, kind: torch.dtype | None, threads: int) -> Layout:
    edge = -(-EDGE // network.stride) * network.stride
    image = torch.zeros(1, modalities, edge, edge, edge).uniform_(generator=torch.Generator().manual_seed(0))
    usual = Layout(channels_last=False, threads=threads)
    others = [Layout(channels_last=True, threads=threads)]
    if threads >= 4:  # two threads of one core may be slower than one
        others.append(Layout(channels_last=True, threads=threads // 2))
    best, least = usual, CLEARLY * _seconds(network, image, kind, usual)
    for layout in others:
        seconds = _seconds(network, image, kind, layout)
        if seconds < least:
            best, least = layout, seconds
    return best


def _seconds(network: SegmentationNetwork, image: torch.Tensor, kind: torch.dtype | None, layout: Layout) -> float:
    arrange(network, layout)
    image = image.contiguous(memory_format=layout.memory_format)
    times = []
    with using_threads(layout.threads), torch.autocast("cpu", dtype=kind, enabled=kind is not None):
        for _ in range(TRIES):
            started = time.perf_counter()
            network(image)
            times.append(time.perf_counter() - started)
    return min(times)
