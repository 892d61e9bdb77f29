"""Readable messages for machine failures during training: memory, devices, workers, disks, other processes.

PyTorch and its libraries raise RuntimeError for all of these, so the message text decides. An error that matches none of
the texts below is a bug and keeps its traceback.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import distributed

from kdnet.causes import device_failed, memory_ran_out
from kdnet.errors import DeviceError, KDNetError, RunFolderError, SettingsError
from kdnet.foreign import reason
from kdnet.text import one_line

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
SHARED_MEMORY = ("shared memory", "Bus error", "torch_shm")
WORKER = ("DataLoader worker",)
SOCKET = ("AF_UNIX",)
PEER = ("Connection closed by peer", "Connection reset by peer", "gloo", "NCCL", "Broken pipe", "Socket Timeout")


@contextmanager
def explained(device: torch.device, root: Path | None = None) -> Iterator[None]:
    """Convert machine failures in the block into readable errors; see :func:`explain`."""
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as error:
        cause = explain(error, device, root)
        if cause is None:
            raise
        raise cause from error


def explain(error: BaseException, device: torch.device, root: Path | None = None) -> KDNetError | None:
    """Return what a user can do about ``error``; None if it is not a machine failure.

    Args:
        error: as raised.
        device: compute device.
        root: the run folder, if there is one to resume.
    """
    if isinstance(error, MemoryError):
        return _memory("this computer")
    if isinstance(error, RuntimeError):
        return _runtime_error(error, device, root)
    if isinstance(error, OSError):
        return _disk_error(error, root)
    return None


def _runtime_error(error: RuntimeError, device: torch.device, root: Path | None) -> KDNetError | None:
    def mentions(phrases: tuple[str, ...]) -> bool:
        return any(phrase in str(error) for phrase in phrases)

    details = _description(error)
    resume = "resume the run" if root else "try again"
    if mentions(SHARED_MEMORY):
        return SettingsError(
            f"the processes that prepare patches have too little shared memory ({details}): set workers to 0 or a smaller "
            "number, or give this machine or container more (docker run --shm-size)."
        )
    if memory_ran_out(error):
        return _memory(str(device))
    if mentions(WORKER):
        return RunFolderError(
            f"a process that prepares patches ended unexpectedly ({details}): {resume}; workers=0 in the recipe "
            "avoids such processes."
        )
    if isinstance(error, distributed.DistBackendError | distributed.DistNetworkError) or mentions(PEER):
        return RunFolderError(
            f"another process of this training ended unexpectedly ({details}): check its messages, then {resume}."
        )
    if isinstance(error, NotImplementedError) or device_failed(error):
        return DeviceError(f"{device} cannot compute this ({details}): choose another device, as in --device cpu.")
    return None


def _disk_error(error: OSError, root: Path | None) -> KDNetError:
    if memory_ran_out(error):
        return _memory("this computer")
    if any(word in str(error) for word in SOCKET):
        return SettingsError("the temporary folder has too long a name for worker processes: set TMPDIR to a shorter one.")
    place = error.filename or root or "a file"
    remedy = "free some space" if error.errno in NO_SPACE else "check the disk"
    return RunFolderError(
        f"{place} cannot be used ({reason(error)}): {remedy}, then {'resume the run' if root else 'try again'}."
    )


def _description(error: RuntimeError) -> str:
    """Return the gist of a PyTorch message: its first line, or the last line of a worker's traceback."""
    text = str(error).strip()
    return reason(error) if text.startswith("Caught ") or not text else one_line(text.splitlines()[0], 200).rstrip(".")


def _memory(place: str) -> KDNetError:
    return SettingsError(f"{place} does not have enough free memory: choose a smaller patch, batch or network.")
