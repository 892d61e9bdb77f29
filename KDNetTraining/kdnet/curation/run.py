"""Prepare a whole raw folder: find cases, skip those that are done, prepare the others, write tables and page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from kdnet.curation.case_work import CaseWork
from kdnet.curation.find_cases import FoundCases, find_cases
from kdnet.curation.names import Pseudonyms
from kdnet.curation.overview import Overview, write_overview
from kdnet.curation.prepared_folder import PreparedFolder
from kdnet.curation.raw_case import RawCase
from kdnet.curation.raw_files import walk_raw
from kdnet.curation.workers import prepare_cases
from kdnet.errors import DataError, KDNetError, SettingsError
from kdnet.files import writable_folder
from kdnet.runs.lock import exclusive
from kdnet.schema.raw_studies import CurationProgress

EVERY_FILES = 200  # between two reports on the search
EVERY_SECONDS = 20.0  # between two updates of the page, which shows the cases that are done

ProgressCallback = Callable[[CurationProgress], None]


@dataclass(frozen=True)
class Share:
    """The part of the cases that this command prepares, number ``index`` of ``count``, when several machines share them.

    Raises:
        SettingsError: if there is no such part.
    """

    index: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise SettingsError(f"--shard is {self.index}/{self.count}: give I/N with I from 1 to N, for example 1/4.")

    @classmethod
    def parse(cls, text: str) -> Share:
        """Parse ``--shard``.

        Raises:
            SettingsError: if it is not ``I/N``.
        """
        index, _, count = text.partition("/")
        if not (index.isdecimal() and count.isdecimal()):
            raise SettingsError(f'--shard is "{text}": give I/N with I from 1 to N, for example 1/4.')
        return cls(int(index), int(count))

    @property
    def name(self) -> str:
        """Name of the folder with the lock of this part."""
        return f"shard-{self.index}-of-{self.count}"

    def of(self, cases: Sequence[RawCase]) -> tuple[RawCase, ...]:
        """Return the cases of this part: all of a patient's, or none."""
        patients = sorted({case.patient for case in cases})
        mine = set(patients[self.index - 1 :: self.count])
        return tuple(case for case in cases if case.patient in mine)


def prepare_folder(
    work: CaseWork,
    *,
    jobs: int = 1,
    share: Share = Share(),
    device: str = "auto",
    progress: ProgressCallback = lambda _progress: None,
) -> Overview:
    """Prepare the cases of a raw folder that are not done yet; a command that was interrupted continues.

    Args:
        work: folders and choices.
        jobs: number of processes.
        share: part of the cases.
        device: device for brain extraction.
        progress: called while files are searched, and after each case.

    Returns:
        What is in the prepared folder.

    Raises:
        KDNetError: if the raw folder has no cases, or the output cannot be written.
    """
    folder = PreparedFolder(work.out)
    folder.create()
    with ExitStack() as stack:
        stack.enter_context(exclusive(writable_folder(folder.state / share.name)))
        if share.count == 1:
            folder.clean()
        files = walk_raw(work.root, work.out, lambda count: _report_search(progress, count))
        found = find_cases(files, Pseudonyms.of_folder(folder.state))
        if not found.cases:
            raise DataError(_nothing(work.root, found))
        folder.forget_failures(frozenset(case.name for case in found.cases))
        _prepare(work, share.of(found.cases), found, jobs, device, progress)
        return write_overview(folder, found, work)


def _report_search(progress: ProgressCallback, count: int) -> None:
    if count % EVERY_FILES == 0:
        progress(CurationProgress(files=count))


def _prepare(
    work: CaseWork, cases: Sequence[RawCase], found: FoundCases, jobs: int, device: str, progress: ProgressCallback
) -> None:
    folder = PreparedFolder(work.out)
    waiting = [case for case in cases if not _is_done(folder, work, case)]
    state = CurationProgress(total=len(cases), done=len(cases) - len(waiting))
    progress(state)
    started = shown = time.monotonic()
    for number, finished in enumerate(prepare_cases(work, waiting, jobs, device), start=1):
        if finished.record is None:
            raise KDNetError(finished.problem)
        left = (time.monotonic() - started) / number * (len(waiting) - number)
        reason = finished.record.reason
        state = replace(state, done=state.done + 1, failed=state.failed + bool(reason))
        progress(replace(state, case=finished.case.name, reason=reason, seconds_left=round(left, 1)))
        if time.monotonic() - shown > EVERY_SECONDS:
            write_overview(folder, found, work)
            shown = time.monotonic()


def _is_done(folder: PreparedFolder, work: CaseWork, case: RawCase) -> bool:
    """Check whether a case is prepared from these files with these settings; failed cases are tried again."""
    record = folder.record(case.name)
    try:
        return record is not None and record.fingerprint == work.fingerprint(case)
    except OSError:  # a file that has just been removed; preparing the case will say so
        return False


def _nothing(root: Path, found: FoundCases) -> str:
    if found.problems:
        return f"{root} has no study that can be read, for example: {found.problems[0][1]}"
    return f"{root} contains neither DICOM series nor NIfTI, NRRD or MetaImage files: choose the folder with the studies."
