"""Write tables of lesions as CSV or JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from kdnet.files import atomic_write, write_json
from kdnet.schema.lesions import LesionTable
from kdnet.text import table_cell

COLUMNS = (
    *("case", "lesion", "region", "volume_ml", "diameter_mm", "perpendicular_mm", "product_mm2", "plane", "slice"),
    *("center_r_mm", "center_a_mm", "center_s_mm", "probability", "confidence"),
)


def write_lesions(path: Path, tables: Mapping[str, LesionTable]) -> None:
    """Write the lesions of one or more cases.

    Args:
        path: ``.csv`` for a row per lesion and region, ``.json`` for an object per case.
        tables: lesions by name of the case.

    Raises:
        KDNetError: if the file cannot be written.
    """
    if path.suffix.lower() == ".json":
        write_json(path, {case: table.to_json() for case, table in tables.items()})
        return
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for case, table in tables.items():
            writer.writerows(_rows(case, table))


def _rows(case: str, table: LesionTable) -> Iterator[tuple[str, ...]]:
    for lesion in table.lesions:
        center = [f"{value:.2f}" for value in lesion.center]
        for index, size in enumerate(lesion.sizes):
            yield (
                table_cell(case),
                str(lesion.number),
                table_cell(size.name),
                f"{size.milliliters:.4f}",
                f"{size.diameter.length:.2f}",
                f"{size.perpendicular.length:.2f}",
                f"{size.product:.1f}",
                table.plane,
                str(size.slice + 1),
                *center,
                "" if size.probability is None else f"{size.probability:.3f}",
                "" if lesion.confidence is None or index else f"{lesion.confidence:.3f}",
            )
