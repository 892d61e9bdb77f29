"""What all cases of a preparation share; light, because the process that starts the others needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kdnet.curation.prepared_folder import PreparedFolder
from kdnet.curation.raw_case import RawCase
from kdnet.curation.record import CaseRecord
from kdnet.schema.raw_studies import CurationSettings


@dataclass(frozen=True)
class CaseWork:
    """The folders and choices of a preparation.

    Attributes:
        root: the raw folder.
        out: the prepared folder.
        settings: the user's choices.
    """

    root: Path
    out: Path
    settings: CurationSettings

    def fingerprint(self, case: RawCase) -> str:
        """Return the fingerprint of a case with these settings."""
        return case.fingerprint(self.root, self.settings.to_json())

    def failed(self, case: RawCase, reason: str) -> CaseRecord:
        """Record why a case could not be prepared.

        Raises:
            KDNetError: if the output cannot be written.
        """
        record = CaseRecord(case.name, case.patient, self.fingerprint(case), reason=reason[:1].upper() + reason[1:])
        PreparedFolder(self.out).write_failure(record)
        return record
