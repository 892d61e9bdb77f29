"""The data tree's plugins: loaded by path, with the class named as the file, as the application does."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore


class AbstractScriptedSubjectHierarchyPlugin:
    """The base class that Slicer gives to plugins."""

    def __init__(self, scriptedPlugin: Any) -> None:
        self.scriptedPlugin = scriptedPlugin


class qSlicerSubjectHierarchyScriptedPlugin(QtCore.QObject):  # noqa: N801
    """Holds a plugin and opens the menu of an item."""

    loaded: dict[str, Any] = {}  # noqa: RUF012

    def setPythonSource(self, path: str) -> None:
        name = Path(path).stem
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.loaded[name] = getattr(module, name)(self)


class qSlicerSubjectHierarchyPluginHandler:  # noqa: N801
    """Knows the item whose menu is open."""

    current = 0

    @classmethod
    def instance(cls) -> type[qSlicerSubjectHierarchyPluginHandler]:
        return cls

    @classmethod
    def currentItem(cls) -> int:
        return cls.current

    @staticmethod
    def subjectHierarchyNode() -> Any:
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


class BaseClassFinder:
    """Finds the base class only after ``import SubjectHierarchyPlugins``, which puts its folder on ``sys.path``."""

    @staticmethod
    def find_spec(name: str, _path: Any = None, _target: Any = None) -> Any:
        if name == "SubjectHierarchyPlugins":
            module: Any = types.ModuleType("AbstractScriptedSubjectHierarchyPlugin")
            module.AbstractScriptedSubjectHierarchyPlugin = AbstractScriptedSubjectHierarchyPlugin
            sys.modules[module.__name__] = module
            return importlib.util.spec_from_loader(name, Package())
        return None


class Package(importlib.abc.Loader):
    """An empty package."""

    def exec_module(self, _module: Any) -> None:
        pass


def install() -> None:
    """Put the classes where modules look for them."""
    slicer.qSlicerSubjectHierarchyScriptedPlugin = qSlicerSubjectHierarchyScriptedPlugin
    slicer.qSlicerSubjectHierarchyPluginHandler = qSlicerSubjectHierarchyPluginHandler
    sys.meta_path.append(BaseClassFinder)
