"""The table of runs, which is also the queue: in start order, with the state of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from KDNetTrainingLib.Formatting import duration, network_title, state_word
from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.Runs import Run

WIDTHS = (146, 70, 120, 40)  # the last takes the remaining width
ROW_HEIGHT = 22
STARTING = "starting"


class RunsTable:
    """Rows of runs; cells are written only when they change.

    Args:
        table: the widget.
        chosen: called when the user chooses another row.
    """

    def __init__(self, table: Any, chosen: Callable[[], None]) -> None:
        self._table, self._chosen = table, chosen
        self.runs: tuple[Run, ...] = ()
        header = (_("Run"), _("State"), _("At"), _("Left"))
        table.columnCount = len(header)
        table.setHorizontalHeaderLabels(list(header))
        for column, width in enumerate(WIDTHS):
            table.setColumnWidth(column, width)
        table.horizontalHeader().setStretchLastSection(True)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.setFixedHeight(124)
        table.currentCellChanged.connect(self.onCurrent)

    @property
    def run(self) -> Run | None:
        """The chosen run."""
        row = self._table.currentRow()
        return self.runs[row] if 0 <= row < len(self.runs) else None

    def refill(self, runs: Sequence[Run], chosen: Path | None) -> None:
        """List these runs, and choose the one in the folder ``chosen``."""
        blocked = self._table.blockSignals(True)
        self.runs = tuple(runs)
        self._table.rowCount = len(self.runs)
        for row, run in enumerate(self.runs):
            for column, text in enumerate((run.name, "", "", "")):
                self._table.setItem(row, column, qt.QTableWidgetItem(text))
            self._table.item(row, 0).setToolTip(str(run.root))
        roots = [run.root for run in self.runs]
        if chosen in roots:
            self._table.setCurrentCell(roots.index(chosen), 0)
        else:
            self._table.setCurrentCell(-1, -1)
        self._table.blockSignals(blocked)

    def show(self, look: RunSnapshot, *, starting: bool) -> None:
        """Write a run's snapshot into its row."""
        for row, run in enumerate(self.runs):
            if run.root == look.root:
                for column, text in enumerate(cells(look, starting=starting), start=1):
                    item = self._table.item(row, column)
                    if item.text() != text:
                        item.setText(text)
                        item.setToolTip(look.problem or (look.status.reason if look.status is not None else "") or text)

    def onCurrent(self, row: int, _column: int, previous: int, _previous_column: int) -> None:
        """Report that another row is chosen."""
        if row != previous:
            self._chosen()


def state_of(look: RunSnapshot | None, *, starting: bool) -> str:
    """Return the state of a run as the backend's word for it, or ``"starting"`` or ``"unreadable"``."""
    if look is not None and look.status is not None and look.status.state.alive:
        return str(look.status.state.value)
    if starting:  # its process exists, but has not started to write
        return STARTING
    if look is None or look.status is None:
        return "unreadable" if look is not None and look.problem else "new"
    return str(look.status.state.value)


def cells(look: RunSnapshot, *, starting: bool) -> tuple[str, str, str]:
    """Return state, place and time left of a run."""
    status, state = look.status, state_of(look, starting=starting)
    if status is None or state in ("finished", STARTING):
        return state_word(state), "", ""
    at = ""
    if status.network:
        at = network_title(status.network)
        if status.steps:
            at += f" {100 * status.step // status.steps} %"
    return state_word(state), at, duration(status.seconds_left) if state == "running" else ""
