"""The files that describe the extension agree with each other and with the tree."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest


@pytest.mark.parametrize("module", ["KDNetSegmentation", "KDNetTraining"])
def test_cmake_lists_every_script_and_resource(repository: Path, module: str) -> None:
    spec = importlib.util.spec_from_file_location("lists", repository / ".ci" / "update_cmake_lists.py")
    assert spec is not None
    assert spec.loader is not None
    lists = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lists)
    assert (repository / module / "CMakeLists.txt").read_text(encoding="utf-8") == lists.cmake_lists(module), (
        "run: make lists"
    )


def test_description_files_agree(repository: Path) -> None:
    cmake = dict(re.findall(r'set\(EXTENSION_(\w+) "(.*)"\)', (repository / "CMakeLists.txt").read_text(encoding="utf-8")))
    entry = json.loads((repository / "KDNet.json").read_text(encoding="utf-8"))
    s4ext = dict(
        line.split(" ", 1)
        for line in (repository / "KDNet.s4ext").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    assert "project(KDNet)" in (repository / "CMakeLists.txt").read_text(encoding="utf-8")
    assert entry["build_dependencies"] == cmake["DEPENDS"].split() == s4ext["depends"].split()
    assert entry["scm_url"] == s4ext["scmurl"]
    assert entry["scm_revision"] == s4ext["scmrevision"]
    assert entry["category"] == s4ext["category"]
    for name in ("HOMEPAGE", "DESCRIPTION", "CONTRIBUTORS", "ICONURL", "SCREENSHOTURLS"):
        assert cmake[name] == s4ext[name.lower()]


def test_pictures_that_the_catalog_shows_are_there(repository: Path) -> None:
    for name in ("ICONURL", "SCREENSHOTURLS"):
        address = re.search(rf'EXTENSION_{name} "(.*)"', (repository / "CMakeLists.txt").read_text(encoding="utf-8"))
        assert address is not None
        assert (repository / address[1].partition("/main/")[2]).is_file()


def test_slicer_installs_what_the_package_needs(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (repository / "Resources" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = {line for line in lines if line and not line.startswith("#")}
    in_slicer = {"torch", "numpy", "scipy", "SimpleITK"}
    assert wanted == {item for item in project["dependencies"] if re.split("[>=]", item)[0] not in in_slicer}


def test_the_backend_never_imports_slicer_or_qt(repository: Path) -> None:
    for path in (repository / "KDNetTraining" / "kdnet").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.partition(".")[0] for name in names} & {"slicer", "qt", "ctk", "vtk"}, path
