"""Reading of untrusted input: any failure becomes one sentence.

Images, data set descriptions, recipes, model files, run folders and output of other processes may be damaged, truncated,
hostile or simply from another program. Their readers raise whatever the underlying library raises: ``KeyError``,
``OverflowError``, ``LinAlgError``, ``RecursionError``. None of that helps a user, and one bad item must never stop the
work on the others. So each reader opens its file within :func:`reading`, and JSON is read by :func:`read_json`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from kdnet.causes import device_failed, memory_ran_out
from kdnet.errors import DataError, KDNetError
from kdnet.text import one_line

MOST_JSON_BYTES = 64 << 20  # maximum size of a description or record; real studies stay far below it


@contextmanager
def reading(subject: object, remedy: str, error: type[KDNetError] = DataError, *, verb: str = "read") -> Iterator[None]:
    """Convert any exception in the block to one sentence: ``subject`` cannot be read (reason): ``remedy``.

    Intentionally raised KDNet errors pass unchanged. Out-of-memory errors and device failures are not blamed on the
    file.

    Args:
        subject: the file, folder or node, as the user knows it.
        remedy: what to do, as the end of the sentence without the period.
        error: class of the error to raise.
        verb: what the block does with the subject, if not just reading.

    Raises:
        KDNetError: an instance of ``error``.

    Example:
        >>> from kdnet.errors import KDNetError
        >>> try:
        ...     with reading("scan.nii", "export it again"):
        ...         {}["datatype"]
        ... except KDNetError as problem:
        ...     print(problem)
        scan.nii cannot be read (KeyError: 'datatype'): export it again.
    """
    try:
        yield
    except KDNetError:
        raise
    except Exception as problem:
        if memory_ran_out(problem):
            raise error(f"There is not enough memory to {verb} {subject}: close other programs and try again.") from problem
        if device_failed(problem):
            raise error(f"The device cannot {verb} {subject} ({reason(problem)}): choose the device cpu.") from problem
        participle = {"read": "read"}.get(verb, f"{verb}ed")
        raise error(f"{subject} cannot be {participle} ({reason(problem)}): {remedy}.") from problem


@contextmanager
def surviving(handle: Callable[[Exception], None]) -> Iterator[None]:
    """Pass any exception in the block to ``handle`` and continue after the block: the last resort of a process.

    Only the outermost level of a program may use it: the ``kdnet`` command, which ends with a sentence and a log file, and
    the worker, which responds and serves the next request. KeyboardInterrupt and SystemExit pass through.

    Args:
        handle: called with the exception; its traceback is intact.
    """
    try:
        yield
    except Exception as problem:  # noqa: BLE001 - the one place that ends a process cleanly, or keeps it alive
        handle(problem)


def reason(problem: BaseException) -> str:
    """Return the message of an exception, short and on one line, with its class where the text alone is unclear."""
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    last = one_line(lines[-1], 200).rstrip(".") if lines else ""
    if isinstance(problem, (OSError, RuntimeError, ValueError)) and " " in last:
        return last.removeprefix("sitk::ERROR:").strip()
    return f"{type(problem).__name__}: {last}" if last else type(problem).__name__


def read_json(path: Path, remedy: str = "correct it", error: type[KDNetError] = DataError) -> dict[str, Any]:
    """Read a JSON file that holds one object, strictly: no NaN, no infinity, not larger than ``MOST_JSON_BYTES``.

    Args:
        path: path of the file.
        remedy: what to do if it cannot be read.
        error: class of the error to raise.

    Raises:
        KDNetError: an instance of ``error``, naming the file.
    """
    with reading(path, remedy, error):
        if path.stat().st_size > MOST_JSON_BYTES:
            raise error(f"{path} is larger than {MOST_JSON_BYTES >> 20} MiB, the limit for such files: {remedy}.")
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict):
        raise error(f"{path} does not contain a JSON object: {remedy}.")
    return content


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV file of scans: one row per scan or case, with at least these columns.

    Raises:
        DataError: naming the file and what it lacks.
    """
    with reading(path, "correct it"), path.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream, restval=""))
    if not rows or not set(columns) <= set(rows[0]):
        raise DataError(f"{path} must have a row per scan and the columns {', '.join(columns)}: add what is missing.")
    return rows


def parse_json(text: str) -> Any:
    """Parse strict JSON.

    Raises:
        ValueError: for anything else, including NaN, infinity and too deep nesting.
    """
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError as problem:
        raise ValueError("it is nested too deeply") from problem


def parse_message(line: str) -> Mapping[str, Any] | None:
    """Parse a line from another process as a JSON object; None if it is not one, since libraries print there too."""
    try:
        content = parse_json(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")
