"""Read and write ``volumes.csv`` of a results folder: the outcome of each case over several commands, and kdnet's files.

The table is merged by the case's source: a command adds its cases to those of earlier commands. Columns that people add
are kept. The digests of the written files later show whether a labelmap is unchanged, or was replaced or corrected by a
person and must be kept.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from kdnet.data.volumes.dicom import is_series, series_files
from kdnet.errors import DataError, KDNetError
from kdnet.files import PARTIAL, write_csv
from kdnet.foreign import reading
from kdnet.schema.segmentation import RegionVolume
from kdnet.text import FORMULA, table_cell

NAME = "volumes.csv"
UNSAVED = "volumes-unsaved.csv"  # receives the rows while another program blocks writing the table
UNIT = " (mL)"
MOST_BYTES = 64 << 20
TURN_SECONDS = 5.0  # longest time to wait for another command that writes the table
DIGEST_LENGTH = 16  # hexadecimal digits
FIRST = ("case", "state")
LAST = ("reason", "warnings", "brain", "source", "model", "settings", "input", "labelmap", "written")


class State(StrEnum):
    """The outcome of a case."""

    SEGMENTED = "segmented"
    FAILED = "failed"
    SKIPPED = "skipped"
    DONE_BEFORE = "done before"  # in this run; the table then holds the result of an earlier run


@dataclass(frozen=True)
class Row:
    """One case of a results folder.

    Attributes:
        case: name of the case and its results.
        source: files that it was segmented from, which identify the case.
        state: outcome; empty in tables of older versions.
        amounts: volumes in mL.
        reason: why it failed or was skipped.
        warnings: why the result may be wrong.
        brain: how the skull was handled.
        model: name and digest of the model file.
        settings: non-default settings, as text.
        input: digest of the input files.
        labelmap: file name of the labelmap.
        written: digests of all files that kdnet wrote for this case.
        more: other columns, which people may have added.
    """

    case: str
    source: str
    state: str = ""
    amounts: tuple[RegionVolume, ...] = ()
    reason: str = ""
    warnings: str = ""
    brain: str = ""
    model: str = ""
    settings: str = ""
    input: str = ""
    labelmap: str = ""
    written: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)


class ResultsTable:
    """The table of one results folder.

    Args:
        folder: results folder.

    Raises:
        DataError: when the folder holds a ``volumes.csv`` of another program, which is left unchanged.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._unsaved = folder / NAME, folder / UNSAVED
        self._own: dict[str, Row] = {}
        self._written: tuple[int, ...] = ()  # state of the file as this command wrote it
        self._rows = {**_read(self._path), **_read(self._unsaved)}

    def row(self, source: str) -> Row | None:
        """Return the row of a case, None when there is none."""
        return self._rows.get(_key(source))

    def names(self) -> dict[str, Path]:
        """Return the names of the cases in the table, with the first file or the folder of each."""
        return {row.case: Path(row.source.split("; ")[0]) for row in self._rows.values() if row.source}

    def put(self, row: Row) -> None:
        """Add a case, or replace its row; columns that people added stay."""
        key = _key(row.source)
        old = self._rows.get(key) or self._rows.pop(_key("", row.case), None)  # from a version that stored no source
        self._own[key] = self._rows[key] = Row(**{**vars(row), "more": {**(old.more if old else {}), **row.more}})

    def save(self) -> str:
        """Write the table, including rows that other commands have added in the meantime.

        Returns:
            Why it could not be written, empty on success. The rows are then kept in ``volumes-unsaved.csv``, which the
            next command reads too.
        """
        try:
            with _turn(self._path):
                if not self._written or _state(self._path) != self._written:  # reading takes as long as writing
                    self._rows = {**self._rows, **_read(self._path), **self._own}
                for row in self._own.values():
                    self._rows.pop(_key("", row.case), None)
                _write(self._path, self._rows.values())
                self._written = _state(self._path)
        except KDNetError as error:
            with suppress(KDNetError):
                _write(self._unsaved, self._rows.values())
            return str(error)
        with suppress(OSError):
            self._unsaved.unlink(missing_ok=True)
        return ""

    def remove(self) -> None:
        """Remove the table from an otherwise empty folder."""
        for path in (self._path, self._unsaved):
            with suppress(OSError):
                path.unlink(missing_ok=True)


@contextmanager
def _turn(table: Path) -> Iterator[None]:
    """Wait until no other command writes the table, so that none loses a row of another; a killed one does not block."""
    mark = table.with_name(f"{PARTIAL}{table.name}.lock")
    deadline = time.monotonic() + TURN_SECONDS
    owned = False
    while not owned and time.monotonic() < deadline:
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            owned = True
        except FileExistsError:
            with suppress(OSError):
                if time.time() - mark.stat().st_mtime > TURN_SECONDS:  # writing takes milliseconds: it was killed
                    mark.unlink()
            time.sleep(0.01)
        except OSError:  # the folder cannot be written, which writing the table will report
            break
    try:
        yield
    finally:
        if owned:
            with suppress(OSError):
                mark.unlink()


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written or replaced; empty if it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def digest(path: Path) -> str:
    """Return a digest of a file's bytes, or of all files in a folder or series with their names; empty if unreadable."""
    total = hashlib.sha256()
    try:
        if not is_series(path):
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()[:DIGEST_LENGTH]
        for file in (entry for entry in series_files(path) if entry.is_file() and not entry.name.startswith(".")):
            with file.open("rb") as stream:
                total.update(f"{file.name!a} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    except (OSError, DataError):
        return ""
    return total.hexdigest()[:DIGEST_LENGTH]


def _read(path: Path) -> dict[str, Row]:
    """Return the rows of a table by source; none when there is no such file."""
    if not path.is_file():
        return {}
    remedy = "move it or choose another results folder"
    with reading(path, remedy):
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path} is larger than {MOST_BYTES >> 20} MiB: {remedy}.")
        try:
            content = path.read_bytes()
        except PermissionError:  # a Windows program holds it exclusively; writing will report that
            return {}
        text = _decoded(content)
        header = text.partition("\n")[0]
        delimiter = max(",;\t", key=header.count)  # spreadsheets save with the separator of their locale
        lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="", restval="")
        if text.strip() and "case" not in (lines.fieldnames or ()):
            raise DataError(f"{path} was not written by kdnet: {remedy}.")
        found = [_row({_cell(name): _cell(value) for name, value in line.items() if name}) for line in lines]
        return {_key(row.source, row.case): row for row in found}


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")  # as saved by spreadsheets on Windows


def _cell(value: str) -> str:
    """Return the value of a cell, without the apostrophe that keeps a spreadsheet from evaluating it."""
    return value[1:] if value.startswith("'") and value[1:].startswith(FORMULA) else value


def _row(cells: dict[str, str]) -> Row:
    amounts = []
    for name in [name for name in cells if name.endswith(UNIT)]:
        with suppress(ValueError):
            amounts.append(RegionVolume(name.removesuffix(UNIT), float(cells[name].replace(",", "."))))
        del cells[name]
    known = {name: cells.pop(name, "") for name in (*FIRST, *LAST)}
    written = tuple(known.pop("written").split())
    return Row(**known, amounts=tuple(amounts), written=written, more=cells)


def _write(path: Path, rows: Iterable[Row]) -> None:
    lines = [_cells(row) for row in rows]
    volumes = _union(name for line in lines for name in line if name.endswith(UNIT))
    more = _union(name for line in lines for name in line if name not in (*FIRST, *LAST, *volumes))
    columns = (*FIRST, *volumes, *LAST, *more)
    write_csv(path, [[table_cell(line.get(name, "")) for name in columns] for line in ({n: n for n in columns}, *lines)])


def _cells(row: Row) -> dict[str, str]:
    cells = {name: str(getattr(row, name)) for name in (*FIRST, *LAST)}
    cells["written"] = " ".join(row.written)
    return {**row.more, **cells, **{f"{amount.name}{UNIT}": f"{amount.milliliters:.3f}" for amount in row.amounts}}


def _union(names: Iterable[str]) -> Sequence[str]:
    return tuple(dict.fromkeys(names))


def _key(source: str, case: str = "") -> str:
    """Return the key of a row: its source, as stored in a cell, or the case in tables of older versions."""
    return table_cell(source) or f"case {table_cell(case)}"
