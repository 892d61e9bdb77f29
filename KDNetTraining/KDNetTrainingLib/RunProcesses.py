"""The processes of runs that this Slicer started, and whether any process is working on a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kdnet.errors import RunFolderError
from kdnet.messages import last_message
from kdnet.runs.lock import is_locked
from KDNetLib.ProcessTree import start_detached
from slicer.i18n import tr as _

from KDNetTrainingLib.Request import python_arguments
from KDNetTrainingLib.RunMonitor import LOG, log_tail
from KDNetTrainingLib.Runs import Run


class RunProcesses:
    """Starts processes that outlive Slicer; a run that another Slicer started is known by the lock on its folder."""

    def __init__(self) -> None:
        self._processes: dict[Path, subprocess.Popen[bytes]] = {}
        self._started: set[Path] = set()  # runs whose process has written to the folder

    def start(self, run: Run, arguments: list[str]) -> None:
        """Start ``kdnet`` with ``arguments`` for a run; its output is appended to the log in the run folder.

        Raises:
            RunFolderError: when the log cannot be written.
        """
        try:
            self._processes[run.root] = start_detached(python_arguments(run.processes, arguments), run.root / LOG)
        except OSError as error:
            problem = _("{folder} cannot be used ({reason}): choose another folder.")
            raise RunFolderError(problem.format(folder=run.root, reason=error.strerror)) from error
        self._started.discard(run.root)

    def find(self, run: Run) -> subprocess.Popen[bytes] | None:
        """Return the process that this Slicer started last for a run, whether or not it is alive."""
        return self._processes.get(run.root)

    def alive(self, run: Run) -> bool:
        """Check whether a process is working on the run, at least on this computer."""
        process = self.find(run)
        return (process is not None and process.poll() is None) or is_locked(run.root)

    def starting(self, run: Run) -> bool:
        """Check whether a process started here is alive but has not written to the folder yet."""
        process = self.find(run)
        if process is None or process.poll() is not None or run.root in self._started:
            return False
        if is_locked(run.root) and (run.root / "study.json").exists():
            self._started.add(run.root)
            return False
        return True

    def startup_error(self, run: Run) -> str:
        """Return why a process started here ended before it wrote anything, empty if it did not."""
        process = self.find(run)
        if process is None or process.poll() in (None, 0):
            return ""
        return last_message(log_tail(run.root).splitlines()) or ""
