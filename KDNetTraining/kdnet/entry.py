"""Startup and exit of every command: valid standard streams, and never a bare traceback."""

from __future__ import annotations

import errno
import io
import os
import platform
import stat
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import kdnet
from kdnet.causes import device_failed, memory_ran_out
from kdnet.errors import KDNetError
from kdnet.foreign import reason, surviving
from kdnet.messages import message_line

ERROR_EXIT = 2
INTERRUPTED_EXIT = 130
CLOSED_PIPE_EXIT = 141  # exit code that a shell reports for a command ended by a closed pipe
CLOSED = (errno.EPIPE, errno.EINVAL, errno.ESHUTDOWN)  # Windows reports a closed pipe as an invalid argument
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def prepare_streams() -> None:
    """Open missing standard streams, and make them print ``?`` for characters they cannot encode.

    Without stderr (services, ``pythonw``), the next opened file would take its descriptor, and library messages
    would be written to that file.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest free descriptor
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open for the life of the process
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def carry_out(run: Callable[[], int]) -> int:
    """Run a command; return its exit code.

    Problems that users can solve are printed as one sentence, without a traceback, and give exit code 2. So do
    unexpected errors, whose traceback goes to a log file named in the sentence. If the reader of the output goes away, the
    command ends quietly with exit code 141.

    Args:
        run: function that returns the exit code.
    """
    code = ERROR_EXIT

    def failed(problem: Exception) -> None:
        nonlocal code
        code = _ended(problem)

    try:
        with surviving(failed):
            code = run()
            sys.stdout.flush()
    except KeyboardInterrupt:
        say("interrupted.")
        return INTERRUPTED_EXIT
    except SystemExit:
        _unprinted()
        raise
    return code


def say(sentence: str) -> None:
    """Print one sentence from ``kdnet`` to stderr; do nothing if it cannot be written."""
    with suppress(OSError, ValueError):
        print(message_line(sentence), file=sys.stderr, flush=True)


def _ended(problem: Exception) -> int:
    """Report why a command ended; return its exit code."""
    unprinted = _unprinted()
    if isinstance(problem, KDNetError):
        say(str(problem))
        return ERROR_EXIT
    if isinstance(problem, OSError) and problem.filename is None:
        if problem.errno in CLOSED and (unprinted is not None or _prints_to_a_pipe()):
            return CLOSED_PIPE_EXIT
        if problem.errno in FULL:
            say(f"the output cannot be written ({reason(problem)}): free some space, or redirect it.")
            return ERROR_EXIT
    if isinstance(problem, ImportError):
        say(f"a Python package is missing or broken ({reason(problem)}): reinstall the requirements of kdnet.")
    elif memory_ran_out(problem):
        say(f"out of memory ({reason(problem)}): close other programs, or choose a smaller patch, batch or network.")
    elif device_failed(problem):
        say(f"the device cannot run this ({reason(problem)}): choose --device cpu, or update PyTorch and the driver.")
    else:
        log = _log(problem)
        where = f"report it with the file {log}" if log else "report it"
        say(f"unexpected error ({type(problem).__name__}: {reason(problem)}): {where}.")
    return ERROR_EXIT


def _unprinted() -> OSError | None:
    """Flush stdout; return the error if it fails, after which output is discarded, else None."""
    try:
        sys.stdout.flush()
    except ValueError:  # it was closed
        return None
    except OSError as error:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.stdout.flush()
        return error
    return None


def _prints_to_a_pipe() -> bool:
    """Check whether another process reads stdout; unbuffered output leaves nothing to retry."""
    with suppress(OSError, ValueError):
        mode = os.fstat(sys.stdout.fileno()).st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    return False


def _log(problem: Exception) -> Path | None:
    """Write the traceback to a new file in the temporary folder; return None if that is not possible."""
    with suppress(OSError):
        number, name = tempfile.mkstemp(prefix="kdnet-", suffix=".log")
        with os.fdopen(number, "w", encoding="utf-8", errors="replace") as stream:
            stream.write(f"kdnet {kdnet.__version__}, Python {sys.version}, {platform.platform()}\n{sys.argv}\n\n")
            traceback.print_exception(problem, file=stream)
        return Path(name)
    return None
