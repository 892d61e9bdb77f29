"""A result as plain text, to be pasted into a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

if TYPE_CHECKING:
    from kdnet.schema.lesions import LesionTable

MOST_LESIONS = 10  # more are summed up in a report


@dataclass(frozen=True)
class ResultFacts:
    """What is known about a result.

    Attributes:
        scan: name of the scan.
        model: title of the model that made it, empty if unknown.
        time: local time, empty if unknown.
        volumes: volumes in mL by name.
        lesions: measured lesions; None if they were not measured.
        warnings: why it may be wrong, one sentence each.
    """

    scan: str
    model: str
    time: str
    volumes: Mapping[str, float]
    lesions: LesionTable | None = None
    warnings: tuple[str, ...] = ()


def result_text(facts: ResultFacts) -> str:
    """Return scan, date, model, volumes, longest diameters and warnings, a line each."""
    lines = [_("Scan: {scan}").format(scan=facts.scan)]
    if facts.time:
        lines.append(_("Segmented: {time}").format(time=facts.time))
    if facts.model:
        lines.append(_("Model: {model}").format(model=facts.model))
    lines += [f"{name}: {amount:.2f} mL" for name, amount in facts.volumes.items()]
    lines += _lesion_lines(facts.lesions) if facts.lesions is not None else []
    lines += [_("Warning: {text}").format(text=text) for text in facts.warnings]
    return "\n".join([*lines, _("For research use only; not a medical device.")])


def _lesion_lines(table: LesionTable) -> list[str]:
    lines = []
    for lesion in table.lesions[:MOST_LESIONS]:
        size = lesion.whole
        lines.append(
            _("Lesion {number}: {amount:.2f} mL, {length:.0f} x {across:.0f} mm").format(
                number=lesion.number,
                amount=size.milliliters,
                length=size.diameter.length,
                across=size.perpendicular.length,
            )
        )
    if len(table.lesions) > MOST_LESIONS:
        lines.append(_("{count} more lesions").format(count=len(table.lesions) - MOST_LESIONS))
    return lines
