"""The examples in README and documentation run as they are written, on small data.

What needs Slicer runs in Testing/testbed. A block that no test can run says why in a comment before it.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from kdnet.cli import main
from page_examples import PAGES, ROOT, page_examples

SMALL = {
    "phantom": ["--cases", "6", "--size", "28", "33", "26", "--spacing", "6"],
    "study": [
        *("--threads", "1", "--device", "cpu", "--set", "spacing=[6,6,6]", "--set", "patch=[16,16,16]", "--set", "batch=2"),
        *("--set", "network=segresnet-4", "--set", "steps=2", "--set", "validation_every=2", "--set", "precision=float32"),
    ],
}
"""Command to the options that make it quick; of two values of an option the later one counts."""
SMALL["plan"] = SMALL["study"]

RUN = [
    page
    for page in PAGES
    if any(e.language in ("bash", "python") and not e.skipped and not e.for_slicer for e in page_examples(page))
]


@pytest.fixture
def place(
    request: pytest.FixtureRequest,
    phantom: Path,
    model_file: Path,
    finished_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """An empty working directory with the files that examples take for granted."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(phantom, tmp_path / "phantom")
    shutil.copyfile(model_file, tmp_path / "student.safetensors")
    shutil.copyfile(finished_run / "fold0/seed0/teacher/model.safetensors", tmp_path / "teacher.safetensors")
    shutil.copyfile(min(phantom.rglob("*_t1ce.nii.gz")), tmp_path / "t1ce.nii.gz")
    page: Path = request.getfixturevalue("page")
    if "--out runs/first" not in page.read_text(encoding="utf-8"):
        shutil.copytree(finished_run, tmp_path / "runs/first")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run(page: Path, place: Path) -> None:
    names: dict[str, object] = {}
    for example in page_examples(page):
        if example.skipped or example.for_slicer:
            continue
        if example.language == "python":
            exec(compile(example.text, example.place, "exec"), names)
        elif example.language == "bash":
            for line in example.commands:
                program, command, *arguments = shlex.split(line)
                assert program == "kdnet", f"{example.place}: only kdnet is run here: {line}"
                if command == "phantom":
                    shutil.rmtree(place / arguments[0], ignore_errors=True)
                assert main([command, *arguments, *SMALL.get(command, [])]) == 0, f"{example.place}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_is_fenced_and_names_its_language(page: Path) -> None:
    for example in page_examples(page):
        assert example.language in ("bash", "python", "json", "text", "bibtex"), example.place
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    if "/api/" not in page.as_posix():  # whose options for mkdocstrings are indented
        assert not re.search(r"\n\n    (?:kdnet|from|import|\S+ ->) ", text), "an indented block is never run"
