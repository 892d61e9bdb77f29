"""The table of runs, which is also the queue: in start order, with the state of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt
from kdnet.runs.status import RunState, RunStatus
from kdnet.schema.formatting import duration, percent
from slicer.i18n import tr as _

from KDNetTrainingLib.Formatting import network_title, state_title
from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.RunQueue import PanelState, ShownState
from KDNetTrainingLib.Runs import Run

WIDTHS = (146, 70, 120, 40)  # the last takes the remaining width
ROW_HEIGHT = 22
TABLE_HEIGHT = 124


class RunsTable:
    """Rows of runs; cells are written only when they change.

    Args:
        table: the widget.
        chosen: called with the run that the user chooses, None for none.
    """

    def __init__(self, table: Any, chosen: Callable[[Run | None], None]) -> None:
        self._table, self._chosen = table, chosen
        self._runs: tuple[Run, ...] = ()
        header = (_("Run"), _("State"), _("Network"), _("Time left"))
        table.columnCount = len(header)
        table.setHorizontalHeaderLabels(list(header))
        for column, width in enumerate(WIDTHS):
            table.setColumnWidth(column, width)
        table.horizontalHeader().setStretchLastSection(True)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.setFixedHeight(TABLE_HEIGHT)
        table.currentCellChanged.connect(self.onCurrent)

    def refill(self, runs: Sequence[Run], chosen: Run | None) -> None:
        """List these runs, and select the row of ``chosen``."""
        blocked = self._table.blockSignals(True)
        self._runs = tuple(runs)
        self._table.rowCount = len(self._runs)
        for row, run in enumerate(self._runs):
            for column, text in enumerate((run.name, "", "", "")):
                self._table.setItem(row, column, qt.QTableWidgetItem(text))
            self._table.item(row, 0).setToolTip(str(run.root))
        if chosen in self._runs:
            self._table.setCurrentCell(self._runs.index(chosen), 0)
        else:
            self._table.setCurrentCell(-1, -1)
        self._table.blockSignals(blocked)

    def show(self, snapshot: RunSnapshot, state: ShownState) -> None:
        """Write a run's state and snapshot into its row."""
        for row, run in enumerate(self._runs):
            if run.root == snapshot.root:
                for column, text in enumerate(run_cells(snapshot.status, state), start=1):
                    item = self._table.item(row, column)
                    if item.text() != text:
                        item.setText(text)
                        item.setToolTip(snapshot.reason or text)

    def onCurrent(self, row: int, _column: int, previous: int, _previous_column: int) -> None:
        """Report that another row is chosen."""
        if row != previous:
            self._chosen(self._runs[row] if 0 <= row < len(self._runs) else None)


def run_cells(status: RunStatus | None, state: ShownState) -> tuple[str, str, str]:
    """Return state, network with its progress, and time left of a run."""
    if status is None or state in (RunState.FINISHED, PanelState.STARTING):
        return state_title(state), "", ""
    network = ""
    if status.network is not None:
        network = network_title(status.network)
        if status.steps:
            network += f" {percent(status.step / status.steps)}"
    left = duration(status.seconds_left) if state is RunState.RUNNING and status.seconds_left is not None else ""
    return state_title(state), network, left
