"""The examples in the documentation of the code run as they are written."""

from __future__ import annotations

import doctest
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "KDNetLib.Command",
        "KDNetTrainingLib.Request",
        "KDNetTrainingLib.Runs",
        "KDNetTrainingLib.Curves",
        "KDNetTrainingLib.Formatting",
    ],
)
def test_examples_of_the_parts(training: Any, name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.slow
def test_the_example_of_the_logic(training: Any, cases: Path, tmp_path: Path) -> None:
    module = importlib.import_module("KDNetTrainingLib.Logic")
    names = {"DATA": str(cases), "RUNS": str(tmp_path), "logic": training.logic}
    outcome = doctest.testmod(module, extraglobs=names)
    assert outcome.attempted > 5
    assert outcome.failed == 0


@pytest.mark.slow
def test_the_self_tests_of_the_module_pass(training: Any) -> None:
    sys.modules["KDNetTraining"].KDNetTrainingTest().runTest()
