"""Progress bars on the command line, drawn from events.jsonl like every other view of a run."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from kdnet.runs.events import Event, EventKind, read_events
from kdnet.schema.formatting import clock

POLL_SECONDS = 0.5

LINE_SECONDS = 20.0  # between two lines about the same work, where the output is a file


class ProgressBars:
    """Shows one bar at a time for work in progress, and a line for finished work.

    Where stderr is not a terminal, a line now and then takes the place of each bar.

    Args:
        path: events.jsonl; its existing content is skipped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        _, self._offset = read_events(path)
        self._bar: tqdm[None] | None = None
        self._subject = ""
        self._line_due = time.monotonic() + LINE_SECONDS

    def update(self) -> None:
        """Show the events written since the last call."""
        events, self._offset = read_events(self._path, self._offset)
        for event in events:
            self._show(event)

    def close(self) -> None:
        """Leave the last bar as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _show(self, event: Event) -> None:
        values = event.values
        match event.event:
            case EventKind.PREPARATION:
                self._advance(values["what"], int(values["done"]), int(values["total"]))
            case EventKind.EXCLUDED:
                self._emit(f"excluded: {values['case']}: {values['reason']}")
            case EventKind.STEP:
                left = clock(float(values["seconds_left"]))
                study = values.get("study_seconds_left")
                whole = "" if study is None else f", study {clock(float(study))}"
                note = f"loss {values['losses']['total']:.3f}, {left} left{whole}"
                self._advance(event.network, int(values["step"]), int(values["steps"]), note)
            case EventKind.VALIDATION:
                dice = "  ".join(f"{region} {value:.3f}" for region, value in values["dice"].items())
                self._emit(f"{event.network} step {values['step']}: validation Dice {dice}")
            case EventKind.EVALUATION:
                self._advance(f"{event.network} test cases", int(values["done"]), int(values["total"]))
            case EventKind.WAITING:
                self._emit(f"waiting for {', '.join(values['runs'])}")
            case EventKind.WARNING:
                self._emit(f"note: {values['text']}")
            case _:
                pass

    def _advance(self, subject: str, done: int, total: int, note: str = "") -> None:
        if not sys.stderr.isatty():
            self._write_line(subject, done, total, note)
            return
        if subject != self._subject or self._bar is None:
            self.close()
            self._subject = subject
            layout = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"
            self._bar = tqdm(total=total, desc=subject, file=sys.stderr, bar_format=layout, dynamic_ncols=True)
        self._bar.n = done
        self._bar.set_postfix_str(note)

    def _write_line(self, subject: str, done: int, total: int, note: str) -> None:
        now = time.monotonic()
        if done < total and now < self._line_due:
            return
        self._line_due = now + LINE_SECONDS
        self._emit(f"{subject} {done}/{total}{f', {note}' if note and done < total else ''}")

    def _emit(self, text: str) -> None:
        tqdm.write(text, file=sys.stderr)


@contextmanager
def progress_bars(path: Path) -> Iterator[None]:
    """Follow the events in ``path`` in a separate thread until the block ends."""
    bars = ProgressBars(path)
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(POLL_SECONDS):
            bars.update()

    thread = threading.Thread(target=follow, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        bars.update()
        bars.close()
