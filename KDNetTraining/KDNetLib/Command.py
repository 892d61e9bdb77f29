"""Runs a ``kdnet`` command in a separate process while Slicer stays responsive."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from kdnet.causes import memory_ran_out
from kdnet.errors import KDNetError
from kdnet.foreign import parse_message, reading
from kdnet.messages import last_message

from KDNetLib.PollTimer import PollTimer
from KDNetLib.ProcessTree import kill_tree, reaped, start_python
from KDNetLib.Translation import _
from KDNetLib.Worker import KILLED_CODES, Failure

BUDGET_SECONDS = 0.01  # time limit of one poll, so that a verbose command never blocks the event loop
DETAIL_LINES = 60
END_SECONDS = 2.0  # that a process has to exit after its streams are closed
MODULE = ("-m", "kdnet")


class Command:
    """Runs one command; polls itself while Qt's event loop runs.

    Args:
        arguments: arguments of ``kdnet``.
        onLine: called with each line of stdout.
        onNote: called with each line of stderr, where commands report progress.
        onFinished: called on success with the result of ``read``.
        onFailed: called on failure with the reason.
        read: converts the full stdout to the result; any exception counts as a failure.
        accepted: exit codes that do not count as failures.
        module: Python arguments before those of ``kdnet``; replaceable in tests.

    Example:
        >>> command = Command(["--version"])
        >>> command.wait().startswith("kdnet ")
        True
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        onLine: Callable[[str], None] = lambda _line: None,
        onNote: Callable[[str], None] = lambda _line: None,
        onFinished: Callable[[Any], None] = lambda _answer: None,
        onFailed: Callable[[Failure], None] = lambda _failure: None,
        read: Callable[[str], Any] = str,
        accepted: Sequence[int] = (0,),
        module: Sequence[str] = MODULE,
    ) -> None:
        self._arguments = [*module, *arguments]
        self._onLine, self._onNote, self._onFinished, self._onFailed = onLine, onNote, onFinished, onFailed
        self._accepted = tuple(accepted)
        self._read_answer = read
        self._answer: list[str] = []
        self._result: Any = None
        self._notes: deque[str] = deque(maxlen=DETAIL_LINES)
        self._lines: queue.Queue[tuple[bool, str | None]] = queue.Queue()
        self._open = 0
        self._process: subprocess.Popen[str] | None = None
        self._timer = PollTimer(self.poll)
        self.failure: Failure | None = None
        self.over = False

    def start(self) -> Command:
        """Start the process; return this command."""
        self._process = start_python(self._arguments)
        for stream, isNote in ((self._process.stdout, False), (self._process.stderr, True)):
            assert stream is not None
            self._open += 1
            threading.Thread(target=self._read, args=(stream, isNote), daemon=True).start()
        self._timer.start()
        return self

    def poll(self) -> None:
        """Deliver pending output within the time limit of a poll."""
        until = time.monotonic() + BUDGET_SECONDS
        while not self.over and time.monotonic() < until:
            try:
                isNote, line = self._lines.get_nowait()
            except queue.Empty:
                return
            if line is None:
                self._stream_ended()
            elif isNote:
                self._notes.append(line)
                self._onNote(line)
            else:
                self._answer.append(line)
                self._onLine(line)

    def cancel(self) -> None:
        """Kill the process; no more callbacks follow."""
        self.over = True
        self._timer.stop()
        if self._process is not None:
            kill_tree(self._process)
            reaped(self._process)

    def wait(self) -> str:
        """Run the command to completion and return stdout.

        Raises:
            KDNetError: in one sentence, if the command fails.
        """
        self.answer()
        return "\n".join(self._answer)

    def answer(self) -> Any:
        """Run the command to completion and return the result of ``read``.

        Raises:
            KDNetError: in one sentence, if the command fails.
        """
        if self._process is None:
            self.start()
        while not self.over:
            self.poll()
            time.sleep(0.005)
        if self.failure is not None:
            raise KDNetError(self.failure.message)
        return self._result

    def _stream_ended(self) -> None:
        self._open -= 1
        if self._open:
            return
        assert self._process is not None
        try:
            code = self._process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            kill_tree(self._process)
            code = reaped(self._process)
        self.over = True
        self._timer.stop()
        if code not in self._accepted:
            self._fail(Failure(failure_message(code, self._notes), "\n".join(self._notes)))
            return
        text = "\n".join(self._answer)
        try:
            with reading("The answer of kdnet", "try again, and report it if it happens again", KDNetError):
                answer = self._read_answer(text)
        except KDNetError as error:
            self._fail(Failure(str(error), "\n".join([*self._notes, text])))
            return
        self._result = answer
        self._onFinished(answer)

    def _fail(self, failure: Failure) -> None:
        self.failure = failure
        self._onFailed(failure)

    def _read(self, stream: IO[str], isNote: bool) -> None:
        try:
            for line in stream:
                # a progress bar overwrites itself: only its last text counts
                self._lines.put((isNote, line.rstrip().rpartition("\r")[2]))
            stream.close()
        except ValueError:
            return  # the stream was closed in the meantime
        finally:
            self._lines.put((isNote, None))


def json_answer(text: str) -> Mapping[str, Any]:
    """Parse the JSON object that a command printed, skipping lines that a library printed before it.

    Example:
        >>> json_answer('License: free\\n{"cores": 2}')["cores"]
        2

    Raises:
        ValueError: if there is none.
    """
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("{"):
            answer = parse_message("\n".join(lines[index:])) or parse_message(line)
            if answer is not None:
                return answer
    raise ValueError("it contains no JSON object")


def failure_message(code: int, notes: Sequence[str]) -> str:
    """Return the error message of a command, or a sentence that describes how it ended.

    Example:
        >>> failure_message(2, ["reading", "kdnet: /data is not a folder: choose a folder with cases."])
        '/data is not a folder: choose a folder with cases.'
        >>> failure_message(-9, [])
        'The process was killed, most likely for lack of memory: close other programs and try again.'
    """
    lines = [line.strip() for line in notes if line.strip()]
    sentence = last_message(lines)
    if sentence is not None:
        return sentence[:1].upper() + sentence[1:]
    if code in KILLED_CODES:
        return _("The process was killed, most likely for lack of memory: close other programs and try again.")
    if memory_ran_out("\n".join(lines)):
        return _("Out of memory: close other programs or reduce the workload, and try again.")
    last = lines[-1] if lines else _("exit code {code}").format(code=code)
    return _("The process ended unexpectedly ({reason}): try again, and report it if it happens again.").format(reason=last)
