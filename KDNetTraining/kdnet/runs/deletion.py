"""Deleting a run folder with everything in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from kdnet.errors import RunFolderError
from kdnet.runs.folder import RunFolder, read_study
from kdnet.runs.lock import FILE, exclusive


def folder_size(root: Path) -> int:
    """Return the bytes of all files in a folder; files that disappear meanwhile count nothing."""
    total = 0
    for path in root.rglob("*"):
        try:
            total += path.lstat().st_size if not path.is_dir() else 0
        except OSError:
            continue
    return total


def delete_run(root: Path) -> None:
    """Delete the run in ``root`` and its folder. An interrupted deletion leaves a run folder, which can be deleted again.

    Raises:
        RunFolderError: if it is not a run folder, is a link, is in use, or a file cannot be deleted.
    """
    read_study(root)
    if root.is_symlink():
        raise RunFolderError(f"{root} is a link: delete the folder that it points to.")
    study = RunFolder(root).study
    try:
        with exclusive(root):
            for path in root.iterdir():  # the record goes last, so that the folder stays recognizable
                if path not in (study, root / FILE):
                    _remove(path)
        shutil.rmtree(root)
    except OSError as error:
        reason = error.strerror or error
        raise RunFolderError(
            f"{error.filename or root} cannot be deleted ({reason}): close programs that use it, and try again."
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
