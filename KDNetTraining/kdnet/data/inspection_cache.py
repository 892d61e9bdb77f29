"""Inspection results kept in a file, so that a resumed study does not read hundreds of cases again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from kdnet.data.dataset import Case, Dataset
from kdnet.data.inspection import inspect_case
from kdnet.errors import KDNetError
from kdnet.files import write_json
from kdnet.foreign import read_json
from kdnet.schema.case_report import CaseReport

VERSION = 3  # incremented when the inspection checks more


class InspectionRecord:
    """Inspects cases, and caches those whose files keep their size and modification time.

    Args:
        path: path of the JSON file; one that is missing, damaged or of another version is started anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path)
        self._found: dict[str, Any] = {}

    def inspect(self, case: Case, dataset: Dataset) -> CaseReport:
        """Return the report on ``case``; safe to call from several threads."""
        key = _signature(case, dataset)
        content = self._known.get(key)
        report = inspect_case(case, dataset) if content is None else CaseReport.from_json(content)
        self._found[key] = report.to_json()
        return report

    def write(self) -> None:
        """Write the records atomically; cases that were not inspected again are kept."""
        if self._found.keys() - self._known.keys():
            write_json(self._path, {"version": VERSION, "cases": {**self._known, **self._found}})


def _signature(case: Case, dataset: Dataset) -> str:
    """Return a signature that changes when a file of the case or what is expected of it changes."""
    files = []
    for modality, image in [*case.images.items(), ("reference", case.reference)]:
        if image is not None:
            try:
                status = image.path.stat()
                files.append((modality, image.path.name, image.component, status.st_size, status.st_mtime_ns))
            except OSError:
                files.append((modality, image.path.name, image.component, -1, -1))
    expected = (
        dataset.modalities,
        dataset.suffices(case),
        dataset.labels.to_json(),
        sorted(case.value_map.items()),
        case.channels,
        case.problems,
    )
    settings = (case.name, files, expected)
    return hashlib.blake2b(json.dumps(settings).encode(), digest_size=16).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
        known: dict[str, Any] = content["cases"] if content["version"] == VERSION else {}
        for value in known.values():
            CaseReport.from_json(value)
    except (KDNetError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return known
