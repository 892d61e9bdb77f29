"""The one family of errors that users are meant to read."""

from __future__ import annotations


class KDNetError(Exception):
    """A problem told in one sentence: what (file, node, setting), what is wrong, what to do.

    The command line prints it without a traceback and exits with code 2; the Slicer modules show it in the panel.
    """


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
