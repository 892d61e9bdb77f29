"""Segment many cases into one folder without overwriting files that kdnet did not write or repeating finished work.

``kdnet segment`` and the panel's batch mode use this module. A batch that is run again, or was killed, skips what is done;
a labelmap that a person corrected is kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from kdnet.data.volumes.grid import Volume
from kdnet.errors import KDNetError
from kdnet.inference.predictor import Predictor
from kdnet.preparation.brain import BrainExtractor
from kdnet.schema.former_names import current_settings
from kdnet.schema.lesions import LesionTable
from kdnet.schema.segmentation import ProgressCallback, RegionVolume, SegmentationOptions
from kdnet.segmentation.grouping import Input, RejectedInput
from kdnet.segmentation.inputs import Found
from kdnet.segmentation.read_ahead import read_ahead
from kdnet.segmentation.result_names import absolute, different_names
from kdnet.segmentation.results_folder import choose_targets, staged, sweep
from kdnet.segmentation.results_table import ResultsTable, Row, State, digest
from kdnet.segmentation.segment_case import read_case, segment_case, settings_text
from kdnet.segmentation.shard import ALL, Shard
from kdnet.text import one_line

Case = TypeVar("Case", Input, RejectedInput, Input | RejectedInput)
TRIES = 3  # attempts to write a table that another program holds, once all cases are done


@dataclass(frozen=True)
class Outcome:
    """The outcome of one input.

    Attributes:
        name: case name.
        state: outcome of the case in this run.
        labelmap: file, None when there is none.
        amounts: volumes in mL.
        error: why it failed or was skipped, otherwise empty.
        warnings: why the result may be wrong, or other remarks, one sentence each.
        brain: how the skull was handled, in one sentence.
        earlier_warnings: for a case that was done before, the warnings of the run that segmented it.
        scan: first file of the case, None if it was not segmented.
        lesions: the lesions, if they are asked for and the case was segmented now.
    """

    name: str
    state: State
    labelmap: Path | None = None
    amounts: tuple[RegionVolume, ...] = ()
    error: str = ""
    warnings: tuple[str, ...] = ()
    brain: str = ""
    earlier_warnings: str = ""
    scan: Path | None = None
    lesions: LesionTable | None = None


@dataclass(frozen=True, eq=False)
class Content:
    """What is read of a case before it is segmented: the digest of its files, and their volumes."""

    digest: str
    volumes: tuple[Volume, ...]


class Batch:
    """The cases of one command and their results folder.

    Args:
        predictor: with its model loaded.
        model: model file.
        found: output of ``survey``.
        folder: results folder, existing and writable.
        options: segmentation options.
        extractor: brain extractor, a new one by default.
        shard: share of the cases to segment; all are named, so that the shares can have one folder.
        lesions: whether to measure lesions.

    Raises:
        DataError: when the folder holds a table written by another program.
    """

    def __init__(
        self,
        predictor: Predictor,
        model: Path,
        found: Found,
        folder: Path,
        options: SegmentationOptions,
        extractor: BrainExtractor | None = None,
        shard: Shard = ALL,
        *,
        lesions: bool = False,
    ) -> None:
        self._predictor = predictor
        self._extractor = extractor or BrainExtractor(predictor.device)
        self._model = one_line(f"{predictor.model.card.name} {digest(model)}")
        self._folder = folder
        self._options = options
        self._lesions = lesions
        self._table = ResultsTable(folder)
        self.cases = shard.of(self._named(found.cases))
        self.skipped = shard.of(self._named(found.skipped))
        self.table_problem = ""

    def run(self, progress: ProgressCallback = lambda _progress: None) -> Iterator[Outcome]:
        """Report what is skipped, then segment one case after another; the table is up to date after each.

        ``table_problem`` says why the table currently cannot be written; empty when it can.
        """
        sweep(self._folder)
        for rejected in self.skipped:
            known = self._table.row(_source(rejected))
            if known is None or known.state != State.SEGMENTED:  # the result of an earlier command still counts
                self._put(Row(rejected.name, _source(rejected), State.SKIPPED, reason=rejected.reason))
            yield Outcome(rejected.name, State.SKIPPED, error=rejected.reason)
        before: dict[Input | RejectedInput, Outcome | None] = {}

        def to_do(item: Input | RejectedInput) -> bool:
            before[item] = self._done_before(item) if isinstance(item, Input) else None
            return isinstance(item, Input) and before[item] is None

        for item, content in read_ahead(self.cases, to_do, _read):
            if isinstance(item, RejectedInput):
                yield self._failed(item, item.reason)
                continue
            done = before.pop(item)
            if done is not None or content is None:
                yield done or self._failed(item, "it was not read: try again.")
                continue
            try:
                yield self._segment(item, content.result(), progress)
            except KDNetError as error:
                yield self._failed(item, str(error))

    def finish(self, *, discard_empty: bool = False) -> None:
        """Write the table once more, retrying while another program holds it.

        Args:
            discard_empty: whether to remove a table that lists no labelmap.
        """
        for _ in range(TRIES):
            self._save()
            if not self.table_problem:
                break
            time.sleep(1.0)
        if discard_empty:
            self._table.remove()

    def _named(self, items: Sequence[Case]) -> list[Case]:
        """Return the items with names that no case from another source has in this folder; known cases keep their name."""
        known = {item: row.case for item in items if (row := self._table.row(_source(item))) is not None and row.case}
        fresh = [item for item in items if item not in known]
        names = {**known, **dict(zip(fresh, different_names(fresh, self._table.names()), strict=True))}
        return [replace(item, name=names[item]) for item in items]

    def _done_before(self, item: Input) -> Outcome | None:
        row = self._table.row(_source(item))
        if self._options.overwrite or row is None or row.state != State.SEGMENTED or not row.labelmap:
            return None
        labelmap = self._folder / Path(row.labelmap).name
        if (row.model, current_settings(row.settings)) != (self._model, self._settings(item)) or not labelmap.is_file():
            return None
        if row.input != _digest_of(item):
            return None
        notes = () if digest(labelmap) in row.written else (f"{labelmap} was edited since and is kept.",)
        return Outcome(
            item.name,
            State.DONE_BEFORE,
            labelmap,
            row.amounts,
            warnings=notes,
            brain=row.brain,
            scan=item.path,
            earlier_warnings=row.warnings,
        )

    def _segment(self, item: Input, content: Content, progress: ProgressCallback) -> Outcome:
        result = segment_case(
            self._predictor, self._extractor, item, self._options, progress, content.volumes, lesions=self._lesions
        )
        before = self._table.row(_source(item))
        written = before.written if before is not None else ()
        targets, kept = choose_targets(self._folder, item, result, written)
        warnings = (*result.warnings, *kept)
        with staged(self._folder, targets, like=item.files[0]) as (labelmap, digests):
            replaced = [digest(path) for path in targets if path.exists()]
            row = Row(
                item.name,
                _source(item),
                State.SEGMENTED,
                result.amounts,
                warnings=" ".join(warnings),
                brain=result.brain,
                model=self._model,
                settings=self._settings(item),
                input=content.digest,
                labelmap=labelmap.name,
                written=tuple(dict.fromkeys((*digests, *replaced))),
            )
            # before the files appear, so that a process killed between the two steps leaves no labelmap of its own
            # that the next one would mistake for a person's
            self._put(row)
        return Outcome(
            item.name,
            State.SEGMENTED,
            labelmap,
            result.amounts,
            warnings=warnings,
            brain=result.brain,
            lesions=None if kept else result.lesions,
            scan=item.path,
        )

    def _failed(self, item: Input | RejectedInput, reason: str) -> Outcome:
        before = self._table.row(_source(item))
        row = Row(item.name, _source(item), State.FAILED, reason=one_line(reason, 1000), model=self._model)
        if before is not None:  # its labelmap may still exist
            row = replace(row, labelmap=before.labelmap, written=before.written)
        self._put(row)
        return Outcome(item.name, State.FAILED, error=one_line(reason, 1000))

    def _settings(self, item: Input) -> str:
        return settings_text(self._options, item)

    def _put(self, row: Row) -> None:
        self._table.put(row)
        self._save()

    def _save(self) -> None:
        self.table_problem = self._table.save()


def _source(item: Input | RejectedInput) -> str:
    """Return what identifies an input: its files, and which volume of them."""
    if not isinstance(item, Input):
        return str(absolute(item.path))
    files = "; ".join(str(absolute(path)) for path in dict.fromkeys(item.files))
    return f"{files} [channel {' '.join(map(str, item.channels))}]" if item.channels else files


def _read(item: Input | RejectedInput) -> Content:
    assert isinstance(item, Input)
    return Content(_digest_of(item), read_case(item))


def _digest_of(item: Input) -> str:
    """Return a digest of all files of a case, including separate voxel files of two-file formats."""
    files = list(dict.fromkeys(item.files))
    for path in item.files:
        if path.suffix.lower() in (".nhdr", ".mhd"):
            files += sorted(other for other in path.parent.glob("*") if other != path and other.name.startswith(path.stem))
    return "-".join(digest(path) for path in files)
