"""The worker starts when the panel is opened, so that the first click is as fast as the second."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Wait = Callable[[Callable[[], bool]], None]

STANDIN = """import json, os, sys
def say(**content): print(json.dumps(content), flush=True)
say(event="hello", pid=os.getpid())
say(event="ready")
for line in sys.stdin:
    request = json.loads(line)
    if request["task"] == "load":
        say(id=request["id"], event="result", name="", device=request["model"])
"""
"""A process that speaks as the worker does, and starts at once; it answers nothing else."""


@pytest.fixture
def closed(panel: Any) -> Iterator[Any]:
    """The panel before it is opened, without a worker; afterwards as other tests expect it."""
    before = panel.logic.worker
    before.stop()
    yield panel
    panel.logic.cleanup()
    panel.logic.worker = before
    panel.warmUp.close()
    panel.warmUp._loaded = None
    panel.showMessage("")


@pytest.fixture
def quick(closed: Any) -> Any:
    """The same with a process that starts at once."""
    from KDNetLib.Worker import Worker

    closed.logic.worker = Worker(("-c", STANDIN))
    closed.showMessage("")
    return closed


def loaded(panel: Any) -> bool:
    return panel.ui.statusLabel.text.startswith(f"{panel.model.title} is loaded")


def test_after_opening_the_first_click_neither_starts_nor_loads(closed: Any, phantom_volume: Any, wait: Wait) -> None:
    closed.showMessage("")
    closed.enter()
    assert closed.ui.statusLabel.text.startswith(f"Loading {closed.model.title}")
    assert not closed.logic.busy
    assert closed.ui.applyButton.enabled
    wait(lambda: loaded(closed))
    assert "freed after 15 minutes" in closed.ui.statusLabel.text
    closed.parameters.inputVolume = phantom_volume
    closed.ui.applyButton.click()
    wait(lambda: not closed.logic.busy)
    stages = closed.ui.detailsText.plainText
    assert "forward:" in stages, closed.ui.statusLabel.text
    assert "start:" not in stages
    assert "load:" not in stages


def test_a_click_while_the_model_is_loaded_waits_for_it(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    panel.enter()
    panel.warmUp.close()
    panel.logic.warmUp(panel.model)
    panel.parameters.inputVolume = phantom_volume
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    assert panel.ui.statusLabel.text.startswith("Done in")
    assert panel.parameters.result is not None


def test_nothing_starts_unless_the_module_is_open(quick: Any) -> None:
    quick.activate()
    quick.update()
    assert not quick.logic.running
    quick.enter()
    assert quick.logic.running
    quick.exit()
    quick.logic.worker.stop()
    quick.refillModels("Brain tumor T1.safetensors")  # as when a training adds its model
    assert not quick.logic.running


def test_nothing_starts_without_its_packages(quick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from KDNetLib.Dependencies import Package

    monkeypatch.setattr(quick.install, "_find", lambda: (Package("torch", 200),))
    quick.enter()
    assert not quick.logic.running
    monkeypatch.undo()
    quick.install.check()
    quick.update()  # as after the installation
    assert quick.logic.running


def test_another_model_is_loaded_when_it_is_selected(quick: Any, wait: Wait) -> None:
    quick.enter()
    wait(lambda: loaded(quick))
    first = quick.model
    process = quick.logic.worker.pid
    quick.ui.modelSelector.currentIndex = (quick.ui.modelSelector.currentIndex + 1) % quick.ui.modelSelector.count
    assert quick.model is not first
    assert quick.ui.statusLabel.text.startswith(f"Loading {quick.model.title}")
    wait(lambda: loaded(quick))
    assert quick.logic.worker.pid == process


def test_other_messages_stay(quick: Any, wait: Wait) -> None:
    quick.showMessage("Done in 2.0 s on cpu.")
    quick.enter()
    wait(lambda: not quick.logic.worker.busy)
    assert quick.ui.statusLabel.text == "Done in 2.0 s on cpu."


def test_an_idle_worker_that_left_is_started_when_the_panel_is_opened_again(quick: Any, wait: Wait) -> None:
    quick.enter()
    wait(lambda: loaded(quick))
    os.kill(quick.logic.worker.pid, signal.SIGTERM)
    wait(lambda: not quick.logic.running)
    quick.update()
    assert not quick.logic.running, "its memory was given back"
    quick.exit()
    quick.enter()
    wait(lambda: quick.logic.running and loaded(quick))


def test_after_a_cancellation_the_next_click_is_fast_too(quick: Any, phantom_volume: Any, wait: Wait) -> None:
    quick.enter()
    wait(lambda: loaded(quick))
    quick.parameters.inputVolume = phantom_volume
    quick.ui.applyButton.click()
    assert quick.logic.busy
    process = quick.logic.worker.pid
    quick.ui.applyButton.click()
    assert quick.ui.statusLabel.text.startswith("Canceled")
    wait(lambda: quick.logic.warm and not quick.logic.worker.busy)
    assert quick.logic.worker.pid != process


def test_a_worker_that_cannot_start_is_not_tried_again_and_again(closed: Any, wait: Wait) -> None:
    from KDNetLib.Worker import Worker

    closed.logic.worker = Worker(("-c", "import not_there"))
    closed.showMessage("")
    closed.enter()
    wait(lambda: not closed.logic.worker.busy)
    assert "not_there" in closed.ui.statusLabel.text
    closed.update()
    assert not closed.logic.worker.busy


def test_it_ends_with_the_module(quick: Any, wait: Wait) -> None:
    quick.enter()
    wait(lambda: quick.logic.worker.pid is not None)
    process = quick.logic.worker.pid
    quick.logic.warmUp(quick.model)  # still unanswered
    quick.logic.cleanup()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert not quick.logic.worker.busy
