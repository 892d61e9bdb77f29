"""Tiny studies in real processes, which the tests of training share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from kdnet.model_file import load_model
from kdnet.runs.events import Event, EventKind, read_events
from kdnet.tensor_file import weights_hash
from waiting import PATIENCE

SMALL = [
    *("--recipe", "demo", "--folds", "0", "--student", "t1ce", "--threads", "1", "--device", "cpu"),
    *("--set", "spacing=[6,6,6]", "--set", "patch=[16,16,16]", "--set", "batch=2", "--set", "network=segresnet-4"),
    *("--set", "steps=6", "--set", "validation_every=3", "--set", "checkpoint_seconds=0"),
    *("--set", "init_from_teacher=false"),
    *("--set", "precision=float32"),  # in which two processes must give the model of one
]
ENDLESS = ("--set", "steps=100000", "--set", "validation_every=100000")


def study(data: Path, out: Path, *more: str) -> list[str]:
    """Arguments of ``kdnet`` for a study of a few steps."""
    return ["study", str(data), *SMALL, *more, "--out", str(out)]


def start(*arguments: str, module: Sequence[str] = ("-m", "kdnet")) -> subprocess.Popen[str]:
    """``kdnet`` in a process of its own; ``module`` is that of a gate, if it is to wait there."""
    command = [sys.executable, *module, *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8")


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and errors."""
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


def events(run: Path, kind: EventKind) -> list[Event]:
    return [event for event in read_events(run / "events.jsonl")[0] if event.event is kind]


def hashes(run: Path) -> dict[str, str]:
    """Network to the hash of its weights."""
    return {
        path.parent.name: weights_hash(load_model(path).network.state_dict())
        for path in sorted(run.glob("fold*/seed*/*/model.safetensors"))
    }
