"""Puts the stand-ins where the module under test looks for them, and opens modules as the application does."""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import sys
import time
import types
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
import slicer.util
import vtk
from PySide6 import QtCore, QtWidgets
from trame_slicer.core import SlicerApp

from standin import ctk_module, data_tree, mrml_widgets, parameter_nodes, qt_module
from standin.layouts import LayoutManager, add_slice_views
from standin.module_panel import ModulePanel

REPOSITORY = Path(__file__).resolve().parents[3]

# PySide6 takes None for immortal, as it is from Python 3.12 on, and drops a reference to it with every call
ctypes.c_ssize_t.from_address(id(None)).value += 1 << 40


class Application:
    """``slicer.app``, the scene, and the modules that are open."""

    applicationName = "Slicer"

    def __init__(self, settings_folder: Path) -> None:
        self.qt_application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
        self.qt_application.setOrganizationName("NA-MIC")
        self.qt_application.setApplicationName("Slicer")
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
        QtCore.QSettings.setPath(QtCore.QSettings.IniFormat, QtCore.QSettings.UserScope, str(settings_folder))
        self.core = SlicerApp()
        self.slicerUserSettingsFilePath = str(settings_folder / "Slicer.ini")
        self.startup: list[Any] = []
        self.selected: list[str] = []
        self.confirm = True
        self.panel: ModulePanel | None = None  # of KDNetSegmentation
        self._widgets: dict[str, Any] = {}
        self._layout_manager = LayoutManager()
        self._install()

    def connect(self, signal: str, slot: Any) -> None:
        """Only the end of the start is known here."""
        if signal != "startupCompleted()":
            raise ValueError(signal)
        self.startup.append(slot)

    def applicationLogic(self) -> Any:
        return self.core.app_logic

    def testingEnabled(self) -> bool:
        return False

    def layoutManager(self) -> LayoutManager:
        return self._layout_manager

    @property
    def background(self) -> Any:
        """The volume that the red slice view shows."""
        return slicer.mrmlScene.GetNodeByID(self._red().GetBackgroundVolumeID() or "")

    @property
    def foreground(self) -> Any:
        """The volume that the red slice view shows over its background."""
        return slicer.mrmlScene.GetNodeByID(self._red().GetForegroundVolumeID() or "")

    def _red(self) -> Any:
        return slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")

    def open_module(self, name: str, folder: Path) -> Any:
        """Import the module's file and build its widget; return the widget."""
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        module = importlib.import_module(name)
        parent = types.SimpleNamespace(path=str(folder / f"{name}.py"))
        getattr(module, name)(parent)
        self.module_path = parent.path
        top = mrml_widgets.qMRMLWidget()
        QtWidgets.QVBoxLayout(top)
        top.setMRMLScene(slicer.mrmlScene)
        widget = getattr(module, f"{name}Widget")(top)
        setattr(slicer.modules, f"{name}Widget", widget)
        self._widgets[name] = widget
        widget.setup()
        return widget

    def process_events(self) -> None:
        """Let Qt's event loop run once, and leave the processor to the processes that are waited for."""
        self.qt_application.processEvents(QtCore.QEventLoop.AllEvents, 20)
        time.sleep(0.005)

    def _install(self) -> None:
        sys.modules["qt"], sys.modules["ctk"] = qt_module.make_module(), ctk_module.make_module()
        slicer.app, slicer.mrmlScene, slicer.modules = self, self.core.scene, types.SimpleNamespace()
        add_slice_views()
        slicer.mrmlScene.AddObserver(slicer.mrmlScene.EndCloseEvent, lambda *_: add_slice_views())
        segmentations = slicer.vtkSlicerSegmentationsModuleLogic()
        segmentations.SetMRMLScene(slicer.mrmlScene)
        slicer.modules.segmentations = types.SimpleNamespace(logic=lambda: segmentations)
        slicer.mrmlScene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())  # as the Colors module does
        slicer.modules.colors = types.SimpleNamespace(logic=lambda: slicer.vtkSlicerColorLogic)
        slicer.mrmlScene.AddObserver(slicer.mrmlScene.NodeAddedEvent, list_in_data_tree)
        slicer.mrmlScene.AddObserver(slicer.mrmlScene.NodeRemovedEvent, unlist_from_data_tree)
        for name, cls in mrml_widgets.CLASSES.items():
            setattr(slicer, name, cls)
        qt_module.UiLoader.classes = {**ctk_module.CLASSES, **mrml_widgets.CLASSES}
        sys.modules["slicer.i18n"] = _translation()
        sys.modules["slicer.parameterNodeWrapper"] = parameter_nodes.make_module()
        sys.modules["slicer.ScriptedLoadableModule"] = _scripted_modules()
        data_tree.install()
        slicer.util.loadUI = load_ui
        slicer.util.loadVolume = self._load_volume
        slicer.util.selectModule = self._select_module
        slicer.util.getModuleWidget = self._module_widget
        slicer.util.getModuleLogic = lambda name: self._module_widget(name).logic
        slicer.util.mainWindow = lambda: None
        slicer.util.confirmOkCancelDisplay = lambda *_arguments, **_options: self.confirm

    def _load_volume(self, path: str, properties: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Load a volume and show it, as the reader of the application does unless it is asked not to."""
        node = self.core.io_manager.load_volumes(path)[0]
        if "name" in properties:
            node.SetName(properties["name"])
        if properties.get("show", True):
            self.applicationLogic().GetSelectionNode().SetActiveVolumeID(node.GetID())
            self.applicationLogic().PropagateVolumeSelection()
        return node

    def show_panel(self, widget: Any, width: int, height: int) -> ModulePanel:
        """Show a module's widget in a panel of this size, which becomes wider if the widget needs it."""
        panel = ModulePanel(widget.parent)
        panel.resize(width, height)
        panel.show()
        panel.fit()
        return panel

    def _select_module(self, name: str) -> None:
        """The module that was opened last is left, and the other entered, where both are here."""
        before = self._widgets.get(self.selected[-1]) if self.selected else None
        self.selected.append(name)
        if before is not None:
            before.exit()
        if name in self._widgets:
            self._widgets[name].enter()

    def _module_widget(self, name: str) -> Any:
        if name not in self._widgets:
            raise RuntimeError(f"Could not find module with name '{name}'")
        return self._widgets[name]


LISTED = ("vtkMRMLVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLTransformNode")  # classes in the data tree, among others


@vtk.calldata_type(vtk.VTK_OBJECT)
def list_in_data_tree(scene: Any, _event: str, node: Any) -> None:
    """Add a node to the subject hierarchy, as its plugins do in the application."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if tree is not None and any(map(node.IsA, LISTED)) and not tree.GetItemByDataNode(node):
        tree.CreateItem(tree.GetSceneItemID(), node)


@vtk.calldata_type(vtk.VTK_OBJECT)
def unlist_from_data_tree(scene: Any, _event: str, node: Any) -> None:
    """Remove the item of a node that left the scene."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = tree.GetItemByDataNode(node) if tree is not None and any(map(node.IsA, LISTED)) else 0
    if item:
        tree.RemoveItem(item, False, False)


def load_ui(path: str) -> Any:
    """Load a .ui file; a child gets the scene only if the file connects it, as in the application."""
    file = QtCore.QFile(str(path))
    file.open(QtCore.QFile.ReadOnly)
    handler = QtCore.qInstallMessageHandler(_without_scene_signals)
    widget = qt_module.UiLoader().load(file)
    QtCore.qInstallMessageHandler(handler)
    for connection in ElementTree.parse(path).getroot().iter("connection"):
        parts = {part.tag: part.text for part in connection}
        if parts["signal"] == "mrmlSceneChanged(vtkMRMLScene*)" and parts["slot"] == "setMRMLScene(vtkMRMLScene*)":
            receiver = slicer.util.findChild(widget, parts["receiver"])
            widget._connected.append(receiver)
    return widget


def _without_scene_signals(_kind: Any, _context: Any, text: str) -> None:
    """Qt cannot connect a signal of a VTK type here (load_ui does it instead), nor read ctk's flags."""
    expected = ("mrmlSceneChanged", "sender name", "receiver name", "ctkPathLineEdit::Dirs")
    if not any(part in text for part in expected):
        logging.warning(text)


def _translation() -> types.ModuleType:
    module = types.ModuleType("slicer.i18n")
    module.tr = lambda text: text
    module.translate = lambda _context, text: text
    return module


def _scripted_modules() -> types.ModuleType:
    """The base classes of a scripted module, as far as they matter here."""

    class ScriptedLoadableModule:
        def __init__(self, parent: Any) -> None:
            self.parent = parent

    class ScriptedLoadableModuleWidget:
        def __init__(self, parent: Any) -> None:
            self.parent = parent
            self.layout = parent.layout()

        def setup(self) -> None:
            pass

        def resourcePath(self, name: str) -> str:
            return str(Path(slicer.app.module_path).parent / "Resources" / name)

    class ScriptedLoadableModuleLogic:
        def __init__(self) -> None:
            self.moduleName = type(self).__name__.removesuffix("Logic")

        def getParameterNode(self) -> Any:
            node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
            if node is None:
                node = slicer.vtkMRMLScriptedModuleNode()
                node.SetSingletonTag(self.moduleName)
                node.SetAttribute("ModuleName", self.moduleName)
                node.SetName(self.moduleName)
                node = slicer.mrmlScene.AddNode(node)
            return node

    module = types.ModuleType("slicer.ScriptedLoadableModule")
    module.ScriptedLoadableModule = ScriptedLoadableModule
    module.ScriptedLoadableModuleWidget = ScriptedLoadableModuleWidget
    module.ScriptedLoadableModuleLogic = ScriptedLoadableModuleLogic
    module.ScriptedLoadableModuleTest = object
    return module
