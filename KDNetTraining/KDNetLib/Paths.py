"""Path edits that show nothing while nothing is chosen."""

from typing import Any


def show_nothing_for_unset(*edits: Any) -> None:
    """Empty those ``ctkPathLineEdit`` that show ".", as which an unset path of a parameter node reads."""
    for edit in edits:
        if edit.currentPath == ".":
            blocked = edit.blockSignals(True)
            edit.currentPath = ""
            edit.blockSignals(blocked)
