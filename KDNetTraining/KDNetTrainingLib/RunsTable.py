"""The table of runs, which is also the queue: in start order, until the user sorts it, with state and results of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import qt
from kdnet.runs.overview import RunOverview
from kdnet.runs.status import RunState
from kdnet.schema.formatting import duration
from slicer.i18n import tr as _

from KDNetTrainingLib.Formatting import state_title
from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.RunProgress import progress_text
from KDNetTrainingLib.RunQueue import ShownState
from KDNetTrainingLib.Runs import Run

WIDTHS = (92, 76, 38, 82, 40)  # the last takes the remaining width
ROW_HEIGHT = 20
TABLE_HEIGHT = 112

SortKey = tuple[bool, Any]


class RunsTable:
    """Rows of runs; cells are written only when they change.

    Args:
        table: the widget.
        chosen: called with the run that the user chooses, None for none.
    """

    def __init__(self, table: Any, chosen: Callable[[Run | None], None]) -> None:
        self._table, self._chosen = table, chosen
        self._runs: tuple[Run, ...] = ()  # in start order
        self._rows: list[Run] = []  # as shown
        self._keys: dict[Run, tuple[SortKey, ...]] = {}
        self._column, self._descending = -1, False
        header = (_("Run"), _("State"), _("Dice"), _("Started"), _("Data"))
        table.columnCount = len(header)
        table.setHorizontalHeaderLabels(list(header))
        for column, width in enumerate(WIDTHS):
            table.setColumnWidth(column, width)
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().setSectionsClickable(True)
        table.horizontalHeader().sectionClicked.connect(self.onSort)
        table.verticalHeader().hide()
        table.verticalHeader().setMinimumSectionSize(ROW_HEIGHT)
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.setFixedHeight(TABLE_HEIGHT)
        table.currentCellChanged.connect(self.onCurrent)

    def refill(self, runs: Sequence[Run], chosen: Run | None) -> None:
        """List these runs, and select the row of ``chosen``; :meth:`show` fills in the rest."""
        blocked = self._table.blockSignals(True)
        self._runs = tuple(runs)
        self._rows = self._sorted()
        self._table.rowCount = len(self._rows)
        for row, run in enumerate(self._rows):
            for column, text in enumerate((run.name, *[""] * (len(WIDTHS) - 1))):
                self._table.setItem(row, column, qt.QTableWidgetItem(text))
            self._table.item(row, 0).setToolTip(str(run.root))
        self._select(chosen)
        self._table.blockSignals(blocked)

    def show(self, snapshot: RunSnapshot, state: ShownState) -> None:
        """Write a run's state and snapshot into its row."""
        for row, run in enumerate(self._rows):
            if run.root == snapshot.root:
                self._keys[run] = sort_keys(run, snapshot, state)
                tips = (snapshot.reason or progress_text(snapshot.status, state), *overview_tips(snapshot.overview))
                for column, (text, tip) in enumerate(zip(run_cells(snapshot, state), tips, strict=True), start=1):
                    item = self._table.item(row, column)
                    if item.text() != text:
                        item.setText(text)
                    if item.toolTip() != tip:
                        item.setToolTip(tip)

    def onSort(self, column: int) -> None:
        """Sort by a column; again, in the other direction; a third time, in start order."""
        if column != self._column:
            self._column, self._descending = column, False
        elif not self._descending:
            self._descending = True
        else:
            self._column = -1
        header = self._table.horizontalHeader()
        header.setSortIndicatorShown(self._column >= 0)
        if self._column >= 0:
            header.setSortIndicator(self._column, qt.Qt.DescendingOrder if self._descending else qt.Qt.AscendingOrder)
        row = self._table.currentRow()
        chosen = self._rows[row] if 0 <= row < len(self._rows) else None
        blocked = self._table.blockSignals(True)
        self._rearrange(self._sorted())
        self._select(chosen)
        self._table.blockSignals(blocked)

    def onCurrent(self, row: int, _column: int, previous: int, _previous_column: int) -> None:
        """Report that another row is chosen."""
        if row != previous:
            self._chosen(self._rows[row] if 0 <= row < len(self._rows) else None)

    def _sorted(self) -> list[Run]:
        """Return the runs in the chosen order; those without a value come last in both directions."""
        if self._column < 0:
            return list(self._runs)
        missing: tuple[SortKey, ...] = ((False, 0),) * len(WIDTHS)
        keys = {run: self._keys.get(run, missing)[self._column] for run in self._runs}
        present = [run for run in self._runs if keys[run][0]]
        present.sort(key=lambda run: keys[run][1], reverse=self._descending)
        return [*present, *(run for run in self._runs if not keys[run][0])]

    def _rearrange(self, runs: list[Run]) -> None:
        columns = range(len(WIDTHS))
        items = {run: [self._table.takeItem(row, column) for column in columns] for row, run in enumerate(self._rows)}
        self._rows = runs
        for row, run in enumerate(runs):
            for column, item in enumerate(items[run]):
                self._table.setItem(row, column, item)

    def _select(self, chosen: Run | None) -> None:
        if chosen in self._rows:
            self._table.setCurrentCell(self._rows.index(chosen), 0)
        else:
            self._table.setCurrentCell(-1, -1)


def run_cells(snapshot: RunSnapshot, state: ShownState) -> tuple[str, str, str, str]:
    """Return state with the time left, mean Dice of the students, date, and name of the data folder."""
    status, overview = snapshot.status, snapshot.overview
    title = state_title(state)
    if status is not None and state is RunState.RUNNING and status.seconds_left is not None:
        title = f"{title}, {duration(status.seconds_left)}"
    dice = " ".join(f"{value:.2f}" for value in overview.dice)
    return title, dice, _time(overview.started, "%Y-%m-%d"), overview.data.name if overview.data is not None else ""


def overview_tips(overview: RunOverview) -> tuple[str, str, str]:
    """Return the tool tips of the cells with Dice, date and data."""
    dice = _("Mean Dice of each student over regions and test patients.") if overview.dice else ""
    return dice, _time(overview.started, "%Y-%m-%d %H:%M"), str(overview.data or "")


def sort_keys(run: Run, snapshot: RunSnapshot, state: ShownState) -> tuple[SortKey, ...]:
    """Return for each column whether it has a value, and what to sort by."""
    overview = snapshot.overview
    data = overview.data.name if overview.data is not None else ""
    return (
        (True, run.name.lower()),
        (True, state_title(state)),
        (bool(overview.dice), max(overview.dice, default=0.0)),
        (overview.started is not None, overview.started or 0.0),
        (bool(data), data.lower()),
    )


def _time(seconds: float | None, form: str) -> str:
    return "" if seconds is None else time.strftime(form, time.localtime(seconds))
