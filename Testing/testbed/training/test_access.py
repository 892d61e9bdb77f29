"""Everybody can use the panel: on a narrow panel, with the keyboard, with a screen reader, and without the manual."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from .conftest import REPOSITORY

WIDEST = 380
TREE = ElementTree.parse(REPOSITORY / "KDNetTraining" / "Resources" / "UI" / "KDNetTraining.ui")
WIDGETS = {item.get("name"): item for item in TREE.getroot().iter("widget")}
INPUTS = {"QComboBox", "QLineEdit", "QSpinBox", "QDoubleSpinBox", "ctkPathLineEdit"}
OTHERS = {"QTableWidget", "QProgressBar", "QPlainTextEdit", "QPushButton", "QCheckBox", "ctkCollapsibleButton"}


def value(name: str, of: str) -> str:
    found = WIDGETS[name].find(f"property[@name='{of}']/*")
    return found.text or "" if found is not None else ""


@pytest.mark.parametrize("name", [name for name, item in WIDGETS.items() if item.get("class") in INPUTS | OTHERS])
def test_a_widget_says_what_it_does(name: str) -> None:
    assert value(name, "toolTip")


@pytest.mark.parametrize("name", [name for name, item in WIDGETS.items() if item.get("class") in INPUTS])
def test_an_input_has_a_name_for_a_screen_reader(name: str) -> None:
    labels = [other for other in WIDGETS if value(other, "buddy") == name]
    assert labels or value(name, "accessibleName")


def test_buddies_are_there() -> None:
    assert all(value(name, "buddy") in WIDGETS for name in WIDGETS if value(name, "buddy"))


def test_nothing_needs_a_wide_panel(training: Any, training_module: Any, application: Any) -> None:
    from PySide6 import QtWidgets

    ui, shown = training.ui, []
    for name, item in WIDGETS.items():
        if item.get("class") == "ctkCollapsibleButton":
            section = getattr(ui, name)
            shown.append((section, section.collapsed))
            section.collapsed = False
    try:
        training.parameters.runsFolder = training.parameters.dataFolder = Path("/data/archive/department/studies" * 4)
        training.data._offer(("t1", "t1ce", "t2", "flair", "t2-flair-coronal"))
        application.process_events()
        layouts = {name: QtWidgets.QWidget.layout(getattr(ui, name)) for name in WIDGETS if hasattr(ui, name)}
        wide = {name: layout.totalMinimumSize().width() for name, layout in layouts.items() if layout is not None}
        assert {name: width for name, width in wide.items() if width > WIDEST} == {}
        assert QtWidgets.QWidget.layout(training_module.parent).totalMinimumSize().width() <= WIDEST
    finally:
        for section, collapsed in shown:
            section.collapsed = collapsed
