"""The report on one segmented scan as one PDF page (A4), drawn by matplotlib, so that no other package is needed."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from kdnet.report.scan_content import (
    CONVENTION,
    LESION_HEADER,
    MOST_LESIONS,
    RESEARCH_ONLY,
    ScanReport,
    lesion_rows,
)
from kdnet.report.scan_views import View
from kdnet.report.svg import INK, LINE, MUTED
from kdnet.text import one_line

WIDTH, HEIGHT = 210.0, 297.0  # mm
LEFT, RIGHT, TOP, BOTTOM = 15.0, 195.0, 12.0, 287.0
INCH = 25.4
MIDDLE = 108.0  # where the right column starts
LINE_MM = 4.1
WARNING = "#b3261e"
NOTES_MM = 13.0
VIEW_MM = 52.0  # height of the pictures
COLUMNS = (15.0, 29.0, 62.0, 92.0, 112.0, 126.0, 165.0, 195.0)  # of the table of lesions: left, then right edges
SMALL = 7.0  # points
MOST_LINES = 8  # of warnings


def write_scan_pdf(report: ScanReport, path: Path) -> None:
    """Draw the report and write it to ``path``."""
    figure = Figure(figsize=(WIDTH / INCH, HEIGHT / INCH))
    FigureCanvasPdf(figure)
    sheet = _Sheet(figure)
    sheet.heading(f"Segmentation report: {one_line(report.case, 60)}", size=14)
    sheet.text(RESEARCH_ONLY, color=WARNING, weight="bold", size=9)
    _facts(sheet, report)
    _views(sheet, report)
    _volumes(sheet, report)
    sheet.sentences("Preparation", report.preparation, INK)
    sheet.sentences("Warnings", report.warnings, WARNING)
    _lesions(sheet, report)
    made = f"Report of {report.created} by kdnet." if report.created else "Report by kdnet."
    sheet.put(LEFT, BOTTOM, f"{RESEARCH_ONLY} {made}", size=7, color=MUTED)
    for item in figure.findobj(Text):
        item.set_parse_math(False)  # a name may be "a$_{$b"
    with rc_context({"pdf.fonttype": 42, "text.parse_math": False}):
        metadata = {"Title": f"Segmentation report: {one_line(report.case, 60)}", "CreationDate": None}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")  # shown as a box
            figure.savefig(path, format="pdf", metadata=metadata)


class _Sheet:
    """A page that is filled from top to bottom; places are in mm from its left upper corner."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.y = TOP

    def put(self, x: float, y: float, text: str, *, size: float = 8, color: str = INK, **style: str) -> None:
        place = x / WIDTH, 1 - y / HEIGHT
        self.figure.text(*place, text, fontsize=size, color=color, verticalalignment="center", **style)  # type: ignore[arg-type]

    def heading(self, text: str, size: float = 10) -> None:
        self.y += 2 + size * 0.25
        self.put(LEFT, self.y, text, size=size, weight="bold")
        self.y += 1 + size * 0.3
        self.rule(self.y - 1.5)

    def rule(self, y: float, color: str = LINE) -> None:
        width = (RIGHT - LEFT) / WIDTH
        self.figure.add_artist(Rectangle((LEFT / WIDTH, 1 - y / HEIGHT), width, 0.0004, color=color))

    def text(self, text: str, *, size: float = 8, color: str = INK, **style: str) -> None:
        for line in self.wrapped(text, size):
            self.y += LINE_MM * size / 8 * 0.5
            self.put(LEFT, self.y, line, size=size, color=color, **style)
            self.y += LINE_MM * size / 8 * 0.5

    @staticmethod
    def wrapped(text: str, size: float) -> list[str]:
        return textwrap.wrap(text, int(1.02 * (RIGHT - LEFT) / (size * 0.186)))

    def facts(self, x: float, facts: Mapping[str, str], most: int) -> float:
        """Write name and value per line from the current place; return where they end."""
        y = self.y
        for name, value in facts.items():
            y += LINE_MM / 2
            self.put(x, y, name, color=MUTED)
            for line in textwrap.wrap(value, most)[:2] or [""]:
                self.put(x + 29, y, line)
                y += LINE_MM
            y -= LINE_MM / 2
        return y

    def sentences(self, title: str, sentences: Sequence[str], color: str) -> None:
        """Write sentences on a limited number of lines, and say how many are left."""
        if not sentences:
            return
        self.heading(title, size=9)
        lines = 0
        for index, sentence in enumerate(sentences):
            lines += len(self.wrapped(sentence, SMALL))
            if lines > MOST_LINES:
                self.text(f"and {len(sentences) - index} more: see the HTML report.", size=SMALL, color=color)
                return
            self.text(f"\N{EN DASH} {sentence}", size=SMALL, color=color)


def _facts(sheet: _Sheet, report: ScanReport) -> None:
    sheet.heading("Patient and scan")
    patient = report.patient or {"Patient": "The file carries no patient data."}
    made_by = {"Model": report.model.name, **report.model.facts} if report.model.name else {}
    ends = [sheet.facts(LEFT, {**patient, **made_by}, 42), sheet.facts(MIDDLE, report.scan, 40)]
    sheet.y = max(ends)


def _views(sheet: _Sheet, report: ScanReport) -> None:
    found = "through the largest lesion" if report.lesions.lesions else "through the middle of the scan (no lesion)"
    sheet.heading(f"Slices {found}")
    top, gap = sheet.y + 1, 3.0
    room = (RIGHT - LEFT - 2 * gap) / 3
    for index, view in enumerate(report.views):
        height, width = view.pixels.shape[:2]
        scale = min(room / width, VIEW_MM / height)
        x = LEFT + index * (room + gap) + (room - width * scale) / 2
        y = top + (VIEW_MM - height * scale) / 2
        _picture(sheet.figure, view, (x, y, width * scale, height * scale))
        middle = LEFT + index * (room + gap) + room / 2
        sheet.put(middle, top + VIEW_MM + 3, view.title, size=7, horizontalalignment="center")
    sheet.y = top + VIEW_MM + 5
    sheet.text(CONVENTION, size=6.5, color=MUTED)


def _picture(figure: Figure, view: View, place: tuple[float, float, float, float]) -> None:
    x, y, width, height = place
    axes = figure.add_axes((x / WIDTH, 1 - (y + height) / HEIGHT, width / WIDTH, height / HEIGHT))
    rows, columns = view.pixels.shape[:2]
    axes.imshow(view.pixels, extent=(0, columns, rows, 0), interpolation="bilinear", aspect="auto")
    axes.set_axis_off()
    for start, end in view.lines:
        axes.plot([start[0], end[0]], [start[1], end[1]], color="white", linewidth=0.9)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    letters = ((0.03, 0.5, "left"), (0.97, 0.5, "right"), (0.5, 0.96, "center"), (0.5, 0.04, "center"))
    for (across, up, side), letter in zip(letters, view.sides, strict=True):
        axes.text(across, up, letter, transform=axes.transAxes, color="white", fontsize=7.5, ha=side, va="center")


def _volumes(sheet: _Sheet, report: ScanReport) -> None:
    sheet.heading("Volumes")
    y = sheet.y
    for name, color, volume in report.shown_labels():
        y += LINE_MM / 2
        corner = LEFT / WIDTH, 1 - (y + 1) / HEIGHT
        sheet.figure.add_artist(Rectangle(corner, 2 / WIDTH, 2 / HEIGHT, color=[part / 255 for part in color]))
        sheet.put(LEFT + 3.5, y, one_line(name, 46))
        sheet.put(LEFT + 83, y, f"{volume:.2f} mL", horizontalalignment="right")
        y += LINE_MM / 2
    other = sheet.y
    for name, parts, volume in report.combined():
        other += LINE_MM / 2
        sheet.put(MIDDLE, other, one_line(name, 10))
        sheet.put(MIDDLE + 8, other, one_line(parts, 62), size=5.4, color=MUTED)
        sheet.put(RIGHT, other, f"{volume:.2f} mL", horizontalalignment="right")
        other += LINE_MM / 2
    sheet.y = max(y, other)


def _lesions(sheet: _Sheet, report: ScanReport) -> None:
    if not report.lesions.lesions:
        return
    sheet.heading(f"Lesions ({len(report.lesions.lesions)}), diameters in the {report.lesions.plane} plane")
    fitting = _fitting(sheet, report)
    rows = lesion_rows(report.lesions, fitting)
    for index, row in enumerate([LESION_HEADER, *rows]):
        if index and row[0]:
            sheet.rule(sheet.y, LINE)
        sheet.y += LINE_MM / 2
        for column, (x, cell) in enumerate(zip(COLUMNS, row, strict=True)):
            side = "left" if column < 2 else "right"
            shown = cell if index or column < 7 or any(other[-1] for other in rows) else ""
            sheet.put(x, sheet.y, shown, size=7.5, color=INK if index else MUTED, horizontalalignment=side)
        sheet.y += LINE_MM / 2
    sheet.text(f"{report.rest(fitting)} {report.definitions}".strip(), size=6.5, color=MUTED)


def _fitting(sheet: _Sheet, report: ScanReport) -> int:
    """Return how many lesions fit above the notes at the end of the page, at least one."""
    room = int((BOTTOM - NOTES_MM - sheet.y) / LINE_MM) - 1  # without the header
    count = 0
    for lesion in report.lesions.lesions[:MOST_LESIONS]:
        room -= len(lesion.sizes)
        if room < 0:
            break
        count += 1
    return max(1, count)
