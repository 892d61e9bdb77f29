"""The Python packages that the backend needs: which are missing, how large they are, and installing them.

The panel stays usable meanwhile, so packages are installed by processes of their own. PyTorch is chosen for the user's GPU
by ``light-the-torch``, with the same steps as ``PyTorchUtilsLogic.installTorch`` of the PyTorch extension, which cannot be
called itself because it blocks. Packages that Slicer ships keep their versions.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import queue
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from KDNetLib.Folders import shared_resource
from KDNetLib.ProcessTree import kill_tree, start_python
from KDNetLib.Worker import Failure

TORCH = "torch>=2.5"
LIGHT_THE_TORCH = "light-the-torch>=0.7.5"
TORCH_MEGABYTES = 2500  # with CUDA; about 200 without
MEGABYTES = {"monai": 5, "nibabel": 5, "safetensors": 1, "matplotlib": 30, "tqdm": 1}
KEPT = ("numpy", "scipy", "SimpleITK", "itk", "vtk")
LAST_LINES = 12


@dataclass(frozen=True)
class Package:
    """A package that is missing or too old.

    Attributes:
        requirement: as pip takes it, for example ``"monai>=1.5"``.
        megabytes: about what is downloaded.
    """

    requirement: str
    megabytes: int


def missing_packages() -> tuple[Package, ...]:
    """What has to be installed before the worker can start; nothing is imported to find out."""
    lines = shared_resource("requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [TORCH, *(line.strip() for line in lines if line.strip() and not line.startswith("#"))]
    return tuple(
        Package(requirement, TORCH_MEGABYTES if requirement == TORCH else MEGABYTES.get(_name(requirement), 10))
        for requirement in wanted
        if not _satisfied(requirement)
    )


def _name(requirement: str) -> str:
    return requirement.partition(">=")[0].strip()


def _satisfied(requirement: str) -> bool:
    name, _, lowest = requirement.partition(">=")
    try:
        installed = importlib.metadata.version(name.strip())
    except importlib.metadata.PackageNotFoundError:
        return False
    return _release(installed) >= _release(lowest)


def _release(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.partition("+")[0].split("."):
        digits = "".join(character for character in part if character.isdigit())
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def install_steps(packages: Sequence[Package], constraints: Path) -> tuple[tuple[str, ...], ...]:
    """Arguments of Python, step by step, that install ``packages``.

    Args:
        packages: from :func:`missing_packages`.
        constraints: file of versions that pip must keep.
    """
    steps: list[tuple[str, ...]] = []
    kept = ("--constraint", str(constraints))
    if any(package.requirement == TORCH for package in packages):
        steps.append(("-m", "pip", "install", *kept, LIGHT_THE_TORCH))
        steps.append(("-m", "light_the_torch", "install", *kept, TORCH))
    others = [package.requirement for package in packages if package.requirement != TORCH]
    if others:
        steps.append(("-m", "pip", "install", *kept, *others))
    return tuple(steps)


def kept_versions() -> str:
    """The content of a constraints file: what Slicer itself is built on stays as it is."""
    lines = []
    for name in KEPT:
        try:
            lines.append(f"{name}=={importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return "\n".join(lines) + "\n"


class Installation:
    """Runs the steps one after the other; :meth:`poll` is called now and then until it has finished.

    Args:
        steps: arguments of Python, from :func:`install_steps`; a test gives its own.
        said: called with each line of pip.
        finished: called at the end, with None or the failure.
        scratch: a folder to remove at the end.
    """

    def __init__(
        self,
        steps: Sequence[Sequence[str]],
        said: Callable[[str], None],
        finished: Callable[[Failure | None], None],
        scratch: Path | None = None,
    ) -> None:
        self._scratch = scratch
        self._steps = deque(tuple(step) for step in steps)
        self._said, self._finished = said, finished
        self._lines: deque[str] = deque(maxlen=200)
        self._running: tuple[subprocess.Popen[str], queue.Queue[str | None]] | None = None
        self.over = False

    def poll(self) -> None:
        """Hand out new lines, go to the next step, or end."""
        if self.over:
            return
        if self._running is None:
            self._next()
            return
        process, lines = self._running
        while not lines.empty():
            line = lines.get()
            if line is None:
                self._step_ended(process)
                return
            self._lines.append(line)
            self._said(line)

    def cancel(self) -> None:
        """End at once. What pip had finished stays installed, the rest is as before."""
        if self._running is not None:
            kill_tree(self._running[0])
            self._running[0].wait()
        self._end()

    def _end(self) -> None:
        self.over = True
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _next(self) -> None:
        if not self._steps:
            self._end()
            importlib.invalidate_caches()
            self._finished(None)
            return
        process = start_python(self._steps.popleft(), merged=True)
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        self._running = (process, lines)

    def _step_ended(self, process: subprocess.Popen[str]) -> None:
        code = process.wait()
        self._running = None
        if code == 0:
            self._next()
            return
        self._end()
        told = [line for line in self._lines if line.strip()]
        cause = next((line for line in reversed(told) if line.startswith("ERROR")), told[-1] if told else f"code {code}")
        message = f"The packages could not be installed ({cause.removeprefix('ERROR: ')}): mend this and try again."
        self._finished(Failure(message, "\n".join(told[-LAST_LINES:])))


def start_installation(
    packages: Sequence[Package], said: Callable[[str], None], finished: Callable[[Failure | None], None]
) -> Installation:
    """Prepare the installation of ``packages``; the first :meth:`Installation.poll` starts it."""
    folder = Path(tempfile.mkdtemp(prefix="kdnet-"))
    constraints = folder / "constraints.txt"
    constraints.write_text(kept_versions(), encoding="utf-8")
    return Installation(install_steps(packages, constraints), said, finished, folder)


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line.rstrip())
    process.stdout.close()
    lines.put(None)
