"""The qMRML widgets that the module uses. A widget without a scene shows nothing, as in the application."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from standin.qt_module import PythonQtLike, internal


class qMRMLWidget(PythonQtLike, QtWidgets.QWidget):  # noqa: N801
    """Hands its scene on to the widgets that the .ui file connects with it (see application.load_ui)."""

    def __init__(self, parent: Any = None) -> None:
        QtWidgets.QWidget.__init__(self, parent)
        self._scene: Any = None
        self._connected: list[Any] = []

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene
        for widget in self._connected:
            widget.setMRMLScene(scene)

    def mrmlScene(self) -> Any:
        return self._scene


class SortFilterProxyModel(PythonQtLike, QtCore.QObject):
    """Which nodes a list leaves out by ID."""

    changed = QtCore.Signal()

    def __init__(self, parent: Any) -> None:
        QtCore.QObject.__init__(self, parent)
        self._hidden: list[str] = []

    def _set_hidden(self, identifiers: list[str]) -> None:
        self._hidden = list(identifiers)
        self.changed.emit()

    hiddenNodeIDs = QtCore.Property("QStringList", lambda self: self._hidden, _set_hidden)


class qMRMLNodeComboBox(PythonQtLike, QtWidgets.QComboBox):  # noqa: N801
    """Lists the nodes of its types in its scene, and follows them coming, going and being renamed.

    A node of a class derived from one of the types is listed too, unless ``showChildNodeTypes`` is off.
    """

    currentNodeChanged = QtCore.Signal(object)

    def __init__(self, parent: Any = None) -> None:
        QtWidgets.QComboBox.__init__(self, parent)
        self._scene: Any = None
        self._types: list[str] = []
        self._none, self._none_text, self._children = True, "None", True
        self._nodes: list[Any] = []
        self._current: Any = None
        self._tags: list[Any] = []
        self._proxy = SortFilterProxyModel(self)
        self._proxy.changed.connect(self._refill)
        internal(self, "currentIndexChanged").connect(self._picked)

    def sortFilterProxyModel(self) -> SortFilterProxyModel:
        return self._proxy

    def setMRMLScene(self, scene: Any) -> None:
        import slicer

        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene = scene
        events = (slicer.vtkMRMLScene.NodeAddedEvent, slicer.vtkMRMLScene.NodeRemovedEvent, scene.EndCloseEvent)
        self._tags = [scene.AddObserver(event, lambda *_: self._refill()) for event in events] if scene else []
        self._refill()

    def currentNode(self) -> Any:
        return self._current

    def setCurrentNode(self, node: Any) -> None:
        if node is not None and not any(node is known for known in self._nodes):
            self._refill()
        row = next((row for row, known in enumerate(self._nodes) if known is node), -1)
        QtWidgets.QComboBox.setCurrentIndex(self, row + (1 if self._none and row >= 0 else 0) if row >= 0 else 0)

    def _refill(self) -> None:
        blocked = self.blockSignals(True)
        wanted = self._current
        QtWidgets.QComboBox.clear(self)
        self._nodes = []
        if self._none:
            QtWidgets.QComboBox.addItem(self, self._none_text)
        for name in self._types if self._scene is not None else []:
            for index in range(self._scene.GetNumberOfNodesByClass(name)):
                node = self._scene.GetNthNodeByClass(index, name)
                if self._lists(node, name) and not any(node is known for known in self._nodes):
                    self._nodes.append(node)
                    QtWidgets.QComboBox.addItem(self, node.GetName())
        self.blockSignals(blocked)
        self.setCurrentNode(wanted if any(wanted is node for node in self._nodes) else None)
        self._picked()

    def _lists(self, node: Any, name: str) -> bool:
        of_type = self._children or node.GetClassName() == name
        return of_type and not node.GetHideFromEditors() and node.GetID() not in self._proxy._hidden

    def _picked(self, *_arguments: Any) -> None:
        row = QtWidgets.QComboBox.currentIndex(self) - (1 if self._none else 0)
        node = self._nodes[row] if 0 <= row < len(self._nodes) else None
        if node is not self._current:
            self._current = node
            self.currentNodeChanged.emit(node)

    def _set_types(self, types: list[str]) -> None:
        self._types = list(types)
        self._refill()

    def _set_none(self, enabled: bool) -> None:
        self._none = enabled
        self._refill()

    def _set_none_text(self, text: str) -> None:
        self._none_text = text
        self._refill()

    def _set_children(self, shown: bool) -> None:
        self._children = shown
        self._refill()

    nodeTypes = QtCore.Property("QStringList", lambda self: self._types, _set_types)
    noneEnabled = QtCore.Property(bool, lambda self: self._none, _set_none)
    noneDisplay = QtCore.Property(str, lambda self: self._none_text, _set_none_text)
    showChildNodeTypes = QtCore.Property(bool, lambda self: self._children, _set_children)
    addEnabled = QtCore.Property(bool, lambda _self: False, lambda _self, _value: None)
    removeEnabled = QtCore.Property(bool, lambda _self: False, lambda _self, _value: None)
    renameEnabled = QtCore.Property(bool, lambda _self: False, lambda _self, _value: None)
    currentNodeID = QtCore.Property(str, lambda self: self._current.GetID() if self._current else "", None)


class qMRMLSegmentsTableView(PythonQtLike, QtWidgets.QTableWidget):  # noqa: N801
    """Visibility, color and name of each segment."""

    def __init__(self, parent: Any = None) -> None:
        QtWidgets.QTableWidget.__init__(self, 0, 2, parent)
        QtWidgets.QTableWidget.setHorizontalHeaderLabels(self, ["Show", "Segment"])
        internal(self, "horizontalHeader")().setStretchLastSection(True)
        internal(self, "verticalHeader")().hide()
        self._scene: Any = None
        self._node: Any = None
        internal(self, "itemChanged").connect(self._changed)

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene

    def segmentationNode(self) -> Any:
        return self._node

    def setSegmentationNode(self, node: Any) -> None:
        self._node = node if self._scene is not None else None
        blocked = self.blockSignals(True)
        segmentation = self._node.GetSegmentation() if self._node else None
        QtWidgets.QTableWidget.setRowCount(self, segmentation.GetNumberOfSegments() if segmentation else 0)
        for row in range(QtWidgets.QTableWidget.rowCount(self)):
            segment = segmentation.GetNthSegment(row)
            name = QtWidgets.QTableWidgetItem(segment.GetName())
            name.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
            shown = QtWidgets.QTableWidgetItem()
            visible = self._node.GetDisplayNode().GetSegmentVisibility(segmentation.GetNthSegmentID(row))
            shown.setCheckState(QtCore.Qt.Checked if visible else QtCore.Qt.Unchecked)
            QtWidgets.QTableWidget.setItem(self, row, 0, shown)
            QtWidgets.QTableWidget.setItem(self, row, 1, name)
        self.blockSignals(blocked)

    def _changed(self, item: Any) -> None:
        if item.column() == 0 and self._node is not None:
            name = self._node.GetSegmentation().GetNthSegmentID(item.row())
            self._node.GetDisplayNode().SetSegmentVisibility(name, item.checkState() == QtCore.Qt.Checked)


class qMRMLSegmentationShow3DButton(PythonQtLike, QtWidgets.QPushButton):  # noqa: N801
    """Makes or removes the surfaces of a segmentation, and follows those made elsewhere."""

    def __init__(self, parent: Any = None) -> None:
        QtWidgets.QPushButton.__init__(self, "Show 3D", parent)
        QtWidgets.QPushButton.setCheckable(self, True)
        QtWidgets.QPushButton.setEnabled(self, False)
        self._node: Any = None
        self._tags: list[tuple[Any, int]] = []
        self.toggled.connect(self._make)

    def segmentationNode(self) -> Any:
        return self._node

    def setSegmentationNode(self, node: Any) -> None:
        for observed, tag in self._tags:
            observed.RemoveObserver(tag)
        self._node, self._tags = node, []
        if node is not None:
            segmentation = node.GetSegmentation()
            events = ("SegmentAdded", "SegmentRemoved", "ContainedRepresentationNamesModified")
            observe = segmentation.AddObserver
            self._tags = [(segmentation, observe(getattr(segmentation, name), self._follow)) for name in events]
        self._follow()

    def _follow(self, *_arguments: Any) -> None:
        segmentation = self._node.GetSegmentation() if self._node is not None else None
        QtWidgets.QPushButton.setEnabled(self, bool(segmentation and segmentation.GetNumberOfSegments()))
        blocked = self.blockSignals(True)
        shown = bool(segmentation and segmentation.ContainsRepresentation("Closed surface"))
        QtWidgets.QPushButton.setChecked(self, shown)
        self.blockSignals(blocked)

    def _make(self, shown: bool) -> None:
        if self._node is not None and shown:
            self._node.GetSegmentation().CreateRepresentation("Closed surface")
        elif self._node is not None:
            self._node.GetSegmentation().RemoveRepresentation("Closed surface")


CLASSES = {
    cls.__name__: cls
    for cls in (
        qMRMLWidget,
        qMRMLNodeComboBox,
        qMRMLSegmentsTableView,
        qMRMLSegmentationShow3DButton,
    )
}
