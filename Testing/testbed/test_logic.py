"""Segmenting from scripts, and the worker's life."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from scipy.spatial.transform import Rotation
from waiting import is_alive, wait_until


@pytest.fixture(scope="module")
def logic(module: Any, model_file: Path) -> Iterator[Any]:
    """A logic of its own, with a tiny model."""
    from KDNetLib.ModelLibrary import ModelLibrary
    from KDNetSegmentationLib.Logic import SegmentationLogic

    logic = SegmentationLogic(ModelLibrary(model_file.parent))
    yield logic
    logic.cleanup()


def head(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    voxels = np.zeros(shape, np.int16)
    voxels[1:-1, 1:-1, 1:-1] = random.integers(50, 200, [size - 2 for size in shape])
    return voxels


@pytest.mark.slow
def test_two_hundred_random_geometries_come_back_exactly(logic: Any, add_volume: Callable[..., Any]) -> None:
    random = np.random.default_rng(3)
    for _ in range(200):
        affine = np.eye(4)
        axes = Rotation.random(random_state=random).as_matrix()[:, random.permutation(3)]
        affine[:3, :3] = axes * random.uniform(1.0, 5.0, 3) * random.choice([-1.0, 1.0], 3)
        affine[:3, 3] = random.uniform(-200, 200, 3)
        volume = add_volume(head(random, tuple(random.integers(8, 16, 3))), affine)
        node = logic.segment(volume, "tiny").segmentationNode
        image = node.GetBinaryLabelmapInternalRepresentation("label_1")
        ours, theirs = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(ours)
        volume.GetIJKToRASMatrix(theirs)
        assert np.allclose(slicer.util.arrayFromVTKMatrix(ours), slicer.util.arrayFromVTKMatrix(theirs), atol=1e-9)
        assert image.GetDimensions() == volume.GetImageData().GetDimensions()
        slicer.mrmlScene.RemoveNode(node)
        slicer.mrmlScene.RemoveNode(volume)


def test_many_volumes_continue_after_a_bad_one(logic: Any, add_volume: Callable[..., Any]) -> None:
    from KDNetSegmentationLib.Settings import Result, SegmentationError

    random = np.random.default_rng(1)
    volumes = [add_volume(head(random, (20, 20, 20)), np.eye(4)), add_volume(np.ones((20, 20, 20)), np.eye(4))]
    good, bad = logic.segmentMany(volumes, "tiny")
    assert isinstance(good, Result)
    assert isinstance(bad, SegmentationError)
    assert "has the value 1 in every voxel" in str(bad)


def test_a_folder_is_segmented(logic: Any, phantom: Path, tmp_path: Path) -> None:
    cases = logic.segmentFolder(phantom, tmp_path, "tiny")
    assert len(cases) == 6
    assert all(Path(case["labelmap"]).is_file() for case in cases)


def test_a_folder_that_is_not_there_is_reported(logic: Any, tmp_path: Path) -> None:
    from KDNetSegmentationLib.Settings import SegmentationError

    with pytest.raises(SegmentationError, match="is not a folder"):
        logic.segmentFolder(tmp_path / "none", tmp_path, "tiny")
    assert not logic.busy


def test_two_things_at_once_are_refused(logic: Any, add_volume: Callable[..., Any]) -> None:
    volume = add_volume(head(np.random.default_rng(2), (20, 20, 20)), np.eye(4))
    logic.start(volume, "tiny")
    with pytest.raises(RuntimeError, match="cancel it first"):
        logic.start(volume, "tiny")
    logic.cancel()
    assert not logic.busy


def test_a_transformed_volume_gives_a_transformed_segmentation(logic: Any, add_volume: Callable[..., Any]) -> None:
    volume = add_volume(head(np.random.default_rng(2), (20, 20, 20)), np.eye(4))
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    assert logic.segment(volume, "tiny").segmentationNode.GetTransformNodeID() == transform.GetID()


def test_no_voxels_stay_on_disk(
    logic: Any, add_volume: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    volume = add_volume(head(np.random.default_rng(2), (20, 20, 20)), np.eye(4))
    logic.segment(volume, "tiny")
    logic.start(volume, "tiny")
    assert list(tmp_path.glob("*/input0.npy"))
    logic.cancel()
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_cannot_start_reports_why(module: Any, add_volume: Callable[..., Any], model_file: Path) -> None:
    from KDNetLib.ModelLibrary import ModelLibrary
    from KDNetLib.Worker import Worker
    from KDNetSegmentationLib.Logic import SegmentationLogic
    from KDNetSegmentationLib.Settings import SegmentationError

    worker = Worker(("-c", "import not_there"))
    logic = SegmentationLogic(ModelLibrary(model_file.parent), worker)
    volume = add_volume(np.zeros((9, 9, 9)), np.eye(4))
    with pytest.raises(SegmentationError, match="not_there") as told:
        logic.segment(volume, "tiny")
    assert "install the dependencies" in str(told.value)
    assert "Traceback" in told.value.failure.details


@pytest.mark.parametrize(
    ("code", "errors", "words"),
    [
        (-9, "", "killed"),
        (1, "RuntimeError: DefaultCPUAllocator: not enough memory: you tried to allocate", "Out of memory"),
        (1, "Traceback\nValueError: odd", "ValueError: odd"),
        (3, "", "exit code 3"),
    ],
)
def test_the_cause_of_death_is_one_sentence(module: Any, code: int, errors: str, words: str) -> None:
    from KDNetLib.Worker import exit_reason

    sentence = exit_reason(code, errors)
    assert words in sentence
    assert "\n" not in sentence


def test_a_worker_that_went_to_sleep_is_woken(module: Any) -> None:
    """It ends by itself after a time without work; a request just then is sent again."""
    from KDNetLib.Worker import Worker

    answers: list[Any] = []

    class Listener:
        def progressed(self, progress: Any) -> None:
            pass

        def finished(self, result: Any) -> None:
            answers.append(result)

        def failed(self, failure: Any) -> None:
            answers.append(failure)

    worker = Worker(("-c", "from kdnet.segmentation.worker import main; main(idle_seconds=2.0)"))
    worker.submit({"task": "devices"}, Listener())
    wait_until(lambda: worker.poll() or not worker.busy)
    assert "cpu" in answers[0]["devices"]
    wait_until(lambda: not worker.running)
    worker.submit({"task": "devices"}, Listener())
    wait_until(lambda: worker.poll() or not worker.busy)
    assert "cpu" in answers[1]["devices"]
    worker.stop()


def test_the_real_process_is_killed_behind_a_launcher(module: Any) -> None:
    """PythonSlicer starts Python as a child; ending the launcher alone would leave it."""
    from KDNetLib.Worker import Worker

    script = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-m', 'kdnet', 'worker']).returncode)"
    worker = Worker(("-c", script))
    worker.start()
    wait_until(lambda: worker.poll() or worker.pid is not None)
    real = worker.pid
    os.kill(real, 0)
    worker.stop()
    wait_until(lambda: not is_alive(real))
