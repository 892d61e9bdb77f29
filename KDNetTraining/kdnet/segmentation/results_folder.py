"""Write the results of a case into a folder: all files or none, never over files that kdnet did not write."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import SimpleITK as sitk

from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import write_volume
from kdnet.errors import DataError, KDNetError
from kdnet.files import PARTIAL, rename_over
from kdnet.foreign import reason
from kdnet.segmentation.grouping import Input
from kdnet.segmentation.result_names import file_parts, result_path
from kdnet.segmentation.results_table import digest
from kdnet.segmentation.segment_case import CaseResult

STALE_SECONDS = 3600.0  # the unfinished files of a case exist for seconds
TAILS = ("", "_kdnet")  # of file names; the second where a person's file has the first


def choose_targets(
    folder: Path, item: Input, result: CaseResult, written: Sequence[str]
) -> tuple[dict[Path, Volume | sitk.Transform], tuple[str, ...]]:
    """Choose where to write the results of a case.

    Args:
        folder: results folder.
        item: case.
        result: segmentation result of the case.
        written: digests of the files that kdnet wrote for this case before, the only ones that may be replaced.

    Returns:
        What to write by path, the labelmap first, and notes for the user.

    Raises:
        DataError: when files that kdnet did not write have all names.
    """
    parts = file_parts(result.probabilities)
    foreign: list[Path] = []
    for tail in TAILS:
        targets: dict[Path, Volume | sitk.Transform] = {
            result_path(folder, item.name, f"_seg{tail}{item.suffix}"): result.labelmap
        }
        for region, volume in result.probabilities.items():
            targets[result_path(folder, item.name, f"_{parts[region]}_percent{tail}{item.suffix}")] = volume
        if result.brain_mask is not None:
            targets[result_path(folder, item.name, f"_brain_mask{tail}{item.suffix}")] = result.brain_mask
        for modality, transform in result.transforms.items():
            targets[result_path(folder, item.name, f"_{modality}_transform{tail}.tfm")] = transform
        kept = [path for path in targets if os.path.lexists(path) and digest(path) not in written]
        if not kept:
            new = next(iter(targets)).name
            notes = (
                f"{path} was not written by kdnet, or was edited: it is kept, and the new result is {new}."
                for path in foreign[:1]
            )
            return targets, tuple(notes)
        foreign += kept
    raise DataError(f"{foreign[0]} was not written by kdnet, or was edited: move it or choose another folder.")


@contextmanager
def staged(folder: Path, targets: Mapping[Path, Volume | sitk.Transform], like: Path) -> Iterator[tuple[Path, list[str]]]:
    """Write all files next to their targets, and move them there when the block ends; a full disk leaves the old ones.

    Args:
        folder: results folder.
        targets: what to write by path, the labelmap first.
        like: file whose grid and format the results have.

    Yields:
        The path of the labelmap, and the digests of all files.

    Raises:
        KDNetError: names the file that cannot be written.
    """
    staging = folder / f"{PARTIAL}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        staging.mkdir()
        files = {path: staging / path.name for path in targets}
        for path, content in targets.items():
            if isinstance(content, Volume):
                write_volume(files[path], content, like=like)
            else:
                _write_transform(files[path], content)
        yield next(iter(targets)), [digest(path) for path in files.values()]
        for path, file in files.items():
            rename_over(file, path)
    except KDNetError as error:
        message = str(error).replace(str(staging), str(folder)).replace(ascii(str(staging))[1:-1], ascii(str(folder))[1:-1])
        raise type(error)(message) from error
    except OSError as error:
        cause = error.strerror or str(error)
        raise KDNetError(f"{folder} cannot be written ({cause}): choose another folder or free some space.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write_transform(path: Path, transform: sitk.Transform) -> None:
    """Write an ITK transform file, which Slicer loads: applied to a registered scan, it moves it onto the first scan."""
    try:
        sitk.WriteTransform(transform, str(path))
    except RuntimeError as error:
        raise OSError(0, reason(error)) from error


def sweep(folder: Path) -> None:
    """Remove what a killed process left behind."""
    for path in folder.glob(f"{PARTIAL}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
