"""Write the metrics of many cases as a CSV file, a summary per region, and text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdnet.errors import SettingsError
from kdnet.evaluation.case_scores import RegionResult
from kdnet.files import write_csv
from kdnet.schema.results import Empty
from kdnet.text import one_line, table_cell

Figure = Callable[[RegionResult], float | None]

FIGURES: tuple[tuple[str, Figure], ...] = (
    ("dice", lambda row: row.dice),
    ("hd95_mm", lambda row: row.hd95),
    ("volume_ml", lambda row: row.volume_ml),
    ("reference_ml", lambda row: row.reference_ml),
    ("difference_ml", lambda row: row.difference_ml),
    ("sensitivity", lambda row: row.sensitivity),
    ("precision", lambda row: row.precision),
    ("lesion_dice", lambda row: row.lesions.dice),
    ("lesion_hd95_mm", lambda row: row.lesions.hd95),
    ("lesion_f1", lambda row: row.lesions.f1),
    ("lesions_found", lambda row: row.lesions.found),
    ("lesions_missed", lambda row: row.lesions.missed),
    ("lesions_false", lambda row: row.lesions.false),
)
"""Columns of the table, in order."""

COLUMNS = ("case", "region", *(name for name, _ in FIGURES), "empty", "problem")
SUMMARY_COLUMNS = ("region", "figure", "n", "mean", "median", "standard_deviation", "minimum", "maximum")
SHOWN = ("dice", "hd95_mm", "difference_ml", "sensitivity", "precision", "lesion_dice", "lesion_hd95_mm", "lesion_f1")


@dataclass(frozen=True)
class Spread:
    """One metric over all cases in which it is defined.

    Attributes:
        count: number of these cases.
        mean: NaN when there are none, like the others.
        median: likewise.
        deviation: standard deviation; NaN for a single case.
        minimum: smallest value.
        maximum: largest value.
    """

    count: int
    mean: float
    median: float
    deviation: float
    minimum: float
    maximum: float


@dataclass(frozen=True)
class RegionSummary:
    """One region over all cases.

    Attributes:
        region: region name.
        cases: number of cases.
        figures: metric name to its spread.
        empty_predictions: cases in which the prediction lacks a region that the reference contains.
        penalties: cases whose HD95 is the penalty: empty predictions, and predictions of regions absent in the reference.
        found, missed, false: lesions of all cases.
    """

    region: str
    cases: int
    figures: Mapping[str, Spread]
    empty_predictions: int
    penalties: int
    found: int
    missed: int
    false: int


def summaries(results: Sequence[RegionResult]) -> tuple[RegionSummary, ...]:
    """Summarize the results of all cases, region by region."""
    summary = []
    for region in dict.fromkeys(row.region for row in results):
        rows = [row for row in results if row.region == region]
        summary.append(
            RegionSummary(
                region,
                len(rows),
                {name: _spread([figure(row) for row in rows]) for name, figure in FIGURES},
                sum(row.empty is Empty.PREDICTION for row in rows),
                sum(row.penalized for row in rows),
                sum(row.lesions.found for row in rows),
                sum(row.lesions.missed for row in rows),
                sum(row.lesions.false for row in rows),
            )
        )
    return tuple(summary)


def write_tables(path: Path, results: Sequence[RegionResult], problems: Mapping[str, str]) -> Path:
    """Write one row per case and region, and next to it the summary; return the path of the summary.

    Args:
        path: path of the table.
        results: results of all cases.
        problems: case to the reason why it has no metrics; each gets its own row.

    Raises:
        KDNetError: when a file cannot be written.
    """
    rows: list[list[str]] = [
        [table_cell(row.case), table_cell(row.region), *(_cell(figure(row)) for _, figure in FIGURES), row.empty.value, ""]
        for row in results
    ]
    rows += [
        [table_cell(case), *[""] * (len(COLUMNS) - 2), table_cell(problem)] for case, problem in sorted(problems.items())
    ]
    write_csv(path, [COLUMNS, *rows])
    summary = summary_path(path)
    write_csv(summary, [SUMMARY_COLUMNS, *_summary_rows(summaries(results))])
    return summary


def summary_path(path: Path) -> Path:
    """Return the path of the summary for the table ``path``."""
    return path.with_name(f"{path.stem}_summary.csv")


def require_table(path: Path) -> None:
    """Raise an error if writing the table would overwrite a file that is not a table.

    Raises:
        SettingsError: names the file.
    """
    if path.suffix.lower() != ".csv":
        raise SettingsError(f"the table {path} must end in .csv: give another name.")
    for place, header in ((path, COLUMNS), (summary_path(path), SUMMARY_COLUMNS)):
        if not place.exists():
            continue
        first = place.open("rb").readline(4096) if place.is_file() else b""
        if first.decode("utf-8", "replace").strip().split(",") != list(header):
            raise SettingsError(f"{place} exists and was not written by kdnet evaluate: give another name.")


def text_summary(results: Sequence[RegionResult]) -> str:
    """Return the summary as text: per region, mean and median of each metric, empty predictions, penalties, lesions."""
    header = ("region", "figure", "n", "mean", "median")
    rows = [header]
    for region in summaries(results):
        for name in SHOWN:
            spread = region.figures[name]
            shown = (str(spread.count), _number(spread.mean), _number(spread.median))
            rows.append((one_line(region.region, 40), name, *shown))
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for region in summaries(results):
        lines.append(
            f"{one_line(region.region, 40)}: {region.empty_predictions} empty predictions and {region.penalties} penalties "
            f"in HD95 in {region.cases} cases; lesions: {region.found} found, {region.missed} missed, {region.false} false"
        )
    return "\n".join(lines)


def _spread(values: Iterable[float | None]) -> Spread:
    known = np.array([value for value in values if value is not None], dtype=float)
    if not len(known):
        return Spread(0, *[float("nan")] * 5)
    deviation = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    return Spread(
        len(known), float(known.mean()), float(np.median(known)), deviation, float(known.min()), float(known.max())
    )


def _summary_rows(regions: Iterable[RegionSummary]) -> Iterable[list[str]]:
    for region in regions:
        name = table_cell(region.region)
        for figure, spread in region.figures.items():
            cells = (spread.mean, spread.median, spread.deviation, spread.minimum, spread.maximum)
            yield [name, figure, str(spread.count), *(_cell(value) for value in cells)]
        for figure, count in (("empty_predictions", region.empty_predictions), ("hd95_penalties", region.penalties)):
            yield [name, figure, str(count), *[""] * 5]


def _cell(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.6g}"


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"
