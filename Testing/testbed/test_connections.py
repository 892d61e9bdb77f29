"""Panels and scene: tied while both are there, whatever the application returns; and how a developer reloads a module."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest


class Node:
    """A wrapped parameter node whose ``connectGui`` returns ``tag``; it is its own node."""

    def __init__(self, tag: int | None) -> None:
        self.tag, self.released = tag, list[Any]()
        self.parameterNode = self

    def connectGui(self, _ui: Any) -> int | None:
        return self.tag

    def disconnectGui(self, tag: int | None) -> None:
        self.released.append(tag)


class Observer:
    """Knows what is observed, and refuses to observe it twice or to release what is not observed."""

    def __init__(self) -> None:
        self.observed: list[Any] = []

    def addObserver(self, node: Any, _event: Any, _method: Callable[..., None]) -> None:
        assert node not in self.observed
        self.observed.append(node)

    def removeObserver(self, node: Any, _event: Any, _method: Callable[..., None]) -> None:
        self.observed.remove(node)


@pytest.mark.parametrize(("tag", "released"), [(0, [0]), (3, [3]), (None, [])])
def test_a_connection_ends_also_without_a_tag(application: Any, tag: int | None, released: list[int]) -> None:
    import KDNetSegmentationLib  # noqa: F401 - puts KDNetLib on the path
    from KDNetLib.GuiConnection import GuiConnection

    observer, node = Observer(), Node(tag)
    connection = GuiConnection(object(), observer, lambda *_arguments: None)
    for _again in range(2):
        connection.connect(node)
        assert observer.observed == [node]
        connection.disconnect()
        connection.disconnect()  # as when the module is left and the scene closes
        assert observer.observed == []
        assert not connection.connected
    assert node.released == 2 * released


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("madeup", "madeup.part", "madeup_too"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))


def test_a_reload_reads_the_packages_of_a_module_again(application: Any, packages: None) -> None:
    import KDNetSegmentationLib  # noqa: F401 - puts KDNetLib on the path
    from KDNetLib.ModuleShell import forget_packages

    forget_packages("madeup")
    assert [name for name in sys.modules if name.startswith("madeup")] == ["madeup_too"]


def test_both_modules_reload_their_own_packages_and_the_shared_ones(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from KDNetLib import ModuleShell

    forgotten: list[str] = []
    monkeypatch.setattr(ModuleShell, "forget_packages", lambda *names: forgotten.extend(names))
    reloaded: list[Any] = []
    monkeypatch.setattr(ModuleShell.ScriptedLoadableModuleWidget, "onReload", reloaded.append, raising=False)
    module.onReload()
    assert forgotten == ["KDNetSegmentationLib", "KDNetLib", "kdnet"]
    assert reloaded == [module]
