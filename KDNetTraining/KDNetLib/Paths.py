"""Path edits that are empty while no path is selected."""

from typing import Any


def clear_unset_paths(*edits: Any) -> None:
    """Clear ``ctkPathLineEdit`` widgets that show ".", the value of an unset path in a parameter node."""
    for edit in edits:
        if edit.currentPath == ".":
            blocked = edit.blockSignals(True)
            edit.currentPath = ""
            edit.blockSignals(blocked)
