"""Lines and processes of others: the panel waits for none of them for ever, and dies of none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from waiting import PATIENCE, wait_until

HELLO = """import json, os, sys, time
def say(text): print(text, flush=True)
say(json.dumps({"event": "hello", "pid": os.getpid()}))
"""


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def progressed(self, progress: Any) -> None:
        self.heard.append(("progressed", progress))

    def finished(self, result: Any) -> None:
        self.heard.append(("finished", result))

    def failed(self, failure: Any) -> None:
        self.heard.append(("failed", failure))


def ask(script: str) -> list[tuple[str, Any]]:
    """What a worker of this script lets its listener hear."""
    from KDNetLib.Worker import Worker

    worker, listener = Worker(("-c", HELLO + script)), Listener()
    worker.submit({"task": "devices"}, listener)
    wait_until(lambda: worker.poll() or not worker.busy)
    worker.stop()
    return listener.heard


FOREIGN = ["Licence: free for research", "", "null", "5", "[1]", '{"a": 1}', '{"event": 5}', '{"event": "dance", "id": 1}']
FOREIGN += [
    '{"event": "hello", "pid": "x"}',
    '{"event": "result", "id": [1]}',
    '{"event": "result", "id": 7}',
    '{"event": "res',
]
FOREIGN += ['{"event": "progress", "id": null}', "[" * 5000, "\\x1b[2J"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Path("x")])
def test_what_cannot_be_asked_is_a_failure_at_once(module: Any, value: object) -> None:
    from KDNetLib.Worker import Worker

    worker, listener = Worker(("-c", HELLO + "time.sleep(3600)")), Listener()
    worker.submit({"task": "segment", "min_component": value}, listener)
    worker.poll()
    assert not worker.busy
    worker.stop()
    assert [what for what, _ in listener.heard] == ["failed"]
    assert "The request is invalid" in listener.heard[0][1].message


def test_lines_that_nobody_expects_are_passed_over(module: Any) -> None:
    lines = "".join(f"say({line!r})\n" for line in FOREIGN)
    heard = ask(
        lines + "sys.stdin.readline()\nsay(json.dumps({'id': 1, 'event': 'result', 'devices': {}}))\ntime.sleep(3600)"
    )
    assert [kind for kind, _ in heard] == ["finished"]


@pytest.mark.parametrize("ending", ["", "print('half a li', end='')", "say('null')", "os.close(1)"])
def test_a_worker_that_ends_is_a_failure_at_once(module: Any, ending: str) -> None:
    heard = ask("sys.stdin.readline()\n" + ending + "\nsys.exit(3)")
    assert [kind for kind, _ in heard] == ["failed"]


def test_a_worker_that_closes_its_streams_and_stays_is_ended(module: Any) -> None:
    heard = ask("sys.stdin.readline(); os.close(1); os.close(2)\ntime.sleep(3600)")
    assert [kind for kind, _ in heard] == ["failed"]


@pytest.mark.parametrize(
    "errors",
    [
        "RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory",
        "OSError: [Errno 12] Cannot allocate memory",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 14.2 PiB for an array",
        "terminate called after throwing an instance of 'std::bad_alloc'",
    ],
)
def test_short_memory_is_recognized_by_its_message(module: Any, errors: str) -> None:
    from KDNetLib.Command import failure_message
    from KDNetLib.Worker import exit_reason

    assert exit_reason(1, f"Traceback\n{errors}").startswith("Out of memory")
    assert failure_message(1, ["Traceback", errors]).startswith("Out of memory")


def run_command(script: str, wait: Callable[[Callable[[], bool]], None], **options: Any) -> tuple[list[Any], list[Any]]:
    from KDNetLib.Command import Command

    answers: list[Any] = []
    failures: list[Any] = []
    command = Command([], module=("-c", script), onFinished=answers.append, onFailed=failures.append, **options).start()
    wait(lambda: command.over)
    return answers, failures


def test_an_answer_after_lines_of_a_library_is_read(module: Any, wait: Any) -> None:
    from KDNetLib.Command import json_answer

    script = "print('Licence: {free}'); print('{'); print('{\\n \"cores\": 2}')"
    answers, failures = run_command(script, wait, read=json_answer)
    assert (answers, failures) == ([{"cores": 2}], [])


@pytest.mark.parametrize("said", ["", "no JSON", "[1]", "{", '{"cores": NaN}', "{}"])
def test_an_answer_that_cannot_be_read_is_a_failure(module: Any, wait: Any, said: str) -> None:
    from kdnet.schema.capabilities import Capabilities
    from KDNetLib.Command import json_answer

    answers, failures = run_command(f"print({said!r})", wait, read=lambda text: Capabilities.from_json(json_answer(text)))
    assert answers == []
    assert "answer of kdnet" in failures[0].message


def test_lines_of_an_inspection_that_are_none_are_passed_over(module: Any) -> None:
    from KDNetTrainingLib.Inspection import Inspection

    cases: list[Any] = []
    inspection = Inspection(Path("data"), onCase=lambda case, *_: cases.append(case))
    for line in (
        "Licence",
        "null",
        '{"name": 5}',
        '{"name": "a", "modalities": ["t1"], "index": 1, "total": 1}',
        '{"format": "BraTS", "folds": 5}',
    ):
        inspection._line(line)
    assert [case.name for case in cases] == ["a"]


def test_the_environment_of_a_process_is_its_own(module: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from kdnet.shared_files import BACKEND
    from KDNetLib.ProcessTree import process_environment

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", "relative", str(tmp_path)]))
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    environment = process_environment()
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(BACKEND), str(tmp_path)]
    assert environment["PYTHONSAFEPATH"] == "1"
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"
    assert not {"WORLD_SIZE", "LOCAL_RANK"} & set(environment)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert process_environment()["OMP_WAIT_POLICY"] == "ACTIVE"


def test_a_process_imports_nothing_from_the_working_folder(
    module: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from KDNetLib.ProcessTree import start_python

    for name in ("random", "torch", "copy"):
        (tmp_path / f"{name}.py").write_text("from pathlib import Path; Path('was-run').touch(); raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    process = start_python(["-m", "kdnet", "model-info", "none.safetensors"])
    _, told = process.communicate(timeout=PATIENCE)
    assert "none.safetensors" in told
    assert not (tmp_path / "was-run").exists()


def test_nobody_waits_for_a_process_that_cannot_be_ended(module: Any) -> None:
    from KDNetLib.ProcessTree import reaped

    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], text=True)
    assert reaped(process, seconds=0.2) == -9
    process.kill()
    process.wait()
