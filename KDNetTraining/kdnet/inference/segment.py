"""Segmenting files: read, predict, write, measure; one bad file never stops the others."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kdnet.data.image_io import check_volume, read_volume, write_volume
from kdnet.data.volume import Volume
from kdnet.errors import KDNetError
from kdnet.files import replacing
from kdnet.inference.inputs import Input, Refused
from kdnet.inference.measure import Amount, measure, remove_islands
from kdnet.inference.predictor import Predictor
from kdnet.inference.progress import ProgressCallback

ODD_FILE = (OSError, ValueError, RuntimeError, MemoryError)  # of readers and PyTorch; one case must not end the others


@dataclass(frozen=True)
class Outcome:
    """What became of one input.

    Attributes:
        name: of the case.
        labelmap: the file written, None when it failed.
        amounts: volumes in mL.
        error: why it failed, empty when it did not.
    """

    name: str
    labelmap: Path | None = None
    amounts: tuple[Amount, ...] = ()
    error: str = ""


def segment_files(
    predictor: Predictor,
    inputs: Sequence[Input | Refused],
    folder: Path,
    *,
    probabilities: bool = False,
    islands: float = 0.0,
    progress: ProgressCallback = lambda _progress: None,
) -> Iterator[Outcome]:
    """Segment one input after the other.

    Args:
        predictor: with its model.
        inputs: from ``find_inputs``.
        folder: for results, there and writable.
        probabilities: whether to write a map in percent per region.
        islands: smallest island to keep in mm³.
        progress: told about stages of each case.
    """
    for item in inputs:
        if isinstance(item, Refused):
            yield Outcome(str(item.path), error=item.reason)
            continue
        try:
            yield _segment(predictor, item, folder, probabilities, islands, progress)
        except KDNetError as error:
            yield Outcome(item.name, error=str(error))
        except ODD_FILE as error:
            reason = f"{item.name} cannot be segmented ({error}): export it again or leave it out."
            yield Outcome(item.name, error=reason.replace("\n", " "))


def write_amounts(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a CSV file with a row per case and its volumes in mL, atomically."""
    done = [outcome for outcome in outcomes if outcome.labelmap is not None]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["case", *(f"{amount.name} (mL)" for amount in done[0].amounts)] if done else ["case"])
        for outcome in done:
            writer.writerow([outcome.name, *(f"{amount.millilitres:.3f}" for amount in outcome.amounts)])


def _segment(
    predictor: Predictor, item: Input, folder: Path, probabilities: bool, islands: float, progress: ProgressCallback
) -> Outcome:
    volumes: list[Volume] = []
    for file in item.files:
        volumes.append(read_volume(file))
        check_volume(volumes[-1], str(file))
    names = [str(file) for file in item.files]
    prediction = predictor.predict(volumes, probabilities=probabilities, names=names, progress=progress)
    labelmap = remove_islands(prediction.labelmap, islands) if islands else prediction.labelmap
    path = folder / f"{item.name}_seg{item.suffix}"
    results = {path: labelmap}
    for region, volume in prediction.probabilities.items():
        results[folder / f"{item.name}_{_file_part(region)}_percent{item.suffix}"] = volume
    _write_all(results, like=item.files[0])
    return Outcome(item.name, path, measure(labelmap, predictor.model.card.labels))


def _write_all(results: Mapping[Path, Volume], like: Path) -> None:
    """Write all files or, when the disk is full, none."""
    written: list[Path] = []
    try:
        for path, volume in results.items():
            write_volume(path, volume, like=like)
            written.append(path)
    except KDNetError:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _file_part(name: str) -> str:
    """The name of a region or label as part of a file name."""
    return re.sub(r"[^\w.+-]+", "-", name)
