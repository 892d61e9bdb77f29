"""Filling of table widgets."""

from collections.abc import Sequence
from typing import Any

import qt

HEADER_HEIGHT = 30  # of the header and the frame, in pixels
ROW_HEIGHT = 24
LINE_HEIGHT = 16  # of each further line of a cell
LARGEST_HEIGHT = 240  # a longer table scrolls
SIGNS = str.maketrans("", "", ".-+ %\n")


def fill_table(
    table: Any, header: Sequence[str], rows: Sequence[Sequence[str]], stretch: int = 0, highest: int = LARGEST_HEIGHT
) -> None:
    """Show ``rows`` of text under ``header``; numbers are right-aligned.

    Args:
        table: the widget.
        header: titles of the columns.
        rows: cells, which may have several lines.
        stretch: column that takes the remaining width.
        highest: height in pixels from which on the table scrolls.
    """
    table.clearContents()
    table.columnCount = len(header)
    table.rowCount = len(rows)
    table.setHorizontalHeaderLabels(list(header))
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(text)
            if column and text.translate(SIGNS).isdigit():
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            table.setItem(row, column, item)
    for column in range(len(header)):
        mode = qt.QHeaderView.Stretch if column == stretch else qt.QHeaderView.ResizeToContents
        table.horizontalHeader().setSectionResizeMode(column, mode)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
    if table.visible:
        table.resizeRowsToContents()
    else:  # columns have no widths yet, for which rows would be made far too high
        for row, cells in enumerate(rows):
            table.setRowHeight(row, ROW_HEIGHT + LINE_HEIGHT * max(text.count("\n") for text in cells))
    height = HEADER_HEIGHT + sum(table.rowHeight(row) for row in range(len(rows)))
    table.setFixedHeight(min(height, highest))
