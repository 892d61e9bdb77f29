"""The prepared folder: a folder per case in BraTS layout, and the records of what could not be prepared.

A case is written to a temporary folder, which readers skip, and renamed: it is there as a whole or not at all.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kdnet.curation.record import FILE, PICTURE, CaseRecord
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import write_volume
from kdnet.errors import KDNetError
from kdnet.files import PARTIAL, rename_over, writable_folder, write_json

STATE = ".kdnet-prepare"  # folder of locks, the key of the pseudonyms, and failed cases


@dataclass(frozen=True, eq=False)
class CaseFiles:
    """What a prepared case consists of.

    Attributes:
        volumes: by the ending of the file name: modalities, and ``seg`` for the expert segmentation.
        picture: JPEG picture to look through.
    """

    volumes: Mapping[str, Volume]
    picture: bytes


class PreparedFolder:
    """The output of a preparation; several processes may write different cases.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / STATE
        self._failed = self.state / "failed"

    def create(self) -> None:
        """Create the folder.

        Raises:
            KDNetError: if it cannot be written to, or holds something else than prepared cases.
        """
        if self.root.is_dir() and not self.state.is_dir() and any(self.root.iterdir()):
            raise KDNetError(f"{self.root} is not empty and was not written by kdnet prepare: choose a new folder.")
        for folder in (self.root, self.state, self._failed):
            writable_folder(folder)

    def record(self, case: str) -> CaseRecord | None:
        """Return the record of a prepared case; None if it is not there."""
        return CaseRecord.read(self.root / case / FILE)

    def records(self) -> tuple[CaseRecord, ...]:
        """Return the records of all cases, prepared or not, by name."""
        paths = [*self.root.glob(f"*/{FILE}"), *self._failed.glob("*.json")]
        found = {record.case: record for path in paths if (record := CaseRecord.read(path)) is not None}
        return tuple(found[name] for name in sorted(found))

    def write_case(self, record: CaseRecord, files: CaseFiles) -> None:
        """Write a prepared case, in place of an earlier one.

        Raises:
            KDNetError: if it cannot be written.
        """
        with self._replacing(record.case) as folder:
            for name, volume in files.volumes.items():
                write_volume(folder / f"{record.case}_{name}.nii.gz", volume)
            (folder / PICTURE).write_bytes(files.picture)
            write_json(folder / FILE, record.to_json())
        self._failure(record.case).unlink(missing_ok=True)

    def write_failure(self, record: CaseRecord) -> None:
        """Record why a case could not be prepared; an earlier result of other files or settings is removed.

        Raises:
            KDNetError: if it cannot be written.
        """
        write_json(self._failure(record.case), record.to_json())
        if self.record(record.case) is not None:
            self._discard(self.root / record.case)

    def clean(self) -> None:
        """Remove what interrupted processes left; to be called while no other process writes here."""
        for path in self.root.glob(f"{PARTIAL}*"):
            shutil.rmtree(path, ignore_errors=True)

    def forget_failures(self, known: frozenset[str]) -> None:
        """Remove records of failed cases that are not among the ``known`` ones any more."""
        for path in self._failed.glob("*.json"):
            if path.stem not in known:
                path.unlink(missing_ok=True)

    def _failure(self, case: str) -> Path:
        return self._failed / f"{case}.json"

    @contextmanager
    def _replacing(self, case: str) -> Iterator[Path]:
        """Yield a temporary folder that becomes the folder of ``case``."""
        temporary = self._temporary()
        target = self.root / case
        try:
            temporary.mkdir()
            yield temporary
            if target.exists():
                self._discard(target)
            rename_over(temporary, target)
        except OSError as error:
            reason = error.strerror or str(error)
            raise KDNetError(f"{target} cannot be written ({reason}): choose another folder or free some space.") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _discard(self, folder: Path) -> None:
        """Remove a folder; at no time is a part of it there under its name."""
        leaving = self._temporary()
        with suppress(FileNotFoundError):
            folder.rename(leaving)
        shutil.rmtree(leaving, ignore_errors=True)

    def _temporary(self) -> Path:
        return self.root / f"{PARTIAL}{secrets.token_hex(6)}"
