"""A device that cannot compute a model is named, and the CPU takes over; the scan is not blamed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DeviceError
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model

PROBLEMS = [
    RuntimeError("CUDA error: no kernel image is available for execution on the device"),
    NotImplementedError("The operator 'aten::max_pool3d_with_indices' is not currently implemented for the MPS device."),
    RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
    RuntimeError("ConvTranspose 3D is not supported on MPS"),
]


@pytest.fixture
def predictor(model_file: Path) -> Predictor:
    return Predictor(load_model(model_file), torch.device("cpu"))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_cpu_takes_over_and_the_reason_is_kept(
    predictor: Predictor, phantom: Path, problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = read_volume(min(phantom.rglob("*_t1ce.nii.gz")))
    expected = predictor.predict([volume]).labelmap.voxels
    whole = Predictor._forward

    def forward(self: Predictor, *arguments: object) -> torch.Tensor:
        if self.device.type != "cpu":
            raise problem
        return whole(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Predictor, "_forward", forward)
    predictor.device = torch.device("meta")  # stands for one that cannot compute
    assert np.array_equal(predictor.predict([volume]).labelmap.voxels, expected)
    assert predictor.device.type == "cpu"
    assert "meta cannot run this model" in predictor.note


@pytest.mark.parametrize("problem", PROBLEMS)
def test_where_nothing_can_take_over_the_device_is_named(
    predictor: Predictor, phantom: Path, problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(*_arguments: object) -> torch.Tensor:
        raise problem

    monkeypatch.setattr(predictor.network, "forward", forward)
    with pytest.raises(DeviceError, match="choose cpu"):
        predictor.predict([read_volume(min(phantom.rglob("*_t1ce.nii.gz")))])
