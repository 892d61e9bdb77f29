"""What the words of a foreign exception mean: memory ran out, or a device cannot compute.

Libraries raise plain ``RuntimeError`` for both, so only their words tell. Standard library only, because the Slicer modules
read the last words of a process with the same functions.
"""

from __future__ import annotations

import errno

MEMORY = (
    "allocate memory",  # PyTorch on a CPU, and the operating system
    "not enough memory",  # PyTorch under Windows
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
    """Whether an exception, or the text that a process left behind, says that memory ran out.

    Example:
        >>> memory_ran_out("DefaultCPUAllocator: can't allocate memory: you tried to allocate 6438528000 bytes")
        True
    """
    if isinstance(problem, MemoryError) or (isinstance(problem, OSError) and problem.errno == errno.ENOMEM):
        return True
    return _says(problem, MEMORY)


def device_failed(problem: BaseException | str) -> bool:
    """Whether it says that a device, its driver or its libraries cannot compute this; short memory is no such failure.

    Example:
        >>> device_failed("CUDA error: no kernel image is available for execution on the device")
        True
        >>> device_failed("CUDA out of memory")
        False
    """
    return not memory_ran_out(problem) and _says(problem, DEVICE)


def device_lost(problem: BaseException | str) -> bool:
    """Whether every further call to the device in this process would fail too, so that the process has to be replaced."""
    return not memory_ran_out(problem) and _says(problem, LOST)


def _says(problem: BaseException | str, words: tuple[str, ...]) -> bool:
    told = str(problem).lower()
    return any(word in told for word in words)
