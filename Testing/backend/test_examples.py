"""The examples in the docstrings of the backend run as they are written."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "KDNetTraining"
MODULES = sorted(
    ".".join(path.relative_to(PACKAGES).with_suffix("").parts)
    for path in (PACKAGES / "kdnet").rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # where the examples find Resources
    module = importlib.import_module(name)
    examples = [example for test in doctest.DocTestFinder().find(module) for example in test.examples]
    assert any(example.want for example in examples), f"no example of {name} shows a result"
    outcome = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert outcome.attempted == len(examples)
    assert outcome.failed == 0
