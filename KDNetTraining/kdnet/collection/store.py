"""The folder of a collection: adding, replacing and removing cases, each at once or not at all."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from kdnet.collection.case_content import (
    HASH_DIGITS,
    changed_by,
    patient_hash,
    record_of,
    scan_digests,
    today,
    write_case,
    write_labelmap,
)
from kdnet.collection.correction import Correction, check_correction
from kdnet.data.formats.collection import (
    CORRECTED,
    ORIGINAL,
    case_file,
    is_collection,
    read_case_record,
    read_collected,
)
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError, KDNetError
from kdnet.files import PARTIAL, rename_over, writable_folder, write_json
from kdnet.schema.collection import (
    CASE_FILE,
    COLLECTION_FILE,
    SCHEMA,
    CollectedCase,
    CollectionContent,
    CollectionHeader,
    check_case_name,
    next_case_name,
    read_header,
)

REPLACED = ".replaced-"  # prefix of the folder of a case while a new version takes its place

ABANDONED_SECONDS = 3600.0  # after which an incomplete folder is not one that another process is writing


class Collection:
    """Corrected segmentations in a folder that ``kdnet adapt`` and ``kdnet study`` read.

    A case is written to a hidden folder, which is then renamed, so that readers see it completely or not at all.

    Args:
        root: the folder; created with the first case.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> Collection(Path(tempfile.mkdtemp()) / "corrections").content().cases
        ()
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def content(self) -> CollectionContent:
        """Return the cases of the collection and their labels.

        Raises:
            DataError: if its description is damaged, or the folder holds something else.
        """
        if not self._exists():
            return CollectionContent(self.root, None, ())
        self._recover()
        cases, problems = read_collected(self.root)
        return CollectionContent(self.root, read_header(self.root).labels, cases, problems)

    def add(self, correction: Correction, name: str = "") -> CollectedCase:
        """Add a case.

        Args:
            correction: the corrected segmentation.
            name: name of the case; the next free ``case-001`` if empty.

        Returns:
            What is recorded of the case.

        Raises:
            DataError: if the correction cannot be trained on, has other labels than the collection, the name is taken or
                invalid, or the scan is collected already.
            KDNetError: if the folder cannot be written.
        """
        check_correction(correction)
        twin = self.find(correction)
        if twin is not None:
            raise DataError(f"this scan is collected already as {twin.name}: replace that case, or remove it first.")
        digests = scan_digests(correction)
        taken = [path.name for path in self.root.iterdir()] if self.root.is_dir() else []
        chosen = check_case_name(name) if name else next_case_name(taken)
        if chosen.lower() in (item.lower() for item in taken):
            raise DataError(f'{self.root} already has a case named "{chosen}": choose another name.')
        return self._write(correction, chosen, digests)

    def find(self, correction: Correction) -> CollectedCase | None:
        """Return the case that has one of the scans of a correction; None if there is none.

        Raises:
            DataError: if the description of the collection is damaged, or the folder holds something else.
        """
        digests = set(scan_digests(correction).values())
        return next((case for case in self.content().cases if digests & set(case.scans.values())), None)

    def correct(self, name: str, corrected: Volume, *, no_tumor: bool = False) -> CollectedCase:
        """Replace the segmentation of a case; its scans, brain mask, and segmentation of the model stay.

        Args:
            name: name of the case.
            corrected: the segmentation, in values of the collection's labels, on the grid of the case.
            no_tumor: whether the user confirms that there is nothing to segment.

        Returns:
            What is recorded of the case now.

        Raises:
            DataError: if there is no such case, or the segmentation cannot be trained on.
            KDNetError: if the folder cannot be written; the case is then unchanged.
        """
        known, original = self._case(name), case_file(self.root, name, ORIGINAL)
        correction = Correction(
            scans={part: read_volume(case_file(self.root, name, part)) for part in known.modalities[:1]},
            corrected=corrected,
            labels=read_header(self.root).labels,
            original=read_volume(original) if original.is_file() else None,
            no_tumor=no_tumor,
        )
        check_correction(correction)
        record = replace(known, date=today(), changed_ml=changed_by(correction), no_tumor=no_tumor)

        def fill(partial: Path) -> CollectedCase:
            shutil.copytree(self.root / name, partial, dirs_exist_ok=True)
            write_labelmap(case_file(self.root, name, CORRECTED).name, partial, correction, corrected)
            return record

        return self._place(name, fill)

    def replace(self, name: str, correction: Correction) -> CollectedCase:
        """Replace a case with another correction, such as a second one of the same scan.

        If the correction names no patient, the case keeps its own. If it has no segmentation of a model, the case keeps
        its own too, provided that the scan is the same.

        Raises:
            DataError: if there is no such case, or the correction cannot be trained on.
            KDNetError: if the folder cannot be written; the case is then unchanged.
        """
        known, kept = self._case(name), case_file(self.root, name, ORIGINAL)
        check_correction(correction)
        digests = scan_digests(correction)
        if correction.original is None and known.scans == digests and kept.is_file():
            origin = replace(correction.origin, model=known.model, model_hash=known.model_hash)
            correction = replace(correction, original=read_volume(kept), origin=origin)
        return self._write(correction, name, digests, known)

    def remove(self, name: str) -> None:
        """Remove a case.

        Raises:
            DataError: if there is no such case.
            KDNetError: if it cannot be removed.
        """
        folder = self.root / self._case(name).name
        with _writing(folder):
            doomed = self.root / f"{PARTIAL}{secrets.token_hex(4)}"
            folder.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)  # what is left is hidden, and removed later

    def _case(self, name: str) -> CollectedCase:
        if not self._exists() or name not in [case.name for case in self.content().cases]:
            raise DataError(f'{self.root} has no case named "{name}": choose one that it lists.')
        return read_case_record(self.root / name)

    def _write(
        self, correction: Correction, name: str, digests: dict[str, str], known: CollectedCase | None = None
    ) -> CollectedCase:
        header = self._header(correction)
        record = record_of(correction, name, digests, self._patient(correction, header, known))

        def fill(partial: Path) -> CollectedCase:
            write_case(partial, name, correction)
            return record

        return self._place(name, fill)

    def _place(self, name: str, fill: Callable[[Path], CollectedCase]) -> CollectedCase:
        """Write a case into a hidden folder, then move it to its place.

        Args:
            name: name of the case.
            fill: writes the files of the case into a folder, and returns what to record of it.
        """
        partial = self.root / f"{PARTIAL}{secrets.token_hex(4)}"
        with _writing(self.root):
            try:
                partial.mkdir()
                record = fill(partial)
                write_json(partial / CASE_FILE, record.to_json())
                self._put(partial, name)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        return record

    def _put(self, partial: Path, name: str) -> None:
        """Move a complete case to its place; the previous one can be recovered until it is there."""
        folder, previous = self.root / name, self.root / f"{REPLACED}{name}"
        if folder.exists():
            folder.rename(previous)
        rename_over(partial, folder)
        shutil.rmtree(previous, ignore_errors=True)

    def _recover(self) -> None:
        """Complete what a killed process left: put back a case whose new version never took its place, and clean up."""
        for partial in self.root.glob(f"{PARTIAL}*"):
            with suppress(OSError):  # removed by another process
                if partial.is_dir() and time.time() - partial.stat().st_mtime > ABANDONED_SECONDS:
                    shutil.rmtree(partial, ignore_errors=True)
        for previous in self.root.glob(f"{REPLACED}*"):
            folder = self.root / previous.name.removeprefix(REPLACED)
            with suppress(OSError):  # a folder that can only be read is read as it is
                if folder.exists():
                    shutil.rmtree(previous, ignore_errors=True)
                else:
                    previous.rename(folder)

    def _header(self, correction: Correction) -> CollectionHeader:
        """Return the description of the collection, written with its first case.

        Raises:
            DataError: if the collection has other labels.
        """
        if not is_collection(self.root):
            header = CollectionHeader(secrets.token_hex(16), correction.labels)
            writable_folder(self.root)
            content = {"schema": SCHEMA, "salt": header.salt, "labels": header.labels.to_json()}
            write_json(self.root / COLLECTION_FILE, content)
            return header
        header = read_header(self.root)
        if header.labels.meaning != correction.labels.meaning:
            own, other = (", ".join(label.name for label in table.labels) for table in (header.labels, correction.labels))
            raise DataError(f"{self.root} holds {own}, but the segmentation {other}: choose another collection.")
        return header

    def _patient(self, correction: Correction, header: CollectionHeader, known: CollectedCase | None) -> str:
        if correction.patient.strip():
            return patient_hash(correction.patient, header.salt)
        return known.patient if known is not None else secrets.token_hex(HASH_DIGITS // 2)

    def _exists(self) -> bool:
        if is_collection(self.root):
            return True
        if self.root.exists() and (not self.root.is_dir() or any(self.root.iterdir())):
            raise DataError(f"{self.root} is not a collection but contains other files: choose an empty or new folder.")
        return False


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise KDNetError(f"{path} cannot be written ({reason}): check its permissions and free some space.") from error
