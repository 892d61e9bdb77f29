"""Translation of messages that may also be shown outside the application."""

from __future__ import annotations

try:
    from slicer.i18n import tr as _
except ImportError:  # PythonSlicer and slicer-core, which have no translations

    def _(text: str) -> str:
        return text


__all__ = ["_"]
