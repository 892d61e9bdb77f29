"""The panels use no more of the widgets of CTK and Slicer than these classes declare."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
UI_FILES = tuple(REPOSITORY / name / "Resources" / "UI" / f"{name}.ui" for name in ("KDNetSegmentation", "KDNetTraining"))
SOURCES = sorted(
    path for name in ("KDNetSegmentation", "KDNetTraining") for path in (REPOSITORY / name).rglob("KDNet*/*.py")
)


def widgets() -> Iterator[ElementTree.Element]:
    for file in UI_FILES:
        yield from ElementTree.parse(file).getroot().iter("widget")


def attributes() -> Iterator[tuple[str, str, str]]:
    """Return file with line, widget and attribute wherever code reaches into a widget of the .ui files."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                yield f"{path.name}:{node.lineno}", node.value.attr, node.attr


def test_ui_files_set_only_declared_properties() -> None:
    from standin.declared import DECLARED, known_properties

    found = [
        f"{widget.get('name')}: {item.get('name')}"
        for widget in widgets()
        if (cls := str(widget.get("class"))) in DECLARED
        for item in widget.findall("property")
        if item.get("stdset") != "0" and item.get("name") not in known_properties(cls)
    ]
    assert found == []


def test_code_uses_only_declared_names() -> None:
    from standin.declared import DECLARED, known_names

    classes = {str(widget.get("name")): str(widget.get("class")) for widget in widgets()}
    used = [(place, classes[name], attribute) for place, name, attribute in attributes() if name in classes]
    ours = [(place, cls, attribute) for place, cls, attribute in used if cls in DECLARED]
    assert len(ours) > 30
    assert [each for each in ours if each[2] not in known_names(each[1])] == []


@pytest.mark.parametrize(
    ("widget", "name"),
    [
        ("batchInput", "text"),
        ("resultsSection", "title"),
        ("inputSelector1", "currentText"),
        ("opacitySlider", "specialValueText"),
        ("segmentsTable", "rowCount"),
        ("segmentsTable", "itemChanged"),
    ],
)
def test_the_stand_in_refuses_what_the_application_refuses(panel: Any, widget: str, name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(getattr(panel.ui, widget), name)
    with pytest.raises(AttributeError, match=name):
        setattr(getattr(panel.ui, widget), name, "")
