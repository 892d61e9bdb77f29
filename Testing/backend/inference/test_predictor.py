"""What the predictor does where memory is short, and what lies outside the head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.errors import DataError, SettingsError
from kdnet.inference.predictor import Predictor
from kdnet.model_file import Model, load_model
from kdnet.networks.base import NetworkOutput
from kdnet.schema.segmentation import Progress, Stage
from torch import nn

CPU = torch.device("cpu")


def head() -> Volume:
    voxels = np.zeros((40, 36, 30), np.int16)
    voxels[10:30, 8:28, 6:24] = np.random.default_rng(0).integers(100, 900, (20, 20, 18))
    return Volume(voxels, Grid((40, 36, 30), np.diag([-4.0, -4.0, 4.0, 1.0])))


def short_of_memory(model: Model, error: Callable[[], RuntimeError], largest: int) -> Model:
    """The model with a network that fails on an image of more than ``largest`` voxels."""

    class Short(nn.Module):
        stride = model.network.stride

        def forward(self, image: torch.Tensor) -> NetworkOutput:
            if image[0, 0].numel() > largest:
                raise error()
            return model.network(image)

        def output_layers(self) -> tuple[nn.Module, ...]:
            return model.network.output_layers()

    return Model(model.card, Short())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        lambda: torch.OutOfMemoryError("CUDA out of memory."),
        lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_too_little_memory_for_any_window_is_reported_in_a_sentence(
    model_file: Path, error: Callable[[], RuntimeError]
) -> None:
    model = short_of_memory(load_model(model_file), error, largest=0)
    with pytest.raises(SettingsError, match="not have enough free memory"):
        Predictor(model, CPU).predict([head()])


def test_an_image_too_large_for_the_memory_goes_through_in_windows(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kdnet.inference.sliding_window.WINDOW", 16)
    model = load_model(model_file)
    short = short_of_memory(model, lambda: torch.OutOfMemoryError("CUDA out of memory."), largest=16**3)
    windowed = Predictor(model, CPU, whole_voxels=0).predict([head()]).labelmap.voxels
    assert np.array_equal(Predictor(short, CPU).predict([head()]).labelmap.voxels, windowed)


class Scored(nn.Module):
    """Gives the logits of ``scores``, one call after the other, whatever it sees; notes whether autocast was on."""

    stride = 4

    def __init__(self, *scores: float) -> None:
        super().__init__()
        self.scores = list(scores)
        self.reduced: list[bool] = []

    def forward(self, image: torch.Tensor) -> NetworkOutput:
        self.reduced.append(torch.is_autocast_enabled("cpu"))
        score = self.scores.pop(0) if len(self.scores) > 1 else self.scores[0]
        return NetworkOutput(torch.full((1, 3, *image.shape[2:]), score), image)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_are_no_numbers_never_become_a_finding(model_file: Path, score: float) -> None:
    model = Model(load_model(model_file).card, Scored(score))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="NaN or infinite scores"):
        Predictor(model, CPU).predict([head()])


def test_scores_that_overflow_in_16_bits_are_computed_in_32(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Scored(float("inf"), -5.0)
    predictor = Predictor(Model(load_model(model_file).card, network), CPU)  # type: ignore[arg-type]
    monkeypatch.setattr("kdnet.inference.predictor.reduced_precision", lambda _device, _figures: torch.bfloat16)
    assert not predictor.predict([head()]).labelmap.voxels.any()
    assert network.reduced == [True, False]


def test_empty_windows_need_no_known_layer(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last layer of a network may be transposed, or unknown."""
    monkeypatch.setattr("kdnet.inference.sliding_window.WINDOW", 16)
    network = Scored(-5.0)
    predictor = Predictor(Model(load_model(model_file).card, network), CPU, whole_voxels=0)  # type: ignore[arg-type]
    assert not predictor.predict([head()]).labelmap.voxels.any()


def test_other_errors_of_the_network_are_not_hidden(model_file: Path) -> None:
    model = short_of_memory(load_model(model_file), lambda: RuntimeError("size mismatch"), largest=0)
    with pytest.raises(RuntimeError, match="size mismatch"):
        Predictor(model, CPU).predict([head()])


def test_nothing_is_labeled_outside_the_crop_box(model_file: Path) -> None:
    volume = head()
    labelmap = Predictor(load_model(model_file), CPU).predict([volume]).labelmap.voxels
    assert labelmap.any()
    margin = 3  # 4 mm of margin at 4 mm voxels, and the coarseness of the search
    outside = np.ones(volume.grid.shape, bool)
    outside[10 - margin : 30 + margin, 8 - margin : 28 + margin, 6 - margin : 24 + margin] = False
    assert not labelmap[outside].any()


def test_progress_is_reported_from_start_to_end(model_file: Path) -> None:
    told: list[Progress] = []
    Predictor(load_model(model_file), CPU).predict([head()], progress=told.append)
    assert list(dict.fromkeys(item.stage for item in told)) == [Stage.PREPARE, Stage.FORWARD, Stage.LABEL]
    last = {item.stage: item for item in told}
    assert all(item.done == item.total for item in last.values())
