"""Giving inputs to a child process and judging what it makes of them."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from kdnet.text import printable

SECONDS = 40.0
"""Silence that counts as a hang; generous, because machines that test are busy."""
LONGEST_SENTENCE = 1500


class Process:
    """A child whose lines are read by a thread, so that silence can be noticed."""

    def __init__(self, *command: str, folder: Path) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def send(self, line: bytes) -> None:
        """Write a line; a dead child is noticed when it is read from."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass

    def read(self, seconds: float = SECONDS) -> bytes | None:
        """The next line, None when the child has died; raises TimeoutError when it is silent."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None

    def end(self) -> str:
        """Kill the child; return how it ended and the end of what it wrote to stderr."""
        code = self._process.poll()
        self._process.kill()
        self._process.communicate()
        self.errors.seek(0)
        told = self.errors.read()[-1500:].decode("utf-8", "replace")
        return f"exit code {code}: {told}"


def complaint(text: str) -> str:
    """What is wrong with a sentence for users; empty when nothing is."""
    if "\n" in text or printable(text) != text:
        return "it is no single printable line"
    if len(text) > LONGEST_SENTENCE:
        return f"it has {len(text)} characters"
    if "Traceback" in text or not text.strip():
        return "it is no sentence"
    return ""


class Judge:
    """Counts outcomes and keeps failures.

    Args:
        folder: where the child works.
    """

    def __init__(self, folder: Path) -> None:
        self.outcomes: Counter[str] = Counter()
        self.failures: list[str] = []
        self._folder = folder
        self._child: Process | None = None

    def read(self, kind: str, path: Path, name: str) -> None:
        """Let the child read ``path``; ``name`` tells how to make this input again."""
        child = self._started()
        child.send(json.dumps({"kind": kind, "path": str(path)}).encode() + b"\n")
        try:
            line = child.read()
        except TimeoutError:
            self._lost(name, f"nothing came for {SECONDS:.0f} s")
            return
        if line is None:
            self._lost(name, "the process died")
            return
        answer: dict[str, Any] = json.loads(line)
        wrong = complaint(answer["text"]) if answer["outcome"] == "sentence" else ""
        if answer["outcome"] == "failure" or wrong:
            self.fail(name, f"{wrong} {answer['text'][-2500:]}")
        else:
            self.outcomes[answer["outcome"]] += 1

    def fail(self, name: str, reason: str) -> None:
        """Note a failure."""
        self.outcomes["failure"] += 1
        self.failures.append(f"{name}: {reason}")

    def end(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _started(self) -> Process:
        if self._child is None:
            self._child = Process(str(Path(__file__).with_name("child.py")), folder=self._folder)
            assert self._child.read(seconds=240) is not None, self._child.end()
        return self._child

    def _lost(self, name: str, reason: str) -> None:
        assert self._child is not None
        told = self._child.end()
        self._child = None
        self.fail(name, f"{reason} ({told})")
