"""The errors whose messages are written for users."""

from __future__ import annotations

from kdnet.text import printable

LONGEST, REMEDY = 1200, 300  # maximum characters of a message, and of its end, which gives the remedy


class KDNetError(Exception):
    """A problem reported in one sentence: what (file, node, setting), what is wrong, what to do.

    The command line prints it without a traceback and exits with code 2; the Slicer modules show it in the panel. File
    names and header values become part of it, so characters that control a terminal or break the line show as ``?``, and a
    long value is truncated before the remedy.
    """

    def __str__(self) -> str:
        message = printable(super().__str__().replace("\n", " "))
        return message if len(message) <= LONGEST else f"{message[: LONGEST - REMEDY]} ... {message[-REMEDY:]}"


class DataError(KDNetError):
    """A folder, image or case that cannot be used."""


class ModelFileError(KDNetError):
    """A model file that is truncated, altered, of another program, or newer than this program."""


class SettingsError(KDNetError):
    """An invalid recipe value or command line argument."""


class PackageError(KDNetError):
    """A Python package that is missing; files and settings are valid."""


class DeviceError(KDNetError):
    """A device, its driver or its build of PyTorch that cannot compute this; files and settings are valid."""


class RunFolderError(KDNetError):
    """A run folder that is of another program, newer, in use, or not writable."""
