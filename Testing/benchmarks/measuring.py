"""Time, processor time, memory and open files of processes, and what a page says of the machine. Linux."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

SHARED = 2.0  # times its CPU time: work that takes longer had to wait for other programs
LOOK_EVERY = 0.2  # seconds
TICKS = os.sysconf("SC_CLK_TCK")
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}  # threads that spin would count as CPU time


@dataclass(frozen=True)
class Usage:
    """What a command used.

    Attributes:
        seconds: by the clock.
        cpu: user and system seconds of it and of the processes that it waited for.
        peak_mib: largest resident memory of one of its processes.
        output: what it wrote to stdout.
    """

    seconds: float
    cpu: float
    peak_mib: float
    output: str


def used_by(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    look: Callable[[int], object] = lambda _pid: None,
) -> Usage:
    """Run a command to its end.

    Args:
        command: program and arguments.
        environment: additional variables.
        look: called with its process number several times a second.

    Raises:
        RuntimeError: if it fails.
    """
    variables = {**os.environ, **PASSIVE, **(environment or {})}
    started, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:  # a pipe would fill up while nobody reads
        process = subprocess.Popen(command, stdout=output, env=variables)
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            look(process.pid)
            peak = max(peak, *(peak_mebibytes(pid) for pid in (process.pid, *descendants(process.pid))))
            time.sleep(LOOK_EVERY)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait for it again
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with code {process.returncode}")
        output.seek(0)
        return Usage(seconds, usage.ru_utime + usage.ru_stime, peak, output.read())


def peak_mebibytes(pid: int | None = None) -> float:
    """Largest resident memory that a process has had, this one by default; 0 once it has ended.

    What ``getrusage`` gives includes the memory of the process that started it: until it runs its own program, both share it.
    """
    with suppress(OSError):
        for line in Path(f"/proc/{pid or 'self'}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


def open_files(pid: int) -> int:
    """Number of open files of a process; 0 once it has ended."""
    with suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - counted, not used
    return 0


def tree_cpu(pid: int) -> float:
    """CPU seconds of a process, its living descendants, and those that it waited for."""
    ticks = 0
    for member in [pid, *descendants(pid)]:
        with suppress(OSError):  # it may end meanwhile
            values = Path(f"/proc/{member}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += sum(int(value) for value in values[11:15])
    return ticks / TICKS


def descendants(pid: int) -> list[int]:
    """Processes that a process started, that these started, and so on."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):  # the sum of all threads: their order does not matter
        with suppress(OSError):
            for child in children.read_text(encoding="utf-8").split():
                found += [int(child), *descendants(int(child))]
    return found


def machine() -> str:
    """The processor, its cores, the versions and the load, as a sentence."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), name)
    return (
        f"{name.strip()}, {os.cpu_count()} cores, PyTorch {version('torch').partition('+')[0]}; "
        f"load {os.getloadavg()[0]:.1f} when the measurement began"
    )


def clock(seconds: float, cpu: float) -> str:
    """Seconds by the clock, or nothing where other programs used the processor."""
    return f"{seconds:.2f}" if seconds < SHARED * cpu else ""


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def options(documentation: str | None) -> argparse.ArgumentParser:
    """Parser with the options of every benchmark: where nnU-Net is, and where to write."""
    parser = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = sys.executable if importlib.util.find_spec("nnunetv2") else ""
    parser.add_argument("--nnunet", metavar="PYTHON", default=here, help="interpreter that has nnunetv2 and kdnet")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="where to write the page and its chart")
    return parser
