"""Processes that prepare a case at a time; one that dies takes down its case only.

A process gets cases as JSON lines on stdin and answers each with one on stdout (``kdnet.cli.prepare_worker``). When its
stdin is closed, because this process ends in whatever way, it ends too.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from kdnet.curation.case_work import CaseWork
from kdnet.curation.raw_case import RawCase
from kdnet.curation.record import CaseRecord
from kdnet.entry import ERROR_EXIT
from kdnet.errors import KDNetError
from kdnet.foreign import parse_message
from kdnet.shared_files import BACKEND

MODULE = "kdnet.cli.prepare_worker"
STOP_SECONDS = 10.0
BROKEN = "The process that prepares cases has ended with an error, which its message says."
DIED = "its process ended unexpectedly, most likely for lack of memory: use fewer --jobs, and try again."


@dataclass(frozen=True)
class Finished:
    """A case that a process is done with.

    Attributes:
        case: the case.
        record: its record; None if none could be written.
        problem: why all work must stop, such as a full disk; empty if it need not.
    """

    case: RawCase
    record: CaseRecord | None
    problem: str = ""


def prepare_cases(work: CaseWork, cases: Sequence[RawCase], jobs: int, device: str) -> Iterator[Finished]:
    """Yield each case when it is finished, in any order.

    Args:
        work: what all cases share.
        cases: cases to prepare.
        jobs: number of processes.
        device: name of the device for brain extraction.
    """
    waiting: queue.SimpleQueue[RawCase] = queue.SimpleQueue()
    for case in cases:
        waiting.put(case)
    done: queue.SimpleQueue[Finished] = queue.SimpleQueue()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    workers = [_Worker(work, waiting, done, [str(threads), device]) for _ in range(min(jobs, len(cases)))]
    try:
        for worker in workers:
            worker.start()
        for _ in cases:
            yield done.get()
    finally:
        for worker in workers:
            worker.stop()


class _Worker(threading.Thread):
    """Gives cases to a process of its own, and starts another when it dies."""

    def __init__(
        self,
        work: CaseWork,
        waiting: queue.SimpleQueue[RawCase],
        done: queue.SimpleQueue[Finished],
        arguments: Sequence[str],
    ) -> None:
        super().__init__(name="prepare", daemon=True)
        self._work, self._waiting, self._done = work, waiting, done
        settings = json.dumps(work.settings.to_json())
        # without the working folder first on the path, where a file of the user may be named like a module
        self._command = [sys.executable, "-P", "-m", MODULE, str(work.root), str(work.out), settings, *arguments]
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def run(self) -> None:
        """Work until no case is waiting."""
        with suppress(queue.Empty):
            while not self._stopped:
                self._done.put(self._finished(self._waiting.get_nowait()))
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def stop(self) -> None:
        """End the process, at once if it is at work."""
        self._stopped = True
        if self._process is None:
            return
        if self.is_alive():
            self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.join(STOP_SECONDS)

    def _finished(self, case: RawCase) -> Finished:
        try:
            answer = self._ask(case)
            if answer is not None or self._stopped:
                return answer or Finished(case, None)
            if self._process is not None and self._process.wait(STOP_SECONDS) == ERROR_EXIT:
                return Finished(case, None, BROKEN)
            return Finished(case, self._work.failed(case, DIED))
        except (KDNetError, OSError, subprocess.TimeoutExpired) as error:
            return Finished(case, None, str(error))

    def _ask(self, case: RawCase) -> Finished | None:
        """Return the answer of the process; None if it died."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, (str(BACKEND), os.environ.get("PYTHONPATH")))),
                },
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with suppress(OSError):  # it died just now, and has no answer
            stdin.write(f"{json.dumps(case.to_json())}\n")
            stdin.flush()
        for line in stdout:
            content = parse_message(line)
            if content is not None and "problem" in content:
                record = content["record"]
                return Finished(case, None if record is None else CaseRecord.from_json(record), str(content["problem"]))
        return None
