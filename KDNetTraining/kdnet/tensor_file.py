"""Reading and writing tensors in safetensors files, with the errors of any other file."""

from __future__ import annotations

import errno
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
        OSError: when the file cannot be written; the library's own error hides the reason in its text.
    """
    path.touch()
    usual = path.stat().st_mode  # the library makes files that nobody but their owner may read
    try:
        save_file(dict(tensors), path, metadata=dict(metadata))
        path.chmod(usual)
    except SafetensorError as error:
        told = re.search(r"os error (\d+)", str(error))
        number = int(told[1]) if told else errno.EIO
        raise OSError(number, os.strerror(number) if told else str(error)) from error


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Read the tensors of ``path``, to the CPU, and the metadata of its header.

    The tensors are copies. Those that the library gives are mapped to the file, which Windows then neither replaces nor
    deletes as long as one of them is in use.

    Raises:
        OSError, SafetensorError: when the file cannot be read or is damaged.
    """
    with safe_open(path, framework="pt") as stream:
        tensors = {name: stream.get_tensor(name).clone() for name in stream.keys()}  # noqa: SIM118 - no mapping
        return tensors, dict(stream.metadata() or {})
