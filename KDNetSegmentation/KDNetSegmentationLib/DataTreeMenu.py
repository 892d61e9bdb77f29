"""The entry "Segment with KDNet" in the context menu of volumes in the data tree."""

from __future__ import annotations

from pathlib import Path

import slicer


def register_context_menu() -> None:
    """Register the entry when Slicer has started, as Slicer's own modules do."""
    import SubjectHierarchyPlugins  # noqa: F401, PLC0415 - puts the folder with the plugin's base class on sys.path

    plugin = slicer.qSlicerSubjectHierarchyScriptedPlugin(None)
    plugin.setPythonSource(str(Path(__file__).with_name("KDNetSegmentationSubjectHierarchyPlugin.py")))
