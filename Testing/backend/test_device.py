"""Choosing what computes, and in which number format."""

from __future__ import annotations

import pytest
import torch
from kdnet import device as device_module
from kdnet.device import choose_device, computes_bfloat16
from kdnet.errors import SettingsError
from kdnet.schema.recipe import Precision
from kdnet.training.optimization import settled_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "words"), [("cuda:99", "not available"), ("tpu", "is unknown"), ("meta", "not supported")]
)
def test_a_device_that_is_not_there_is_reported(name: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        choose_device(name)


@pytest.mark.parametrize(("feature", "native"), [("avx512_bf16", True), ("amx_bf16", True), ("avx2", False)])
def test_bfloat16_counts_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, feature: str, native: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {feature: True}, raising=False)
    assert computes_bfloat16(CPU) is native
    assert settled_precision(Precision.AUTO, CPU, 4) is (Precision.BFLOAT16 if native else Precision.FLOAT32)


@pytest.mark.parametrize(("smallest", "correct"), [(4, True), (3, True), (2, False), (1, False)])
def test_bfloat16_is_not_chosen_where_pytorch_computes_wrong_gradients(
    monkeypatch: pytest.MonkeyPatch, smallest: int, correct: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    assert settled_precision(Precision.AUTO, CPU, smallest) is (Precision.BFLOAT16 if correct else Precision.FLOAT32)


def test_a_chosen_precision_is_kept() -> None:
    assert settled_precision(Precision.FLOAT32, CPU, 4) is Precision.FLOAT32
    assert settled_precision(Precision.BFLOAT16, CPU, 3) is Precision.BFLOAT16
    assert settled_precision(Precision.BFLOAT16, torch.device("cuda"), 2) is Precision.BFLOAT16


def test_bfloat16_is_refused_where_pytorch_computes_wrong_gradients() -> None:
    with pytest.raises(SettingsError, match=r"only 2 of the network's coarsest voxels.*: set precision=auto"):
        settled_precision(Precision.BFLOAT16, CPU, 2)


def test_apple_gpus_are_taken_only_where_one_window_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    calls: list[str] = []

    def window(place: torch.device) -> list[torch.Tensor]:
        calls.append(place.type)
        if place.type == "mps" and wrong is None:
            raise NotImplementedError("The operator 'aten::x' is not currently implemented for the MPS device.")
        return [torch.ones(3) * (wrong if place.type == "mps" else 1.0)]  # type: ignore[operator]

    monkeypatch.setattr(device_module, "_window", window)
    wrong: float | None
    for wrong, chosen in ((1.001, "mps"), (1.2, "cpu"), (float("nan"), "cpu"), (None, "cpu")):  # noqa: B007 - the window sees it
        device_module._agrees.cache_clear()
        assert choose_device("auto").type == chosen
    calls.clear()
    assert choose_device("auto").type == "cpu"
    assert calls == [], "compared once per process"
    device_module._agrees.cache_clear()


def test_the_window_is_the_same_each_time() -> None:
    cpu = torch.device("cpu")
    first = device_module._window(cpu)
    assert device_module.agree(first, device_module._window(cpu))
    assert not device_module.agree(first, [value * float("nan") for value in first])
