"""Reading and writing tensors in safetensors files, with the usual file errors."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file


def save_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write ``tensors`` with ``metadata`` in the header.

    Raises:
        OSError: if the file cannot be written; the library's own error gives the reason only in its text.
    """
    path.touch()
    usual = path.stat().st_mode  # the library creates files that only their owner can read
    try:
        save_file(dict(tensors), path, metadata=dict(metadata))
        path.chmod(usual)
    except SafetensorError as error:
        match = re.search(r"os error (\d+)", str(error))
        number = int(match[1]) if match else errno.EIO
        raise OSError(number, os.strerror(number) if match else str(error)) from error


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Read the tensors of ``path`` to the CPU, and the metadata of its header.

    The tensors are copies. Those returned by the library are memory-mapped, and Windows neither replaces nor
    deletes the file while one of them is in use.

    Raises:
        OSError, SafetensorError: if the file cannot be read or is damaged.
    """
    with safe_open(path, framework="pt") as stream:
        tensors = {name: stream.get_tensor(name).clone() for name in stream.keys()}  # noqa: SIM118 - not a mapping
        return tensors, dict(stream.metadata() or {})


def weights_hash(tensors: Mapping[str, torch.Tensor]) -> str:
    """Compute the SHA-256 over name, type, shape and bytes of every tensor, sorted by name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.view(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()
