"""What is in a prepared folder, as tables and as a page: ``cases.csv``, ``not_prepared.csv``, ``index.html``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kdnet.curation.case_work import CaseWork
from kdnet.curation.find_cases import FoundCases
from kdnet.curation.prepared_folder import PreparedFolder
from kdnet.curation.record import CaseRecord
from kdnet.files import atomic_write, write_csv
from kdnet.text import table_cell

CASES, NOT_PREPARED, PAGE = "cases.csv", "not_prepared.csv", "index.html"


@dataclass(frozen=True)
class Overview:
    """The state of a prepared folder.

    Attributes:
        prepared: records of the prepared cases.
        failed: records of the cases that could not be prepared.
        files: path of each file that belongs to no case, and why.
        stale: prepared cases that the raw folder no longer has.
    """

    prepared: tuple[CaseRecord, ...]
    failed: tuple[CaseRecord, ...]
    files: tuple[tuple[str, str], ...]
    stale: tuple[str, ...]


def write_overview(folder: PreparedFolder, found: FoundCases, work: CaseWork) -> Overview:
    """Write tables and page from the records of all cases, also of those that other processes have prepared.

    Args:
        folder: the prepared folder.
        found: cases and problems of the raw folder.
        work: folders and choices.

    Raises:
        KDNetError: if they cannot be written.
    """
    from kdnet.curation.overview_page import overview_page  # noqa: PLC0415 - the report's room imports matplotlib

    records = folder.records()
    known = {case.name for case in found.cases}
    overview = Overview(
        tuple(record for record in records if not record.reason),
        tuple(record for record in records if record.reason and record.case in known),
        tuple((path.relative_to(work.root).as_posix(), reason) for path, reason in found.problems),
        tuple(record.case for record in records if not record.reason and record.case not in known),
    )
    write_csv(folder.root / CASES, _rows(("case", "patient"), ((item.case, item.patient) for item in overview.prepared)))
    failures = [(item.case, item.patient, item.reason) for item in overview.failed]
    failures += [(path, "", reason) for path, reason in overview.files]
    write_csv(folder.root / NOT_PREPARED, _rows(("case", "patient", "reason"), failures))
    page = overview_page(overview.prepared, [(name, reason) for name, _, reason in failures], overview.stale, work.settings)
    with atomic_write(folder.root / PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    return overview


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    return [header, *(tuple(map(table_cell, row)) for row in rows)]
