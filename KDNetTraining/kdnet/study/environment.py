"""Hardware and code version of a study, so that its timing and code can be traced."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import torch

import kdnet


def hardware(device: torch.device, processes: int) -> str:
    """Describe the machine in one line: processor, threads, device, number of processes."""
    parts = [_processor(), f"{torch.get_num_threads()} threads of {os.cpu_count()} cores", f"{processes} process(es)"]
    if device.type == "cuda":
        parts.insert(0, torch.cuda.get_device_name(device))
    return ", ".join([*parts, f"PyTorch {torch.__version__}", platform.system()])


def code_version() -> str:
    """Return the version of kdnet, with the commit when run from a checkout."""
    folder = Path(kdnet.__file__).parent
    try:
        command = ["git", "-C", str(folder), "describe", "--always", "--dirty"]
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8", check=False)
    except OSError:  # git is not installed
        return kdnet.__version__
    commit = answer.stdout.strip()
    return f"{kdnet.__version__} ({commit})" if commit else kdnet.__version__


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
