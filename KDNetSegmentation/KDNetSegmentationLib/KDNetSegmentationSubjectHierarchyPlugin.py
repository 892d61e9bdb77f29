"""A plugin of the data tree; Slicer loads this file by its path and finds the class by the file's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import qt
import slicer
from AbstractScriptedSubjectHierarchyPlugin import AbstractScriptedSubjectHierarchyPlugin
from slicer.i18n import tr as _

from KDNetSegmentationLib.Candidates import is_candidate

if TYPE_CHECKING:
    from slicer import vtkMRMLNode


class KDNetSegmentationSubjectHierarchyPlugin(AbstractScriptedSubjectHierarchyPlugin):
    """Offers to segment a volume with the model that fits it."""

    filePath = __file__  # read by Slicer

    def __init__(self, scriptedPlugin: Any) -> None:
        scriptedPlugin.name = "KDNetSegmentation"
        AbstractScriptedSubjectHierarchyPlugin.__init__(self, scriptedPlugin)
        self.segmentAction = qt.QAction(_("Segment with KDNet"), scriptedPlugin)
        self.segmentAction.objectName = "SegmentWithKDNetAction"
        self.segmentAction.toolTip = _("Segment this volume with the model that fits it, in KDNet Segmentation.")
        self.segmentAction.connect("triggered()", self.onSegment)

    def canAddNodeToSubjectHierarchy(self, _node: vtkMRMLNode, _parentItemID: int) -> float:
        """Return that the plugin owns no nodes."""
        return 0.0

    def canOwnSubjectHierarchyItem(self, _itemID: int) -> float:
        """Return that the plugin owns no items."""
        return 0.0

    def roleForPlugin(self) -> str:
        """Return that it has no role, because it owns no items."""
        return "N/A"

    def itemContextMenuActions(self) -> list[Any]:
        """Return the entry, which Slicer hides until :meth:`showContextMenuActionsForItem`."""
        return [self.segmentAction]

    def showContextMenuActionsForItem(self, itemID: int) -> None:
        """Show the entry for a scalar volume."""
        self.segmentAction.visible = self._volume(itemID) is not None

    def onSegment(self) -> None:
        """Segment the volume whose menu is open."""
        volume = self._volume(slicer.qSlicerSubjectHierarchyPluginHandler.instance().currentItem())
        if volume is not None:
            slicer.util.selectModule("KDNetSegmentation")
            slicer.util.getModuleWidget("KDNetSegmentation").panel.segmentVolume(volume)

    def _volume(self, itemID: int) -> Any:
        """Return the volume of an item; None if it is no volume that can be segmented."""
        tree = slicer.qSlicerSubjectHierarchyPluginHandler.instance().subjectHierarchyNode()
        node = tree.GetItemDataNode(itemID) if itemID and tree is not None else None
        return node if node is not None and is_candidate(node) else None
