"""16 bits are used only where the labels agree with 32, and layouts only change rounding."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.inference.precision import BFLOAT16_AGREEMENT, LEAST_AGREEMENT, bfloat16_agreement, reduced_precision
from kdnet.inference.predictor import Predictor
from kdnet.inference.tuning import Layout, cache_folder, choose_layout, using_threads
from kdnet.model_file import Model, load_model
from kdnet.networks.base import NetworkOutput
from kdnet.networks.factory import build_network
from kdnet.schema.labels import brats_labels
from kdnet.schema.networks import NetworkSpec, preset

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SPEC = preset("dynunet-8-shallow").spec(1, 3)


def head() -> Volume:
    voxels = np.zeros((40, 36, 30), np.int16)
    voxels[10:30, 8:28, 6:24] = np.random.default_rng(0).integers(100, 900, (20, 20, 18))
    return Volume(voxels, Grid((40, 36, 30), np.diag([-4.0, -4.0, 4.0, 1.0])))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "caches"))


@pytest.mark.parametrize("native", [True, False])
def test_a_cpu_computes_in_bfloat16_where_it_is_native_and_agrees(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kdnet.inference.precision.computes_bfloat16", lambda _device: native)
    assert reduced_precision(CPU, {BFLOAT16_AGREEMENT: LEAST_AGREEMENT}) is (torch.bfloat16 if native else None)
    assert reduced_precision(CPU, {BFLOAT16_AGREEMENT: 0.9949}) is None
    assert reduced_precision(CPU, {}) is None
    assert reduced_precision(CPU, {BFLOAT16_AGREEMENT: None}) is None
    assert reduced_precision(CUDA, {BFLOAT16_AGREEMENT: 0.9}) is None
    assert reduced_precision(CUDA, {}) is (torch.bfloat16 if native else torch.float16)


class Rounded(torch.nn.Module):
    """Gives scores that change sign in bfloat16 for part of the image."""

    stride = 8

    def forward(self, image: torch.Tensor) -> NetworkOutput:
        scores = image - (0.5 if torch.is_autocast_enabled("cpu") else 0.0)
        return NetworkOutput(scores.expand(-1, 3, -1, -1, -1), image)


def test_the_agreement_is_the_dice_of_both_labelmaps() -> None:
    image = torch.zeros(1, 1, 8, 8, 8)
    image[..., :4], image[..., 4:6] = 1.0, 0.25  # labeled in both; only in 32 bits
    found = bfloat16_agreement(Rounded(), [image, image], brats_labels())  # type: ignore[arg-type]
    assert found == pytest.approx(2 * 4 / (4 + 6))


def test_a_network_without_labels_agrees() -> None:
    assert bfloat16_agreement(Rounded(), [torch.full((1, 1, 8, 8, 8), -1.0)], brats_labels()) == 1  # type: ignore[arg-type]


def test_a_layout_is_measured_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(SPEC).eval()
    chosen = choose_layout(network, SPEC, None)
    kept = json.loads((cache_folder() / "layouts.json").read_text())
    assert list(kept.values()) == [{"channels_last": chosen.channels_last, "threads": chosen.threads}]
    monkeypatch.setattr("kdnet.inference.tuning._measured", lambda *_: pytest.fail("measured again"))
    assert choose_layout(network, SPEC, None) == chosen


@pytest.mark.parametrize("content", ["", "[]", "{", '{"%s": 5}', '{"%s": {"channels_last": true, "threads": 9999}}'])
def test_a_damaged_cache_is_measured_anew(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from kdnet.inference.tuning import _key

    monkeypatch.setattr("kdnet.inference.tuning._measured", lambda *_: Layout(channels_last=True, threads=1))
    file = cache_folder() / "layouts.json"
    file.parent.mkdir(parents=True)
    file.write_text(content.replace("%s", _key(SPEC, None)))
    assert choose_layout(build_network(SPEC).eval(), SPEC, None).channels_last
    assert json.loads(file.read_text())[_key(SPEC, None)]["threads"] == 1


def test_a_cache_that_cannot_be_written_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cache_folder().parent.mkdir()
    cache_folder().write_text("a file in the way")
    monkeypatch.setattr("kdnet.inference.tuning._measured", lambda *_: Layout(channels_last=False, threads=1))
    assert choose_layout(build_network(SPEC).eval(), SPEC, None).threads == 1


def test_threads_are_set_for_a_block() -> None:
    before = torch.get_num_threads()
    with using_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_tuned_predictor_gives_the_same_labels(model_file: Path) -> None:
    model = load_model(model_file)
    plain = Predictor(model, CPU).predict([head()]).labelmap.voxels
    assert (Predictor(load_model(model_file), CPU, tune=True).predict([head()]).labelmap.voxels == plain).all()
    card = replace(model.card, figures={BFLOAT16_AGREEMENT: 1.0})
    reduced = Predictor(Model(card, model.network), CPU, tune=True).predict([head()]).labelmap.voxels
    assert (reduced == plain).mean() > 0.99


def test_the_measured_volume_suits_every_stride() -> None:
    norm = ["INSTANCE", {"affine": True}]
    arguments = {"init_filters": 4, "blocks_down": [1, 1, 1], "blocks_up": [1, 1], "norm": norm}
    spec = NetworkSpec("segresnet", 2, 3, arguments)
    assert choose_layout(build_network(spec).eval(), spec, torch.bfloat16).threads >= 1
