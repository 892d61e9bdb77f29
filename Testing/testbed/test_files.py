"""What holds for the files of both modules, without running them."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

STANDARD = {*sys.stdlib_module_names, "slicer", "vtk", "qt", "ctk"}
MODULES = ("KDNetSegmentation", "KDNetTraining")
ERRORS = ("KDNetError", "ModelFileError", "DataError", "SettingsError", "RunFolderError", "RuntimeError")
MESSAGES = ("showMessage", "_show_message", "Failure", *ERRORS)  # take a sentence first
UI_NAMES = ("ui", "self.ui", "self.panel.ui")

pytestmark = pytest.mark.parametrize("name", MODULES)


def ui_file(repository: Path, name: str) -> Any:
    return ElementTree.parse(repository / name / f"Resources/UI/{name}.ui").getroot()


def scripts(repository: Path, name: str) -> list[Path]:
    """Those that know the widgets of the module."""
    return [*(repository / name / f"{name}Lib").glob("*.py"), repository / "KDNetTraining/KDNetLib/InstallPanel.py"]


def test_every_choice_of_the_ui_is_a_parameter(application: Any, repository: Path, name: str) -> None:
    if str(repository / name) not in sys.path:
        sys.path.insert(0, str(repository / name))
    parameters = importlib.import_module(f"{name}Lib.Parameters").Parameters.allParameters
    properties = ui_file(repository, name).iter("property")
    named = [item.findtext("string") for item in properties if item.get("name") == "SlicerParameterName"]
    assert named
    assert len(set(named)) == len(named)
    assert set(named) <= set(parameters)


def test_every_choice_that_the_code_sets_is_a_parameter(application: Any, repository: Path, name: str) -> None:
    """The application would take a misspelt one in silence."""
    parameters = importlib.import_module(f"{name}Lib.Parameters").Parameters.allParameters
    for path in scripts(repository, name):
        used = re.findall(r"(?:\bparameters|chosen)\.(\w+) = ", path.read_text(encoding="utf-8"))
        assert set(used) <= set(parameters), path


def test_every_node_list_gets_the_scene(repository: Path, name: str) -> None:
    root = ui_file(repository, name)
    lists = {item.get("name") for item in root.iter("widget") if item.get("class") == "qMRMLNodeComboBox"}
    connected = {item.findtext("receiver") for item in root.iter("connection")}
    assert lists <= connected


def test_every_widget_that_the_code_names_is_in_the_ui(repository: Path, name: str) -> None:
    names = {item.get("name") for item in ui_file(repository, name).iter("widget")}
    for path in scripts(repository, name):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in UI_NAMES:
                assert node.attr in names, path


def test_start_up_imports_nothing_but_slicer_and_the_standard_library(repository: Path, name: str) -> None:
    todo, seen = [repository / name / f"{name}.py"], set()
    while todo:
        path = todo.pop()
        seen.add(path)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{item.name}" for item in node.names)]
            for imported in names:
                found = [
                    folder / f"{imported.replace('.', '/')}{end}"
                    for folder in (repository / module for module in MODULES)
                    for end in (".py", "/__init__.py")
                ]
                ours = [file for file in found if file.is_file()]
                known = ours or imported.partition(".")[0] in {*STANDARD, "kdnet", "KDNetLib", f"{name}Lib"}
                assert known, f"{path} imports {imported}"
                todo += [file for file in ours if file not in seen]
    assert len(seen) > 15


def test_modules_do_not_import_each_other(repository: Path, name: str) -> None:
    """What both need is in KDNetLib, which knows neither."""
    others = {
        "KDNetSegmentation": {"KDNetTraining", "KDNetTrainingLib"},
        "KDNetTraining": {"KDNetSegmentation", "KDNetSegmentationLib"},
        "KDNetTraining/KDNetLib": {"KDNetTraining", "KDNetTrainingLib", "KDNetSegmentation", "KDNetSegmentationLib"},
    }
    for folder, forbidden in others.items():
        for path in (repository / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not {imported.partition(".")[0] for imported in names} & forbidden, path


def test_one_place_extends_the_path(repository: Path, name: str) -> None:
    """In a source tree alone, so that KDNetSegmentation finds the shared packages."""
    files = [path for module in MODULES for path in (repository / module).rglob("*.py") if "kdnet" not in path.parts]
    editing = [path for path in files if "sys.path." in path.read_text(encoding="utf-8").replace("``sys.path``", "")]
    assert editing == [repository / "KDNetSegmentation/KDNetSegmentationLib/__init__.py"]


def test_every_sentence_can_be_translated(repository: Path, name: str) -> None:
    """Text given to a widget comes from _(), or holds no words."""
    for path in scripts(repository, name):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            shown = isinstance(target, ast.Attribute) and target.attr in ("text", "toolTip")
            if shown and isinstance(node.value, ast.Constant):
                assert not node.value.value, f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    "folder", ["KDNetSegmentation/KDNetSegmentationLib", "KDNetTraining/KDNetLib", "KDNetTraining/KDNetTrainingLib"]
)
def test_every_message_can_be_translated(repository: Path, name: str, folder: str) -> None:
    """A message comes from _(), from the backend, or holds no words; an f-string could not be looked up."""
    for path in (repository / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in MESSAGES:
                text = node.args[0]
                parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                plain = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
                assert not any(map(str.isalpha, "".join(plain))), f"{path}:{node.lineno}"
