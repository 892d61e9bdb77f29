"""Write the comparison of two visits as text, CSV or JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from kdnet.files import atomic_write, write_json
from kdnet.report.sentences import MINUS
from kdnet.schema.visits import Change, LesionChange, RegionComparison, VisitComparison
from kdnet.text import printable, table_cell

NOT_ADVICE = (
    "Categories are arithmetic on two segmentations, not an assessment: RANO also takes steroids, clinical state, "
    "confirmation and the best earlier scan into account."
)
COLUMNS = (
    *("region", "lesion_earlier", "lesion_later", "earlier_ml", "later_ml", "change_ml", "change_percent"),
    *("earlier_diameters", "later_diameters", "earlier_product_mm2", "later_product_mm2", "product_change_percent"),
    *("targets", "new_lesions", "category_by_product", "category_by_volume"),
)


def visit_text(result: VisitComparison) -> str:
    """Return the comparison as text."""
    lines = [f"Earlier: {result.earlier}", f"Later:   {result.later}", result.registered]
    for region in result.regions:
        lines += ["", *_region_lines(region)]
    return "\n".join([*map(printable, lines), "", NOT_ADVICE])


def write_comparison(path: Path, result: VisitComparison) -> None:
    """Write the comparison; ``.csv`` has a row per region, followed by one per lesion or group of lesions.

    Raises:
        KDNetError: if the file cannot be written.
    """
    if path.suffix.lower() == ".json":
        write_json(path, {**result.to_json(), "note": NOT_ADVICE})
        return
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for region in result.regions:
            writer.writerow(_region_row(region))
            writer.writerows(_lesion_row(region.name, change) for change in region.lesions)


def percent(change: Change) -> str:
    """Return a change in percent with its sign, for example ``"+25 %"``; ``"new"`` from zero, empty if nothing changed."""
    if change.percent is None:
        return "new" if change.later else ""
    return f"{change.percent:+.0f} %".replace("-", MINUS)


def _region_lines(region: RegionComparison) -> Iterator[str]:
    volume, product = region.milliliters, region.product
    yield (
        f"{region.name}: {volume.earlier:.2f} mL, then {volume.later:.2f} mL ({_signed(volume.difference)} mL"
        f"{', ' if percent(volume) else ''}{percent(volume)}); by volume: {region.by_volume.value}"
    )
    yield (
        f"  sum of products: {product.earlier:.0f} mm², then {product.later:.0f} mm²"
        f"{f' ({percent(product)})' if product.earlier else ''}; target lesions: {region.targets}, new measurable lesions: "
        f"{region.new_lesions}; by product: {region.by_product.value}"
    )
    for change in region.lesions:
        yield f"  {_who(change)}: {_side(change.milliliters.earlier, change.earlier_diameters)}, then " + _side(
            change.milliliters.later, change.later_diameters
        )


def _who(change: LesionChange) -> str:
    if not change.earlier:
        return f"new lesion {_numbers(change.later)}"
    if not change.later:
        return f"lesion {_numbers(change.earlier)}, gone"
    return f"lesion {_numbers(change.earlier)} (later {_numbers(change.later)})"


def _side(milliliters: float, diameters: str) -> str:
    return f"{milliliters:.2f} mL ({diameters})" if diameters else "nothing"


def _numbers(numbers: tuple[int, ...]) -> str:
    return " + ".join(map(str, numbers))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", MINUS)


def _region_row(region: RegionComparison) -> list[str]:
    volume, product = region.milliliters, region.product
    last = [str(region.targets), str(region.new_lesions), region.by_product.value, region.by_volume.value]
    return [table_cell(region.name), "", "", *_volume(volume), "", "", *_product(product), *last]


def _lesion_row(region: str, change: LesionChange) -> list[str]:
    numbers = [_numbers(change.earlier), _numbers(change.later)]
    diameters = [change.earlier_diameters, change.later_diameters]
    return [table_cell(region), *numbers, *_volume(change.milliliters), *diameters, *_product(change.product), *[""] * 4]


def _volume(change: Change) -> list[str]:
    return [f"{change.earlier:.4f}", f"{change.later:.4f}", f"{change.difference:.4f}", _plain_percent(change)]


def _product(change: Change) -> list[str]:
    return [f"{change.earlier:.1f}", f"{change.later:.1f}", _plain_percent(change)]


def _plain_percent(change: Change) -> str:
    return "" if change.percent is None else f"{change.percent:.1f}"
