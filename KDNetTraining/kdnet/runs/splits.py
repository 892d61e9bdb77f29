"""The cases of each fold, recorded in a run because a resumed run must use the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from kdnet.errors import RunFolderError, SettingsError
from kdnet.files import write_json
from kdnet.foreign import read_json
from kdnet.json_schema import parse_dataclass
from kdnet.schema.folds import Split, fold_name, fold_number
from kdnet.text import one_line

REMEDY = "delete it, then resume the run"


def keep_splits(path: Path, splits: Mapping[int, Split]) -> None:
    """Write ``splits`` to ``path``, or check that the same are there.

    Raises:
        RunFolderError: if the run was started with other cases.
    """
    known = read_splits(path)
    if not known:
        write_json(path, {fold_name(fold): asdict(split) for fold, split in splits.items()})
        return
    before, now = _names(known), _names(splits)
    for name in sorted(before - now):
        raise RunFolderError(f"{path.parent} was started with case {name}, which is now missing or invalid: restore it.")
    for name in sorted(now - before):
        raise RunFolderError(f"{path.parent} was started without case {name}: remove it from the data or start a new run.")
    if known != splits:
        raise RunFolderError(f"{path.parent} was started with other folds: restore cases.csv or start a new run.")


def read_splits(path: Path) -> dict[int, Split]:
    """Read the splits in ``path`` (fold to its cases); empty if there are none yet.

    Raises:
        RunFolderError: if the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        content = read_json(path, REMEDY, RunFolderError)
        return {fold_number(fold): parse_dataclass(Split, part) for fold, part in content.items()}
    except (ValueError, SettingsError) as error:
        details = one_line(str(error), 200).rstrip(".")
        raise RunFolderError(f"{path} is damaged ({details}): {REMEDY}.") from error


def _names(splits: Mapping[int, Split]) -> set[str]:
    return {name for split in splits.values() for name in (*split.train, *split.validation, *split.test)}
