"""A ``kdnet`` command in a process of its own, whose answer comes while Slicer stays usable."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO

from kdnet.errors import KDNetError

from KDNetLib.ProcessTree import kill_tree, start_python
from KDNetLib.Ticker import Ticker
from KDNetLib.Worker import Failure

BUDGET_SECONDS = 0.01  # of one poll, so that a talkative command never blocks the event loop
DETAIL_LINES = 60
MODULE = ("-m", "kdnet")


class Command:
    """Runs one command; polls itself while Qt's event loop runs.

    Args:
        arguments: of ``kdnet``.
        onLine: called with each line of stdout.
        onNote: called with each line of stderr, where commands tell their progress.
        onFinished: called at the end with the whole of stdout.
        onFailed: called at the end with the reason, instead.
        accepted: exit codes that are no failure.
        module: arguments of Python before those of ``kdnet``; a test gives its own.

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
        onFinished: Callable[[str], None] = lambda _answer: None,
        onFailed: Callable[[Failure], None] = lambda _failure: None,
        accepted: Sequence[int] = (0,),
        module: Sequence[str] = MODULE,
    ) -> None:
        self._arguments = [*module, *arguments]
        self._onLine, self._onNote, self._onFinished, self._onFailed = onLine, onNote, onFinished, onFailed
        self._accepted = tuple(accepted)
        self._answer: list[str] = []
        self._notes: deque[str] = deque(maxlen=DETAIL_LINES)
        self._lines: queue.Queue[tuple[bool, str | None]] = queue.Queue()
        self._open = 0
        self._process: subprocess.Popen[str] | None = None
        self._ticker = Ticker(self.poll)
        self.failure: Failure | None = None
        self.over = False

    def start(self) -> Command:
        """Start the process; return this command."""
        self._process = start_python(self._arguments)
        for stream, isNote in ((self._process.stdout, False), (self._process.stderr, True)):
            assert stream is not None
            self._open += 1
            threading.Thread(target=self._read, args=(stream, isNote), daemon=True).start()
        self._ticker.start()
        return self

    def poll(self) -> None:
        """Hand out what was said, as much as a moment allows."""
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
        """End the process at once; nothing is called any more."""
        self.over = True
        self._ticker.stop()
        if self._process is not None:
            kill_tree(self._process)
            self._process.wait()

    def wait(self) -> str:
        """Start, wait for the end, return stdout.

        Raises:
            KDNetError: in one sentence, when the command fails.
        """
        if self._process is None:
            self.start()
        while not self.over:
            self.poll()
            time.sleep(0.005)
        if self.failure is not None:
            raise KDNetError(self.failure.message)
        return "\n".join(self._answer)

    def _stream_ended(self) -> None:
        self._open -= 1
        if self._open:
            return
        assert self._process is not None
        code = self._process.wait()
        self.over = True
        self._ticker.stop()
        if code in self._accepted:
            self._onFinished("\n".join(self._answer))
            return
        self.failure = Failure(told_reason(code, self._notes), "\n".join(self._notes))
        self._onFailed(self.failure)

    def _read(self, stream: IO[str], isNote: bool) -> None:
        for line in stream:
            # a progress bar overwrites itself: what it shows last counts
            self._lines.put((isNote, line.rstrip().rpartition("\r")[2]))
        stream.close()
        self._lines.put((isNote, None))


def told_reason(code: int, notes: Sequence[str]) -> str:
    """The sentence that a command ended with, or one that says how it ended.

    Example:
        >>> told_reason(2, ["reading", "kdnet: /data is not a folder: choose a folder with cases."])
        '/data is not a folder: choose a folder with cases.'
        >>> told_reason(-9, [])
        'The process was killed, most often because memory ran out: close other programs and try again.'
    """
    told = [line.strip() for line in notes if line.strip()]
    for line in reversed(told):
        if line.startswith("kdnet: "):
            sentence = line.removeprefix("kdnet: ")
            return sentence[:1].upper() + sentence[1:]
    if code in (-9, -15, 137, 143):
        return "The process was killed, most often because memory ran out: close other programs and try again."
    last = told[-1] if told else f"exit code {code}"
    return f"The process ended unexpectedly ({last}): try again, and report it if it happens again."
