"""Choosing what computes, and in which number format."""

from __future__ import annotations

import pytest
import torch
from kdnet.device import choose_device, computes_bfloat16
from kdnet.errors import SettingsError
from kdnet.training.optimisation import settled_precision
from kdnet.training.recipe import Precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(("name", "words"), [("cuda:99", "not there"), ("tpu", "not known"), ("meta", "not supported")])
def test_a_device_that_is_not_there_is_told(name: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        choose_device(name)


@pytest.mark.parametrize(("feature", "native"), [("avx512_bf16", True), ("amx_bf16", True), ("avx2", False)])
def test_bfloat16_counts_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, feature: str, native: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {feature: True}, raising=False)
    assert computes_bfloat16(CPU) is native
    assert settled_precision(Precision.AUTO, CPU) is (Precision.BFLOAT16 if native else Precision.FLOAT32)


def test_a_chosen_precision_is_kept() -> None:
    assert settled_precision(Precision.FLOAT16, CPU) is Precision.FLOAT16
