"""File dialogs over the main window, so that they do not open behind it or on another screen."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer


def ask_open(title: str, filters: str) -> Path | None:
    """Ask for a file to read; None if the user cancels."""
    return _path(qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, "", filters))


def ask_save(title: str, suggestion: str, filters: str) -> Path | None:
    """Ask for a file to write; None if the user cancels."""
    return _path(qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, suggestion, filters))


def ask_folder(title: str) -> Path | None:
    """Ask for a folder; None if the user cancels."""
    return _path(qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title))


def _path(answer: str) -> Path | None:
    return Path(answer) if answer else None
