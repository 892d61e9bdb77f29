"""The house of docs/explanation/architecture.md: which room may import which, and what the panels may import without torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
BACKEND = ROOT / "KDNetTraining" / "kdnet"
FOUNDATION = {
    "causes",
    "errors",
    "files",
    "foreign",
    "json_schema",
    "messages",
    "shared_files",
    "temporary_names",
    "text",
    "monai_part",
}
ALLOWED = {
    "schema": FOUNDATION,
    "device": FOUNDATION | {"schema", "networks"},
    "tensor_file": FOUNDATION,
    "data": FOUNDATION | {"schema"},
    "networks": FOUNDATION | {"schema"},
    "losses": FOUNDATION | {"schema", "networks"},
    "model_file": FOUNDATION | {"schema", "networks", "tensor_file"},
    "runs": FOUNDATION | {"schema"},  # no torch: panels read runs
    "evaluation": FOUNDATION | {"schema", "data"},
    "inference": FOUNDATION | {"schema", "data", "networks", "model_file", "device"},
    "measurement": FOUNDATION | {"schema", "data"},  # no torch
    "preparation": FOUNDATION | {"schema", "data", "networks", "device", "model_file", "inference"},
    "collection": FOUNDATION | {"schema", "data", "preparation"},  # no torch
    "curation": FOUNDATION
    | {
        "schema",
        "data",
        "device",
        "preparation",
        "segmentation",
        "runs",
        "report",
        "entry",
    },  # no torch before a case is prepared
    "segmentation": FOUNDATION
    | {"schema", "data", "model_file", "device", "inference", "preparation", "evaluation", "measurement", "report"}
    | {"collection"},
    "training": FOUNDATION | {"schema", "data", "networks", "losses", "tensor_file", "device", "inference"},
    "report": FOUNDATION | {"schema", "data", "evaluation", "measurement", "runs"},
}
TOP = {"study", "cli", "entry", "__init__", "__main__"}  # they connect the others
PANEL_ROOMS = ("schema", "runs")  # what the Slicer modules may import, with the foundation
WITHOUT_TORCH = (  # what `kdnet inspect` and opening a case need
    "data.inspection",
    "data.inspection_cache",
    "data.formats.detect",
    "collection.store",
    "cli.collection",
    "curation.run",
    "evaluation.case_pairs",
    "evaluation.statistics",
    "preparation.skull",
    "segmentation.inputs",
    "segmentation.input_care",
    "segmentation.results_table",
)
HEAVY = ("torch", "monai", "nibabel", "SimpleITK", "matplotlib", "scipy")


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else "kdnet"


def _arrows() -> Iterator[tuple[str, str, str]]:
    """Room, room that it imports, and the file where it does."""
    for path in sorted(BACKEND.rglob("*.py")):
        room = path.relative_to(BACKEND).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "kdnet":
                names = [f"kdnet.{alias.name}" for alias in node.names] if node.module == "kdnet" else [node.module]
                for name in names:
                    yield room, _room(name), str(path.relative_to(ROOT))


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_only_what_the_architecture_allows(room: str) -> None:
    wrong = [(to, file) for source, to, file in _arrows() if source == room and to != room and to not in ALLOWED[room]]
    assert not wrong


def test_no_room_imports_itself_through_others() -> None:
    arrows: dict[str, set[str]] = {}
    for room, to, _file in _arrows():
        if to != room:
            arrows.setdefault(room, set()).add(to)
    while free := {room for room in arrows if not arrows[room] & arrows.keys()}:
        arrows = {room: to for room, to in arrows.items() if room not in free}
    assert not arrows, f"these rooms import each other in a circle: {sorted(arrows)}"


def test_every_room_is_known() -> None:
    rooms = {path.stem for path in BACKEND.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms == ALLOWED.keys() | FOUNDATION | TOP


def test_every_room_is_described() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    folders = sorted(path.parent.name for path in BACKEND.glob("*/__init__.py"))
    assert [name for name in folders if f"| `{name}/" not in page] == []


def test_measurements_and_dicom_segmentations_import_without_torch() -> None:
    names = [f"kdnet.measurement.{path.stem}" for path in sorted((BACKEND / "measurement").glob("*.py"))]
    code = "import importlib, sys\nsys.modules['torch'] = sys.modules['monai'] = None\n"
    code += f"for name in {[*names, 'kdnet.data.volumes.dicom_seg']}: importlib.import_module(name)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr


def test_what_panels_need_imports_without_heavy_libraries() -> None:
    modules = [
        "kdnet." + ".".join(path.relative_to(BACKEND).with_suffix("").parts)
        for room in PANEL_ROOMS
        for path in sorted((BACKEND / room).glob("*.py"))
        if path.name != "__init__.py"
    ]
    _run(f"for name in {HEAVY}: sys.modules[name] = None\nfor name in {modules}: importlib.import_module(name)\n")


def test_looking_at_data_and_results_loads_no_torch() -> None:
    _run(
        f"for name in {WITHOUT_TORCH}:\n"
        "    importlib.import_module('kdnet.' + name)\n"
        "    loaded = {'torch', 'monai', 'matplotlib'} & sys.modules.keys()\n"
        "    assert not loaded, f'{name} imports {loaded}'\n"
    )


def _run(code: str) -> None:
    command = [sys.executable, "-c", f"import importlib, sys\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
