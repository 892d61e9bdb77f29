"""The table of cases, which grows during the inspection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt
from kdnet.schema.case_report import CaseReport
from kdnet.schema.modalities import display_name
from slicer.i18n import tr as _

WIDTHS = (136, 72, 88, 40, 40)  # the last one shown takes the remaining width
SIZE, PROBLEM = 2, 4  # columns: one makes room for the other
ROW_HEIGHT = 22
TABLE_HEIGHT = 170
MOST_LABELS = 6  # that are shown


class CaseTable:
    """Rows of cases with a check box each.

    Args:
        table: the widget.
        changed: called when the user checks or unchecks a case.
        chosen: called with the case whose row is chosen, or None.
        opened: called with the case that is double-clicked.
    """

    def __init__(
        self,
        table: Any,
        changed: Callable[[], None],
        chosen: Callable[[CaseReport | None], None],
        opened: Callable[[CaseReport], None],
    ) -> None:
        self._table, self._changed, self._chosen, self._opened = table, changed, chosen, opened
        self._cases: list[CaseReport] = []
        header = (_("Case"), _("Modalities"), _("Size"), _("Labels"), _("Problem"))
        table.columnCount = len(header)
        table.setHorizontalHeaderLabels(list(header))
        for column, width in enumerate(WIDTHS):
            table.setColumnWidth(column, width)
        table.horizontalHeader().setStretchLastSection(True)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.setFixedHeight(TABLE_HEIGHT)
        self._show_problems(shown=False)
        table.itemChanged.connect(self.onItemChanged)
        table.currentCellChanged.connect(self.onCurrent)
        table.cellDoubleClicked.connect(self.onOpened)

    def clear(self) -> None:
        """Clear the table."""
        self._cases = []
        self._table.rowCount = 0
        self._show_problems(shown=False)

    def add(self, case: CaseReport, *, excluded: bool) -> None:
        """Add a case, or update it; one with problems is never used and cannot be checked."""
        row = next((row for row, known in enumerate(self._cases) if known.name == case.name), len(self._cases))
        self._cases[row : row + 1] = [case]
        blocked = self._table.blockSignals(True)
        self._table.rowCount = len(self._cases)
        for column, text in enumerate(_cells(case)):
            item = qt.QTableWidgetItem(text)
            item.setToolTip("\n".join(case.problems) or text)
            if column == 0:
                valid = not case.problems
                item.setFlags(_flags(checkable=valid))
                item.setCheckState(qt.Qt.Checked if valid and not excluded else qt.Qt.Unchecked)
            self._table.setItem(row, column, item)
        self._table.blockSignals(blocked)
        if case.problems:
            self._show_problems(shown=True)

    def excluded(self) -> list[str]:
        """Return the usable cases that the user unchecked."""
        return [
            case.name
            for row, case in enumerate(self._cases)
            if not case.problems and self._table.item(row, 0).checkState() == qt.Qt.Unchecked
        ]

    def show_excluded(self, names: Sequence[str]) -> None:
        """Uncheck these cases and check the others."""
        blocked = self._table.blockSignals(True)
        for row, case in enumerate(self._cases):
            if not case.problems:
                state = qt.Qt.Unchecked if case.name in names else qt.Qt.Checked
                self._table.item(row, 0).setCheckState(state)
        self._table.blockSignals(blocked)

    def _show_problems(self, *, shown: bool) -> None:
        """Show the column with problems instead of that with sizes, for which the panel is too narrow."""
        self._table.setColumnHidden(PROBLEM, not shown)
        self._table.setColumnHidden(SIZE, shown)

    def onItemChanged(self, item: Any) -> None:
        """Handle a checked or unchecked case."""
        if item.column() == 0:
            self._changed()

    def onCurrent(self, row: int, *_others: int) -> None:
        """Handle the selection of a row."""
        self._chosen(self._cases[row] if 0 <= row < len(self._cases) else None)

    def onOpened(self, row: int, _column: int) -> None:
        """Handle a double click on a row."""
        if 0 <= row < len(self._cases):
            self._opened(self._cases[row])


def _flags(*, checkable: bool) -> Any:
    flags = qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled
    return flags | qt.Qt.ItemIsUserCheckable if checkable else flags


def _cells(case: CaseReport) -> tuple[str, ...]:
    shape = " x ".join(map(str, case.shape))
    labels = " ".join(map(str, case.labels[:MOST_LABELS]))
    first = case.problems[0] if case.problems else ""
    return case.name, " ".join(map(display_name, case.modalities)), shape, labels, first
