"""The Slicer side of the persistent worker (see kdnet/segmentation/worker.py for the protocol)."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kdnet.causes import memory_ran_out
from kdnet.foreign import parse_message

from KDNetLib.ProcessTree import kill_tree, reaped, start_python
from KDNetLib.Translation import _

DETAIL_LINES = 200
COMMAND = ("-m", "kdnet", "worker")
KILLED_CODES = (-9, -15, 128 + 9, 128 + 15)  # SIGKILL and SIGTERM, directly or through a launcher
END_SECONDS = 2.0  # that a process has to exit after its streams are closed


@dataclass(frozen=True)
class Failure:
    """The reason of a failure: one sentence for the panel, and details for developers."""

    message: str
    details: str = ""


class Listener(Protocol):
    """Receiver of the results of a request; called by :meth:`Worker.poll`, on its thread."""

    def progressed(self, progress: Mapping[str, Any]) -> None:
        """Handle progress of a stage: ``stage``, ``done``, ``total``."""

    def finished(self, result: Mapping[str, Any]) -> None:
        """Handle the result of the request."""

    def failed(self, failure: Failure) -> None:
        """Handle a failed request or the death of the worker."""


@dataclass
class Job:
    """A pending request."""

    request: Mapping[str, Any]
    listener: Listener
    attempts: int = 1


class Worker:
    """Starts the worker when first needed, and restarts it after it has exited.

    Callbacks come only from :meth:`poll`, which the owner calls periodically while :attr:`busy`.

    Args:
        command: arguments of Python; replaceable in tests.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self._process: _Process | None = None
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)

    @property
    def busy(self) -> bool:
        """Whether a request is pending."""
        return bool(self._jobs)

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.popen.poll() is None

    @property
    def warm(self) -> bool:
        """Whether the process has finished its imports."""
        return self.running and self._process is not None and self._process.ready

    @property
    def pid(self) -> int | None:
        """The ID of the computing process, None while unknown."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process ahead of time, so that the first request does not wait for it."""
        if not self.running:
            self._process = _Process(start_python(self._command, stdin=True))

    def submit(self, request: Mapping[str, Any], listener: Listener) -> None:
        """Submit a request; results arrive through :meth:`poll`."""
        self._send(next(self._numbers), Job(request, listener))

    def cancel(self) -> None:
        """Drop all requests and kill the process; listeners are not called again."""
        self._jobs.clear()
        self.stop()

    def stop(self) -> None:
        """Kill the process. The next request starts a new one."""
        if self._process is not None:
            kill_tree(self._process.popen)
            self._process.close()
        self._process = None

    def poll(self) -> None:
        """Deliver the answers that have arrived."""
        process = self._process
        while process is not None and process is self._process:
            try:
                answer = process.answers.get_nowait()
            except queue.Empty:
                return
            if answer is None:
                self._ended(process)
            else:
                self._dispatch(process, answer)

    def _send(self, number: int, job: Job) -> None:
        self.start()
        assert self._process is not None
        self._jobs[number] = job
        try:
            line = json.dumps({"id": number, **job.request}, allow_nan=False)
        except (TypeError, ValueError) as error:  # such as the spacing NaN of a damaged volume
            message = _("The request is invalid ({error}): check the volume's spacing and the settings.").format(
                error=error
            )
            self._process.answers.put({"id": number, "event": "error", "message": message})
            return
        # a process that is about to exit does not accept it: poll() will notice
        self._process.write(line)

    def _dispatch(self, process: _Process, answer: Mapping[str, Any]) -> None:
        event, number = answer["event"], answer.get("id")
        if event == "hello" and isinstance(answer.get("pid"), int):
            process.pid = answer["pid"]
        elif event == "ready":
            process.ready = True
        elif not isinstance(number, int) or number not in self._jobs:
            return
        elif event == "progress":
            self._jobs[number].listener.progressed(answer)
        elif event == "result":
            self._jobs.pop(number).listener.finished(answer)
        elif event == "error":
            self._jobs.pop(number).listener.failed(Failure(str(answer.get("message", "")), process.errors()))

    def _ended(self, process: _Process) -> None:
        code = process.wait()
        details = process.errors()
        self._process = None
        jobs, self._jobs = self._jobs, {}
        for number, job in jobs.items():
            if code == 0 and job.attempts == 1:  # it exited from idling just as the request was sent
                job.attempts += 1
                self._send(number, job)
            else:
                report = f"The worker exited with code {code}.\n{details or 'There was no output.'}"
                job.listener.failed(Failure(exit_reason(code, details), report))


def exit_reason(code: int, errors: str) -> str:
    """Return one sentence that explains why the worker exited.

    Args:
        code: exit code, negative for a signal.
        errors: its stderr output.
    """
    last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "")
    if memory_ran_out(errors):
        return _("Out of memory during segmentation: close other programs or volumes, or crop the volume, and try again.")
    if code in KILLED_CODES:
        return _("The worker was killed, most likely for lack of memory: close other programs and try again.")
    if "ModuleNotFoundError" in last or "ImportError" in last:
        return _("A Python package is missing or broken ({error}): install the dependencies again.").format(error=last)
    reason = last or _("exit code {code}").format(code=code)
    return _("The worker ended unexpectedly ({reason}): try again, and report it if it happens again.").format(
        reason=reason
    )


class _Process:
    """A running worker process with threads that read its streams."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen = popen
        self.pid: int | None = None
        self.ready = False
        self.answers: queue.Queue[Mapping[str, Any] | None] = queue.Queue()
        self._errors: deque[str] = deque(maxlen=DETAIL_LINES)
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read, self._read_errors)]
        for thread in self._threads:
            thread.start()

    def write(self, line: str) -> None:
        assert self.popen.stdin is not None
        try:
            self.popen.stdin.write(line + "\n")
            self.popen.stdin.flush()
        except OSError:
            return  # it has exited, which its streams also show

    def wait(self) -> int:
        """Return the exit code of a process whose streams have ended; kill it if it is still running."""
        try:
            code = self.popen.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            kill_tree(self.popen)
            code = reaped(self.popen)
        self.close()
        return code

    def errors(self) -> str:
        return "\n".join(self._errors)

    def close(self) -> None:
        """Reap the process and join the threads, so that no stream stays open."""
        reaped(self.popen)
        for thread in self._threads:
            thread.join(timeout=1)
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if stream is not None and not any(thread.is_alive() for thread in self._threads):
                try:
                    stream.close()
                except OSError:
                    continue

    def _read(self) -> None:
        assert self.popen.stdout is not None
        try:
            for line in self.popen.stdout:
                answer = parse_message(line)
                if answer is not None and isinstance(answer.get("event"), str):
                    self.answers.put(answer)
                else:  # a launcher or a library printed it
                    self._errors.append(line.rstrip())
        except ValueError:
            return  # the stream was closed in the meantime
        finally:
            self.answers.put(None)

    def _read_errors(self) -> None:
        assert self.popen.stderr is not None
        try:
            for line in self.popen.stderr:
                self._errors.append(line.rstrip())
        except ValueError:
            return
