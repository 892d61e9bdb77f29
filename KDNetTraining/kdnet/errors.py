"""The one family of errors that users are meant to read."""

from __future__ import annotations

from kdnet.text import printable

LONGEST, REMEDY = 1200, 300  # characters of a sentence, and of its end, which says what to do


class KDNetError(Exception):
    """A problem told in one sentence: what (file, node, setting), what is wrong, what to do.

    The command line prints it without a traceback and exits with code 2; the Slicer modules show it in the panel. Names of
    files and values of headers become part of it, so what would steer a terminal or break the line is shown as ``?``, and a
    value of many lines is cut short before the remedy.
    """

    def __str__(self) -> str:
        told = printable(super().__str__().replace("\n", " "))
        return told if len(told) <= LONGEST else f"{told[: LONGEST - REMEDY]} ... {told[-REMEDY:]}"


class DataError(KDNetError):
    """A folder, image or case that cannot be used."""


class ModelFileError(KDNetError):
    """A model file that is truncated, altered, foreign or newer than this program."""


class SettingsError(KDNetError):
    """A recipe value or command line argument that makes no sense here."""


class PackageError(KDNetError):
    """A Python package that is missing; files and settings are sound."""


class DeviceError(KDNetError):
    """A device, its driver or its build of PyTorch that cannot compute this; files and settings are sound."""


class RunFolderError(KDNetError):
    """A run folder that is foreign, newer, in use or cannot be written."""
