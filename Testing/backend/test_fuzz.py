"""What nobody foresees: mutated images, model files, requests and run folders give a result or one sentence.

Every input follows from its number, so that a failure can be made again. ``KDNET_FUZZ=10`` tries ten times as many.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from .fuzz.images import mutated_image, write_images
from .fuzz.judge import Judge, Process, complaint
from .fuzz.messages import mutated_line, sound_requests
from .fuzz.models import mutated_model
from .fuzz.runs import mutated_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does"),
]
TIMES = float(os.environ.get("KDNET_FUZZ", "1"))
FIRST = int(os.environ.get("KDNET_FUZZ_FIRST", "0"))
SEED = 21


def numbers(count: int) -> range:
    return range(FIRST, FIRST + max(1, round(count * TIMES)))


def random_of(kind: int, number: int) -> np.random.Generator:
    return np.random.default_rng([SEED, kind, number])


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[Judge]:
    judge = Judge(tmp_path)
    yield judge
    judge.end()
    print("\n" + ", ".join(f"{name} {count}" for name, count in sorted(judge.outcomes.items())))


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return tmp_path / "box"


def emptied(box: Path) -> Path:
    shutil.rmtree(box, ignore_errors=True)
    box.mkdir()
    return box


def test_images(judge: Judge, box: Path, tmp_path: Path) -> None:
    sound = tmp_path / "sound"
    sound.mkdir()
    write_images(sound)
    for path in sorted(sound.iterdir()):
        if path.suffix not in (".raw", ".zraw"):
            judge.read("image", path, path.name)
    assert set(judge.outcomes) == {"result"}, judge.failures
    for number in numbers(500):
        judge.read("image", mutated_image(sound, emptied(box), random_of(0, number)), f"image {number}")
    assert not judge.failures, "\n\n".join(judge.failures)


def test_model_files(judge: Judge, box: Path, model_file: Path) -> None:
    judge.read("model", model_file, "sound")
    assert set(judge.outcomes) == {"result"}, judge.failures
    for number in numbers(500):
        path = mutated_model(model_file, emptied(box) / "model.safetensors", random_of(1, number))
        judge.read("model", path, f"model {number}")
    assert not judge.failures, "\n\n".join(judge.failures)


def test_messages(judge: Judge, box: Path, model_file: Path) -> None:
    """After each line the worker must serve a sound request."""
    requests = sound_requests(emptied(box), model_file)
    worker: Process | None = None
    for number in numbers(300):
        if worker is None:
            worker = Process("-m", "kdnet", "worker", folder=box)
        worker.send(mutated_line(requests, random_of(2, number)))
        worker.send(json.dumps({"id": f"probe {number}", "task": "devices"}).encode() + b"\n")
        reason = _until_probe(worker, f"probe {number}", judge)
        if reason:
            judge.fail(f"message {number}", f"{reason} ({worker.end()})")
            worker = None
    if worker is not None:
        worker.end()
    assert not judge.failures, "\n\n".join(judge.failures)


def _until_probe(worker: Process, probe: str, judge: Judge) -> str:
    """Read answers up to that of the probe; return what is wrong with them."""
    wrong = ""
    outcome = "passed over"
    while True:
        try:
            line = worker.read(seconds=120)
        except TimeoutError:
            return "no answer"
        if line is None:
            return "the worker died"
        try:
            answer = json.loads(line)
        except ValueError:
            return f"no JSON: {line[:200]!r}"
        if answer.get("id") == probe:
            if answer["event"] != "result":
                return f"the probe got {answer}"
            if not wrong:
                judge.outcomes[outcome] += 1
            return wrong
        if answer["event"] == "error":
            outcome, wrong = "sentence", wrong or complaint(answer["message"])
        elif answer["event"] == "result":
            outcome = "result"


def test_run_folders(judge: Judge, box: Path, finished_run: Path, tmp_path: Path) -> None:
    sound = Path(shutil.copytree(finished_run, tmp_path / "run"))
    judge.read("run", sound, "sound")
    assert set(judge.outcomes) == {"result"}, judge.failures
    for number in numbers(200):
        judge.read("run", mutated_run(sound, emptied(box) / "run", random_of(3, number)), f"run {number}")
    assert not judge.failures, "\n\n".join(judge.failures)
