"""Prepare one case: judge its series, choose, assemble, write, and record what was done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kdnet.curation.assembly import Assembled, assemble
from kdnet.curation.candidate import Candidate
from kdnet.curation.case_work import CaseWork
from kdnet.curation.choice import Chosen, choose_series
from kdnet.curation.dicom_candidates import dicom_candidates
from kdnet.curation.image_candidates import image_candidate
from kdnet.curation.label_files import references_of
from kdnet.curation.pictures import case_picture
from kdnet.curation.prepared_folder import CaseFiles, PreparedFolder
from kdnet.curation.raw_case import RawCase
from kdnet.curation.record import CaseRecord
from kdnet.curation.reference_labels import Drawn, volumes_ml
from kdnet.errors import DataError
from kdnet.foreign import reading
from kdnet.preparation.brain import BrainExtractor


def prepare_raw_case(work: CaseWork, case: RawCase, extractor: BrainExtractor) -> CaseRecord:
    """Prepare and write a case; a problem of its files becomes the reason in the record.

    Args:
        work: folders and choices.
        case: the case.
        extractor: brain extractor.

    Raises:
        KDNetError: if the output cannot be written, or the brain extraction model is missing.
    """
    try:
        with reading(f"The case {case.name}", "look at its files", DataError, verb="process"):
            fingerprint = work.fingerprint(case)
            record, files = _Preparation(work, case, fingerprint).run(extractor)
    except DataError as error:
        return work.failed(case, str(error))
    PreparedFolder(work.out).write_case(record, files)
    return record


@dataclass(frozen=True)
class _Preparation:
    work: CaseWork
    case: RawCase
    fingerprint: str

    def run(self, extractor: BrainExtractor) -> tuple[CaseRecord, CaseFiles]:
        label_file = self._label_file()
        candidates = _candidates(self.case)
        drawn = Drawn.read(label_file, candidates) if label_file is not None else None
        chosen = choose_series(candidates, self.work.settings.modalities, drawn.scan if drawn is not None else None)
        assembled = assemble(chosen, candidates, drawn, self.work.settings, extractor)
        volumes = {**assembled.volumes, **({} if assembled.labels is None else {"seg": assembled.labels})}
        return self._record(chosen, assembled, label_file), CaseFiles(volumes, case_picture(assembled))

    def _label_file(self) -> Path | None:
        found = references_of(self.case.labels)
        if len(found) > 1:
            listed = ", ".join(path.relative_to(self.work.root).as_posix() for path in found[:4])
            raise DataError(
                f"{len(found)} files may be the expert segmentation ({listed}): keep one, or end its name in _seg."
            )
        return found[0] if found else None

    def _record(self, chosen: Chosen, assembled: Assembled, label_file: Path | None) -> CaseRecord:
        labels = {} if assembled.labels is None else volumes_ml(assembled.labels)
        return CaseRecord(
            self.case.name,
            self.case.patient,
            self.fingerprint,
            reference=assembled.reference,
            scans={name: item.name for name, item in chosen.scans.items()},
            shape=assembled.head.grid.shape,
            spacing=tuple(round(step, 4) for step in assembled.head.grid.spacing),
            segmentation=label_file.relative_to(self.work.root).as_posix() if label_file is not None else "",
            labels_ml={str(value): round(amount, 3) for value, amount in labels.items()},
            done=assembled.done,
            warnings=assembled.warnings,
            skipped=chosen.skipped,
        )


def _candidates(case: RawCase) -> list[Candidate]:
    found: list[Candidate] = []
    for source in case.sources:
        found += dicom_candidates(source) if source.dicom else (image_candidate(source),)
    return found
