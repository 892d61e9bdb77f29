"""The worker: a process that Slicer starts once and keeps warm, so that each request costs only its own work.

Requests arrive as JSON lines on stdin, answers leave as JSON lines on stdout; voxels are passed in memory-mapped ``.npy``
files. There is no socket. The worker exits when its stdin is closed, which also happens when the parent crashes, and after
an idle time, which frees its memory.

The parent cancels by killing the worker. The process it launches may not be the worker itself (Slicer's ``PythonSlicer``
starts Python as a child), so the first answer gives the process to kill::

    {"event": "hello", "pid": 4711}            before torch is imported
    {"event": "ready"}                         after the import
    {"id": 1, "event": "progress", "stage": "load", "done": 0, "total": 1}
    {"id": 1, "event": "result", ...}          the task's result, see kdnet/segmentation/worker_tasks.py
    {"id": 1, "event": "error", "message": "one sentence"}

A request is ``{"id": 1, "task": "segment", ...}`` with the task's parameters; ``id`` is a number or a string. Lines that
are not JSON objects are skipped. Any exception in a task becomes an error, its traceback goes to stderr, and the next
request is served; only when this process loses its GPU does it exit after the answer, and the parent starts another.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

from kdnet.causes import device_failed, device_lost, memory_ran_out
from kdnet.errors import KDNetError
from kdnet.foreign import parse_message, reason, surviving
from kdnet.schema.segmentation import WORKER_IDLE_SECONDS
from kdnet.text import one_line

UNFIT = "unfit"  # used as the task of a request that cannot be read


class Answers:
    """Writes answers, one JSON object per line; from one thread at a time."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, **content: Any) -> None:
        """Write one answer immediately.

        Raises:
            OSError: when the reader is gone.
        """
        line = json.dumps(content, allow_nan=False) + "\n"  # complete before anything is written
        with self._lock:
            self._stream.write(line)
            self._stream.flush()


def main(idle_seconds: float = WORKER_IDLE_SECONDS) -> int:
    """Serve requests until stdin is closed or none arrives for ``idle_seconds``; return the exit code."""
    stdin = sys.stdin
    if stdin is None:  # no request can ever arrive
        return 0
    answers = Answers(_private_stdout())
    requests: queue.Queue[Mapping[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(stdin.buffer, requests), daemon=True).start()
    with suppress(OSError, queue.Empty):  # the parent is gone or has stopped sending requests
        answers.send(event="hello", pid=os.getpid())
        from kdnet.segmentation.worker_tasks import Tasks  # noqa: PLC0415 - heavy

        run = Tasks().run
        answers.send(event="ready")
        while _answer(requests.get(timeout=idle_seconds), run, answers):
            pass
    return 0


def _private_stdout() -> IO[str]:
    """Return the real stdout, reserved for answers; library output goes to stderr, or is dropped if that is closed."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    try:
        os.dup2(2, 1)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    return stream


def _listen(stdin: IO[bytes], requests: queue.Queue[Mapping[str, Any]]) -> None:
    try:
        for line in stdin:
            text = line.decode("utf-8", errors="replace")
            request = parse_message(text) or _unfit_request(text)
            if request is not None:
                requests.put(request)
    finally:
        os._exit(0)  # the parent is gone: nobody is waiting for the main thread's result


def _unfit_request(line: str) -> Mapping[str, Any] | None:
    """Return the request in a line that strict JSON rejects, so that the sender gets an error as answer."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    number = content.get("id") if isinstance(content, dict) else None
    return {"id": number, "task": UNFIT} if isinstance(number, int | str) else None


def _answer(request: Mapping[str, Any], run: Callable[..., Mapping[str, Any]], answers: Answers) -> bool:
    """Answer one request; return whether this process can serve another."""
    given = request.get("id")
    number = given if isinstance(given, int | str) else None
    fit = True

    def progress(**content: Any) -> None:
        answers.send(id=number, event="progress", **content)

    def failed(problem: Exception) -> None:
        nonlocal fit
        fit = not device_lost(problem)
        if not isinstance(problem, KDNetError) or problem.__cause__ is not None:
            _show(problem)
        answers.send(id=number, event="error", message=_sentence(problem))

    result: Mapping[str, Any] | None = None
    with surviving(failed):
        if not isinstance(request.get("task"), str):
            raise KDNetError("A request to the worker does not specify a task: update the extension.")
        if request["task"] == UNFIT:
            raise KDNetError("A request to the worker contains a number that is not finite: check the volume's spacing.")
        result = run(request, progress)
    if result is not None:
        with surviving(failed):
            answers.send(id=number, event="result", **result)
    return fit


def _sentence(problem: Exception) -> str:
    if isinstance(problem, KDNetError):
        return str(problem)
    if memory_ran_out(problem):
        return "Out of memory: close other programs or volumes, or crop the volume, and try again."
    if device_failed(problem):
        return f"The device cannot run this ({reason(problem)}): choose cpu."
    description = reason(problem)
    if isinstance(problem, OSError) and problem.filename:
        description = f"{one_line(str(problem.filename), 300)}: {description}"
    return f"Unexpected error in the worker ({description}): try again, and report it if it happens again."


def _show(problem: Exception) -> None:
    if sys.stderr is not None:
        with suppress(OSError):
            traceback.print_exception(problem, file=sys.stderr)
            sys.stderr.flush()
