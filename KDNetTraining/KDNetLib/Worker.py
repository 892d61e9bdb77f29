"""The Slicer side of the warm worker (see kdnet/inference/worker.py for what is said between them)."""

from __future__ import annotations

import itertools
import json
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kdnet.causes import memory_ran_out
from kdnet.foreign import parse_message

from KDNetLib.ProcessTree import kill_tree, reaped, start_python

DETAIL_LINES = 200
COMMAND = ("-m", "kdnet", "worker")
END_SECONDS = 2.0  # that a process whose streams are closed has to end


@dataclass(frozen=True)
class Failure:
    """Why something did not work: one sentence for the panel, and what a developer would want to see."""

    message: str
    details: str = ""


class Listener(Protocol):
    """Who asked for something; called by :meth:`Worker.poll`, so on its thread."""

    def progressed(self, progress: Mapping[str, Any]) -> None:
        """A stage went on: ``stage``, ``done``, ``total``."""

    def finished(self, result: Mapping[str, Any]) -> None:
        """The request is done."""

    def failed(self, failure: Failure) -> None:
        """The request cannot be done, or the worker died."""


@dataclass
class Job:
    """A request that is not answered yet."""

    request: Mapping[str, Any]
    listener: Listener
    attempts: int = 1


class Worker:
    """Starts the worker when it is first needed, and again when it has ended.

    Nothing is called back but from :meth:`poll`, which the owner calls now and then while :attr:`busy`.

    Args:
        command: arguments of Python; a test gives its own.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self._process: _Process | None = None
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)

    @property
    def busy(self) -> bool:
        """Whether a request is not answered yet."""
        return bool(self._jobs)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.popen.poll() is None

    @property
    def warm(self) -> bool:
        """Whether the process has imported all that it needs."""
        return self.running and self._process is not None and self._process.ready

    @property
    def pid(self) -> int | None:
        """The process that computes, None while it is not known."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process, so that the first request does not wait for it."""
        if not self.running:
            self._process = _Process(start_python(self._command, stdin=True))

    def submit(self, request: Mapping[str, Any], listener: Listener) -> None:
        """Ask for something; answers come through :meth:`poll`."""
        self._send(next(self._numbers), Job(request, listener))

    def cancel(self) -> None:
        """Forget all requests and end the process at once; listeners hear nothing more."""
        self._jobs.clear()
        self.stop()

    def stop(self) -> None:
        """End the process at once. The next request starts another."""
        if self._process is not None:
            kill_tree(self._process.popen)
            self._process.close()
        self._process = None

    def poll(self) -> None:
        """Hand out the answers that have come."""
        process = self._process
        while process is not None and process is self._process:
            try:
                answer = process.answers.get_nowait()
            except queue.Empty:
                return
            if answer is None:
                self._ended(process)
            else:
                self._hand_out(process, answer)

    def _send(self, number: int, job: Job) -> None:
        self.start()
        assert self._process is not None
        self._jobs[number] = job
        try:
            line = json.dumps({"id": number, **job.request}, allow_nan=False)
        except (TypeError, ValueError) as error:  # such as the spacing NaN of a damaged volume
            told = f"This cannot be asked of the worker ({error}): check the volume's spacing and the settings."
            self._process.answers.put({"id": number, "event": "error", "message": told})
            return
        # a process that is about to end does not take it: poll() will notice that
        self._process.write(line)

    def _hand_out(self, process: _Process, answer: Mapping[str, Any]) -> None:
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
            if code == 0 and job.attempts == 1:  # it had gone to sleep just when it was asked
                job.attempts += 1
                self._send(number, job)
            else:
                told = f"The worker ended with code {code}.\n{details or 'It wrote nothing before.'}"
                job.listener.failed(Failure(exit_reason(code, details), told))


def exit_reason(code: int, errors: str) -> str:
    """One sentence that says why the worker ended.

    Args:
        code: exit code, negative for a signal.
        errors: what it wrote to stderr.
    """
    last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "")
    if memory_ran_out(errors):
        return "Memory ran out while segmenting: close other programs or volumes, or crop the volume, and try again."
    if code in (-signal.SIGTERM, -9, 128 + 9, 128 + 15):
        return "The worker was killed, most often because memory ran out: close other programs and try again."
    if "ModuleNotFoundError" in last or "ImportError" in last:
        return f"A Python package is missing or broken ({last}): install the dependencies again."
    return f"The worker ended unexpectedly ({last or f'exit code {code}'}): try again, and report it if it happens again."


class _Process:
    """A running worker with threads that keep reading its streams."""

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
            return  # it has ended, which its streams tell too

    def wait(self) -> int:
        """The exit code of a process whose streams have ended; it is killed where it stays."""
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
        """Reap the process and wait for the threads, so that no stream stays open."""
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
            return  # the stream was closed meanwhile
        finally:
            self.answers.put(None)

    def _read_errors(self) -> None:
        assert self.popen.stderr is not None
        try:
            for line in self.popen.stderr:
                self._errors.append(line.rstrip())
        except ValueError:
            return
