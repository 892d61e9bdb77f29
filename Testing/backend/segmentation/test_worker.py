"""The worker process: same results as the command, true causes, and never an orphan."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kdnet.cli import main as kdnet
from kdnet.data.volumes.io import read_volume
from kdnet.schema.labels import brats_labels
from waiting import PATIENCE, is_alive, wait_until


class Client:
    """Speaks to a worker line by line."""

    def __init__(self, script: str = "-m kdnet worker") -> None:
        self.process = subprocess.Popen(
            [sys.executable, *script.split(" ", 1 if script.startswith("-c") else 2)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.pid = self.read()["pid"]

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def send(self, **request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"id": 1, **request}) + "\n")
        self.process.stdin.flush()

    def ask(self, **request: Any) -> list[dict[str, Any]]:
        """All answers to a request; the last one is its result or error."""
        self.send(**request)
        answers = []
        while not answers or answers[-1]["event"] in ("hello", "ready", "progress"):
            answers.append(self.read())
        return answers


@pytest.fixture(scope="session")
def shared_client() -> Iterator[Client]:
    client = Client()
    assert client.read()["event"] == "ready"
    yield client
    client.process.kill()
    client.process.communicate()


@pytest.fixture
def client(shared_client: Client) -> Client:
    """The one worker that tests share unless they end it; a test that kills it by mistake fails the next one."""
    assert shared_client.process.poll() is None, "the test before killed the worker"
    return shared_client


def request_for(volume_file: Path, model_file: Path, folder: Path) -> dict[str, Any]:
    volume = read_volume(volume_file)
    np.save(folder / "input.npy", np.ascontiguousarray(volume.voxels.T))
    item = {"name": "T1ce", "file": str(folder / "input.npy"), "affine": volume.grid.affine.tolist()}
    return {"task": "segment", "model": str(model_file), "volumes": [item], "folder": str(folder), "device": "cpu"}


@pytest.fixture
def volume_file(phantom: Path) -> Path:
    return min(phantom.rglob("*_t1ce.nii.gz"))


def test_it_finds_what_the_command_finds_voxel_for_voxel(
    client: Client, phantom: Path, model_file: Path, tmp_path: Path
) -> None:
    for index, file in enumerate(sorted(phantom.rglob("*_t1ce.nii.gz"))[:3]):
        folder = tmp_path / str(index)
        folder.mkdir()
        assert kdnet(["segment", str(model_file), str(file), "-o", str(folder), "--device", "cpu"]) == 0
        expected = read_volume(min(folder.glob("*_seg.nii.gz"))).voxels
        answer = client.ask(**request_for(file, model_file, folder))[-1]
        assert np.array_equal(np.load(answer["labelmap"]).T, expected)


def test_the_model_is_loaded_once(client: Client, volume_file: Path, model_file: Path, tmp_path: Path) -> None:
    model = shutil.copy(model_file, tmp_path / "new.safetensors")  # which no test before has loaded
    request = request_for(volume_file, model, tmp_path)
    stages = [[answer.get("stage") for answer in client.ask(**request)] for _ in range(2)]
    assert stages[0].count("load") == 1
    assert "load" not in stages[1]
    assert "forward" in stages[1]


def test_a_model_can_be_loaded_ahead(client: Client, volume_file: Path, model_file: Path, tmp_path: Path) -> None:
    model = shutil.copy(model_file, tmp_path / "ahead.safetensors")
    request = request_for(volume_file, model, tmp_path)
    assert client.ask(**{**request, "task": "load"})[-1] == {"id": 1, "event": "result", "name": "Tiny", "device": "cpu"}
    assert "load" not in [answer.get("stage") for answer in client.ask(**request)]


def test_amounts_and_probabilities_come_with_the_labelmap(
    client: Client, volume_file: Path, model_file: Path, tmp_path: Path
) -> None:
    answer = client.ask(**request_for(volume_file, model_file, tmp_path), probabilities=True)[-1]
    assert set(answer["probabilities"]) == {"ET", "TC", "WT"}
    enhancing = np.load(answer["probabilities"]["ET"])
    labelmap = np.load(answer["labelmap"])
    assert enhancing.dtype == np.uint8
    assert enhancing[labelmap == 3].min() >= 50
    assert enhancing[labelmap != 3].max() <= 50
    assert {amount["name"] for amount in answer["amounts"]} >= {"Edema", "TC", "WT"}


def test_a_problem_is_reported_and_the_next_request_works(
    client: Client, volume_file: Path, model_file: Path, tmp_path: Path
) -> None:
    request = request_for(volume_file, model_file, tmp_path)
    error = client.ask(**{**request, "model": str(tmp_path / "none.safetensors")})[-1]
    assert error["event"] == "error"
    assert "none.safetensors" in error["message"]
    np.save(tmp_path / "nan.npy", np.full((9, 9, 9), np.nan, np.float32))
    broken = [{**request["volumes"][0], "file": str(tmp_path / "nan.npy")}]
    assert "NaN" in client.ask(**{**request, "volumes": broken})[-1]["message"]
    assert client.ask(**request)[-1]["event"] == "result"


def test_a_folder_is_segmented_case_by_case(client: Client, phantom: Path, model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for file in sorted(phantom.rglob("*_t1ce.nii.gz"))[:2]:
        (tmp_path / "in" / f"scan {file.name}").write_bytes(file.read_bytes())
    (tmp_path / "in" / "broken.nii.gz").write_bytes(b"nothing")
    answers = client.ask(
        task="batch",
        model=str(model_file),
        device="cpu",
        inputs=[str(path) for path in sorted((tmp_path / "in").iterdir())],
        out=str(tmp_path / "out"),
    )
    cases = [answer["case"] for answer in answers if answer.get("case")]
    assert cases == answers[-1]["cases"]
    assert [bool(case["error"]) for case in cases] == [True, False, False]
    assert len(list((tmp_path / "out").glob("*_seg.nii.gz"))) == 2
    assert (tmp_path / "out" / "volumes.csv").is_file()


def test_labelmaps_are_compared(client: Client, tmp_path: Path) -> None:
    labelmap = np.zeros((12, 12, 12), np.uint8)
    labelmap[3:7, 3:7, 3:7] = 3
    np.save(tmp_path / "a.npy", labelmap)
    np.save(tmp_path / "b.npy", np.roll(labelmap, 1, axis=0))
    request = {"prediction": str(tmp_path / "a.npy"), "reference": str(tmp_path / "b.npy"), "spacing": [1, 1, 2]}
    scores = client.ask(task="compare", labels=brats_labels().to_json(), **request)[-1]["scores"]
    assert scores[0]["region"] == "ET"
    assert scores[0]["dice"] == pytest.approx(0.75)
    assert scores[0]["hd95"] == pytest.approx(2.0)


def test_it_ends_when_its_parent_is_killed() -> None:
    script = (
        "import subprocess, sys, time\n"
        "worker = subprocess.Popen([sys.executable, '-m', 'kdnet', 'worker'], stdin=subprocess.PIPE)\n"
        "time.sleep(3600)"
    )
    parent = Client(f"-c {script}")
    os.kill(parent.process.pid, signal.SIGKILL)
    parent.process.communicate(timeout=PATIENCE)
    wait_until(lambda: not is_alive(parent.pid))


def test_it_ends_when_nothing_is_asked_of_it() -> None:
    script = "-c from kdnet.segmentation.worker import main; main(idle_seconds=0.1)"
    client = Client(script)
    client.process.communicate(timeout=PATIENCE)
    assert client.process.returncode == 0


BAD_REQUESTS = [
    {"task": ["devices"]},
    {"task": None},
    {"task": "dance"},
    {"task": "segment"},
    {"task": "segment", "model": 5},
    {"task": "batch", "model": "MODEL", "inputs": 5, "out": "x"},
    {"task": "compare", "prediction": "gone.npy", "reference": "gone.npy", "labels": {}, "spacing": []},
    {"task": "segment", "model": "MODEL", "volumes": [{"name": "t1ce", "file": "gone.npy", "affine": []}], "folder": "."},
    {"task": "segment", "model": "MODEL", "device": "cuda:99"},
    {"task": "segment", "model": "MODEL", "min_component": float("nan")},
    {"task": "compare", "spacing": [1, float("inf"), 1]},
]


def test_whatever_is_asked_gets_an_answer_and_the_next_request_is_served(client: Client, model_file: Path) -> None:
    assert client.process.stdin is not None
    for line in ("no JSON", "null", "5", "[1, 2]", '"text"', "{" * 2000, "", '{"id": NaN}'):
        client.process.stdin.write(line + "\n")
    for request in BAD_REQUESTS:
        text = json.dumps(request).replace("MODEL", str(model_file))
        answer = client.ask(**json.loads(text))[-1]
        assert answer["event"] == "error", request
        assert "\n" not in answer["message"]
    assert client.ask(id=[1], task="devices")[-1]["id"] is None
    assert client.ask(task="devices")[-1]["event"] == "result"


@pytest.mark.parametrize("last", ["", '{"id": 1, "ta', "no JSON\n", "\xff\xfe"])
def test_it_ends_when_its_stdin_ends_whatever_came_last(last: str) -> None:
    client = Client()
    assert client.process.stdin is not None
    client.process.stdin.write(last)
    client.process.stdin.close()
    assert client.process.wait(timeout=PATIENCE) == 0
    assert client.process.stderr is not None
    assert "Traceback" not in client.process.stderr.read()
    client.process.stdout.close()  # type: ignore[union-attr]
    client.process.stderr.close()


@pytest.mark.skipif(sys.platform == "win32", reason="closes streams as a POSIX shell does")
@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- 2>&-", "</dev/null"])
def test_it_ends_at_once_where_nobody_can_ask(closed: str) -> None:
    command = ["sh", "-c", f'exec "$0" -m kdnet worker {closed}', sys.executable]
    ended = subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_lost_device_ends_the_process_after_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    import io

    from kdnet.segmentation.worker import Answers, _answer

    def run(problem: Exception) -> tuple[bool, dict[str, Any]]:
        def task(_request: object, _report: object) -> dict[str, Any]:
            raise problem

        stream = io.StringIO()
        fit = _answer({"id": 3, "task": "segment"}, task, Answers(stream))
        return fit, json.loads(stream.getvalue())

    fit, answer = run(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not fit
    assert "choose cpu" in answer["message"]
    fit, answer = run(MemoryError())
    assert fit
    assert "Out of memory" in answer["message"]
    fit, answer = run(ArithmeticError("odd"))
    assert fit
    assert "ArithmeticError: odd" in answer["message"]
    assert "Traceback" in capsys.readouterr().err
