"""The worker: a process that Slicer starts once and keeps warm, so that a click pays for the work alone.

Requests come as JSON lines on stdin, answers go as JSON lines to stdout; voxels go through ``.npy`` files that are mapped
into memory. There is no socket. The worker ends when its stdin is closed, which also happens when the parent crashes, and
after a time without work, which gives its memory back.

The parent cancels by killing the worker. Its launcher may not be the worker itself (Slicer's ``PythonSlicer`` starts
Python as a child), so the first answer names the process that is to be killed::

    {"event": "hello", "pid": 4711}            before torch is imported
    {"event": "ready"}                         after it
    {"id": 1, "event": "progress", "stage": "load", "done": 0, "total": 1}
    {"id": 1, "event": "result", ...}          what the task gives, see kdnet/inference/tasks.py
    {"id": 1, "event": "error", "message": "one sentence"}

A request is ``{"id": 1, "task": "segment", ...}`` with what the task takes. Errors that users can mend are answers; any
other ends the process with a traceback on stderr, which the parent shows.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from typing import IO, Any

from kdnet.errors import KDNetError

IDLE_SECONDS = 900.0


class Answers:
    """Writes answers, one JSON object a line; from one thread at a time."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, **content: Any) -> None:
        """Write one answer at once."""
        with self._lock:
            self._stream.write(json.dumps(content) + "\n")
            self._stream.flush()


def main(idle_seconds: float = IDLE_SECONDS) -> int:
    """Serve requests until stdin is closed or nothing was asked for ``idle_seconds``."""
    # answers keep the true stdout for themselves; whatever libraries print goes to stderr
    answers = Answers(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    requests: queue.Queue[Mapping[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    answers.send(event="hello", pid=os.getpid())
    from kdnet.inference.tasks import Tasks  # noqa: PLC0415 - heavy

    tasks = Tasks()
    answers.send(event="ready")
    while True:
        try:
            request = requests.get(timeout=idle_seconds)
        except queue.Empty:
            return 0
        _answer(request, tasks.run, answers)


def _listen(requests: queue.Queue[Mapping[str, Any]]) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    os._exit(0)  # the parent is gone: nobody waits for what the main thread is doing


def _answer(request: Mapping[str, Any], run: Any, answers: Answers) -> None:
    number = request["id"]

    def progress(**content: Any) -> None:
        answers.send(id=number, event="progress", **content)

    try:
        answers.send(id=number, event="result", **run(request, progress))
    except KDNetError as error:
        answers.send(id=number, event="error", message=str(error))
