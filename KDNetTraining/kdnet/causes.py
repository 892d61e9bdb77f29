"""Classification of third-party exceptions by their text: out of memory, or a device failure.

Libraries raise plain ``RuntimeError`` for both, so only the text differs. Standard library only, because the Slicer modules
apply the same functions to the last output of a process.
"""

from __future__ import annotations

import errno

MEMORY = (
    "allocate memory",  # PyTorch on a CPU, and the operating system
    "not enough memory",  # PyTorch on Windows
    "out of memory",  # CUDA, MPS
    "unable to allocate",  # NumPy
    "bad_alloc",  # C++ libraries
    "bad allocation",
    "memoryerror",
    "paging file is too small",  # Windows, while libraries are loaded
)
DEVICE = (
    "cuda error",
    "cudnn",
    "cublas",
    "cufft",
    "nvrtc",
    "hip error",
    "miopen",
    "no kernel image",
    "mps device",
    "mps backend",
    "on mps",
    "mps framework",
    "mpsgraph",
    "device-side assert",
    "found no nvidia driver",
    "not compiled with cuda",
)
LOST = ("device-side assert", "illegal memory access", "unspecified launch failure", "cuda error")


def memory_ran_out(problem: BaseException | str) -> bool:
    """Check whether an exception, or the output of a process, says that memory ran out.

    Example:
        >>> memory_ran_out("DefaultCPUAllocator: can't allocate memory: you tried to allocate 6438528000 bytes")
        True
    """
    if isinstance(problem, MemoryError) or (isinstance(problem, OSError) and problem.errno == errno.ENOMEM):
        return True
    return _contains(problem, MEMORY)


def device_failed(problem: BaseException | str) -> bool:
    """Check whether it says that a device, its driver or its libraries failed; out of memory does not count.

    Example:
        >>> device_failed("CUDA error: no kernel image is available for execution on the device")
        True
        >>> device_failed("CUDA out of memory")
        False
    """
    return not memory_ran_out(problem) and _contains(problem, DEVICE)


def device_lost(problem: BaseException | str) -> bool:
    """Check whether every further call to the device in this process would fail, so that it must be restarted."""
    return not memory_ran_out(problem) and _contains(problem, LOST)


def _contains(problem: BaseException | str, phrases: tuple[str, ...]) -> bool:
    text = str(problem).lower()
    return any(phrase in text for phrase in phrases)
