"""Acting on a process of ``kdnet`` at a moment that it reports, which no speed of the machine can make too late.

- :func:`acting` does something in this process when the work of ``main()`` reports what is waited for.
- A :class:`Gate` holds other processes there: ``python gate.py FILE ARGUMENTS`` is ``kdnet ARGUMENTS``, but after each report with the
  values in FILE it waits until FILE is gone or holds other values.

Reports are the events of a run, the answers of the worker, and printed JSON lines.
"""

from __future__ import annotations

import builtins
import json
import runpy
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

CLOSED_SECONDS = 280.0  # a process that outlives its test does not wait for ever
Report = Mapping[str, Any]


class Gate:
    """The side of the test.

    Args:
        file: of the gate; its folder must exist.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def close(self, **values: object) -> None:
        """Hold processes after reports with these values, and let go on those that wait after others."""
        partial = self._file.with_suffix(".new")
        partial.write_text(json.dumps(values), encoding="utf-8")
        _insist(lambda: partial.replace(self._file))

    def open(self) -> None:
        """Let all processes go on."""
        _insist(lambda: self._file.unlink(missing_ok=True))

    @property
    def module(self) -> tuple[str, ...]:
        """Arguments of Python that replace ``-m kdnet``."""
        return (str(Path(__file__).resolve()), str(self._file))


def _insist(change: Callable[[], object]) -> None:
    """Change the file of a gate; on Windows this fails in the moments in which a process reads it."""
    for _ in range(100):
        with suppress(PermissionError):
            change()
            return
        time.sleep(0.01)
    change()


@contextmanager
def acting(act: Callable[[], object], **values: object) -> Iterator[None]:
    """Call ``act`` once, after the first report with these values; fail if there is none."""
    acted = False

    def hear(report: Report) -> None:
        nonlocal acted
        if not acted and values.items() <= report.items():
            acted = True
            act()

    with listening(hear):
        yield
    assert acted, f"nothing with {values} was reported"


@contextmanager
def listening(hear: Callable[[Report], None]) -> Iterator[None]:
    """Call ``hear`` after each report of this process; each step is reported, and looks for a request to stop."""
    from kdnet.runs import stop_request
    from kdnet.runs.events import EventWriter
    from kdnet.segmentation.worker import Answers

    write, send, show = EventWriter.write, Answers.send, builtins.print

    def writing(self: EventWriter, event: Any, network: str = "", **values: Any) -> None:
        if "kdnet.study.training_events" in sys.modules:  # heavy, so not imported here
            sys.modules["kdnet.study.training_events"].EVENT_SECONDS = -1.0  # type: ignore[attr-defined]
        write(self, event, network, **values)
        hear({"event": str(event), "network": network, **values})

    def sending(self: Answers, **content: Any) -> None:
        send(self, **content)
        hear(content)

    def printing(*text: object, **options: Any) -> None:
        show(*text, **options)
        if len(text) == 1 and str(text[0]).startswith("{"):
            with suppress(ValueError):
                hear(json.loads(str(text[0])))

    with ExitStack() as stack:
        for target, name, value in (
            (stop_request, "POLL_SECONDS", 0.0),
            (EventWriter, "write", writing),
            (Answers, "send", sending),
            (builtins, "print", printing),
        ):
            stack.enter_context(patch.object(target, name, value))
        yield


def wait_at(file: Path, report: Report) -> None:
    """Wait while the gate ``file`` is closed for ``report``."""
    deadline = time.monotonic() + CLOSED_SECONDS
    while time.monotonic() < deadline:
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except PermissionError:  # Windows: it is being replaced
            values = {}
        if not values.items() <= report.items():
            return
        time.sleep(0.01)


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # as with "python -m": the tools of tests are no part of it
    gate = Path(sys.argv.pop(1))
    with listening(lambda report: wait_at(gate, report)):
        runpy.run_module("kdnet", run_name="__main__", alter_sys=True)
