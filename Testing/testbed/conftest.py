"""The module under test, opened in the stand-in for the application."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gate import Gate
from waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
# at the end: tests of Testing/slicer import their own conftest by name
sys.path += [str(Path(__file__).resolve().parent), str(REPOSITORY / "KDNetSegmentation")]


@pytest.fixture(scope="session")
def application(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from standin.application import Application

    return Application(tmp_path_factory.mktemp("settings"))


@pytest.fixture(scope="session")
def module(application: Any, session_gate: Gate) -> Iterator[Any]:
    """The widget of KDNetSegmentation, opened once, as Slicer does; its worker waits where a test closes the gate."""
    import KDNetSegmentationLib  # noqa: F401 - puts KDNetLib on the path
    from KDNetLib.Worker import Worker

    Worker.__init__.__defaults__ = ((*session_gate.module, "worker"),)
    widget = application.open_module("KDNetSegmentation", REPOSITORY / "KDNetSegmentation")
    application.panel = application.show_panel(widget, 470, 1000)
    yield widget
    widget.cleanup()


@pytest.fixture
def panel(module: Any, application: Any) -> Iterator[Any]:
    """The panel with an empty scene and the default choices."""
    import slicer

    panel = module.panel
    panel._stored.forget()
    slicer.mrmlScene.Clear()
    for path in panel.logic.library.folder.glob("*.safetensors"):
        path.unlink()
    panel.refillModels("Phantom demo.safetensors")
    panel.inputs.models.select(panel.inputs.models.index)  # as when the user has selected it
    yield panel
    if panel.logic.busy:
        panel.logic.cancel()
    panel.batch.running = panel.apply.running = panel.visits.running = False


@pytest.fixture
def wait(application: Any) -> Callable[[Callable[[], bool]], None]:
    """Let the event loop run until something is so."""
    return lambda condition: wait_until(condition, pause=application.process_events)


@pytest.fixture
def phantom_volume(panel: Any) -> Any:
    """The phantom that ships with the extension, loaded."""
    import slicer

    return slicer.util.loadVolume(str(REPOSITORY / "Resources" / "SampleData" / "Phantom_002_t1ce.nii.gz"))


@pytest.fixture
def add_volume() -> Callable[..., Any]:
    """Adds a scalar volume of voxels ``[k, j, i]`` to the scene."""
    import slicer

    def add(voxels: np.ndarray, affine: np.ndarray, name: str = "T1ce") -> Any:
        return slicer.util.addVolumeFromArray(voxels, affine, name)

    return add


@pytest.fixture
def result_of(panel: Any) -> Callable[..., Any]:
    """Adds a result of a scan to the scene, as a segmentation with the demo model leaves it."""
    import slicer
    from KDNetLib.SegmentationNode import show_labelmap
    from KDNetSegmentationLib.Hierarchy import place_with_results
    from KDNetSegmentationLib.Provenance import record

    def add(volume: Any, voxels: int = 1000) -> Any:
        labelmap = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
        labelmap.ravel()[:voxels] = 2
        labelmap.ravel()[: voxels // 2] = 3
        node = show_labelmap(labelmap, panel.model.labels, volume)
        record(node, panel.model, "", ())
        place_with_results(node, volume)
        return node

    return add
