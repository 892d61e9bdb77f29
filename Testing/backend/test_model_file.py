"""Model files hold everything, and whatever is wrong with one is said in a sentence."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from kdnet.cli import main
from kdnet.errors import KDNetError, ModelFileError
from kdnet.model_file import load_model, save_model
from kdnet.networks.factory import build_network
from kdnet.schema.labels import brats_labels
from kdnet.schema.model_card import ModelCard, read_card
from kdnet.schema.network_id import Role
from kdnet.schema.networks import preset
from kdnet.schema.preprocessing import Preprocessing
from safetensors import safe_open
from safetensors.torch import save_file

Alter = Callable[..., Path]


def parts_of(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    with safe_open(path, framework="pt") as stream:
        return {name: stream.get_tensor(name) for name in stream.keys()}, json.loads(stream.metadata()["kdnet"])  # noqa: SIM118


def test_a_model_survives_its_file(model_file: Path) -> None:
    model = load_model(model_file)
    assert model.card == read_card(model_file)
    assert model.card.labels == brats_labels()
    assert not model.network.training


def test_whoever_may_read_other_files_of_a_folder_may_read_its_models(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    model = load_model(model_file)
    save_model(tmp_path / "model.safetensors", model.card, model.network)
    assert (tmp_path / "model.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("name", ["segresnet-4", "dynunet-8-shallow", "attention-8"])
def test_every_architecture_gives_the_same_logits_after_a_round_trip(tmp_path: Path, name: str) -> None:
    deep = 0 if name.startswith("attention") else 1
    spec = preset(name).spec(2, 3, deep_supervision=deep)
    network = build_network(spec).eval()
    card = ModelCard(Role.TEACHER, "T", spec, ("t1", "t2"), brats_labels(), Preprocessing((2.0, 2.0, 2.0)))
    save_model(tmp_path / "m.safetensors", card, network)
    loaded = load_model(tmp_path / "m.safetensors").network
    image = torch.randn(1, 2, 16, 16, 16)
    with torch.no_grad():
        assert torch.equal(loaded(image).logits, network(image).logits)
    assert not any(key.startswith("heads.") for key in loaded.state_dict())


def test_a_truncated_file_is_named(model_file: Path, tmp_path: Path) -> None:
    for length in (3, 100, model_file.stat().st_size - 10):
        cut = tmp_path / "cut.safetensors"
        cut.write_bytes(model_file.read_bytes()[:length])
        with pytest.raises(ModelFileError, match=r"cut\.safetensors"):
            load_model(cut)


def test_an_altered_weight_is_noticed(model_file: Path, tmp_path: Path) -> None:
    content = bytearray(model_file.read_bytes())
    content[-1] ^= 1
    (tmp_path / "altered.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match="altered"):
        load_model(tmp_path / "altered.safetensors")


def test_a_newer_schema_asks_for_an_update(altered_model: Alter) -> None:
    with pytest.raises(ModelFileError, match="update kdnet"):
        read_card(altered_model(header={"schema": 99}))


def test_a_pickle_is_refused_without_being_opened(tmp_path: Path) -> None:
    for legacy in (True, False):
        path = tmp_path / "model.safetensors"
        torch.save({"weight": torch.ones(2)}, path, _use_new_zipfile_serialization=not legacy)
        with pytest.raises(ModelFileError, match="pickled"):
            load_model(path)


@pytest.mark.parametrize("first", [0x80, 0x50])
def test_a_model_whose_header_length_looks_like_a_pickle_is_read(model_file: Path, tmp_path: Path, first: int) -> None:
    tensors, header = parts_of(model_file)
    path = tmp_path / "odd.safetensors"
    for padding in range(2048):
        save_file(tensors, path, metadata={"kdnet": json.dumps(header), "padding": " " * padding})
        if path.read_bytes()[0] == first:
            break
    assert path.read_bytes()[0] == first
    assert read_card(path).name == "Tiny"


def test_weights_of_another_program_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelFileError, match="another program"):
        load_model(tmp_path / "other.safetensors")


@pytest.mark.parametrize("schema", [1, 2])
def test_a_card_that_contradicts_the_weights_is_refused(altered_model: Alter, schema: int) -> None:
    path = altered_model({"network.arguments": {"filters": [8, 16, 32]}}, schema=schema)
    with pytest.raises(ModelFileError, match="do not fit"):
        load_model(path)


def test_a_card_that_asks_for_a_huge_network_is_refused_without_building_it(altered_model: Alter) -> None:
    path = altered_model({"network.arguments": {"filters": [2000, 3000, 4000]}})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelFileError, match="do not fit"):
        load_model(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB


@pytest.mark.parametrize(
    "network",
    [
        {"architecture": "segresnet", "arguments": {"blocks_down": [1, 100_000, 1, 1]}},
        {"architecture": "segresnet", "arguments": {"init_filters": 10**12}},
        {"architecture": "dynunet", "arguments": {"filters": [4] * 1000}},
        {
            "architecture": "monai",
            "arguments": {"network": "UNet", "arguments": {"channels": [[[4]]] * 40, "strides": [2]}},
        },
        {"architecture": "x" * 10_000, "arguments": {}},
    ],
)
def test_a_network_that_no_machine_could_build_is_refused_at_once(altered_model: Alter, network: dict[str, Any]) -> None:
    path = altered_model({f"network.{name}": value for name, value in network.items()})
    with pytest.raises(ModelFileError) as refusal:
        load_model(path)
    assert len(str(refusal.value)) < 600


@pytest.mark.parametrize("storage", [torch.float16, torch.bfloat16])
def test_weights_stored_in_half_precision_are_used_in_full(altered_model: Alter, storage: torch.dtype) -> None:
    path = altered_model(weights=lambda tensors: {name: value.to(storage) for name, value in tensors.items()})
    assert {value.dtype for value in load_model(path).network.parameters()} == {torch.float32}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_of_a_diverged_training_are_refused(altered_model: Alter, value: float) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        next(item for item in tensors.values() if item.ndim == 5).view(-1)[3] = value
        return tensors

    with pytest.raises(ModelFileError, match="NaN or infinite weights"):
        load_model(altered_model(weights=spoil))


def test_weights_of_a_diverged_training_are_not_written(model_file: Path, tmp_path: Path) -> None:
    model = load_model(model_file)
    with torch.no_grad():
        next(model.network.parameters()).fill_(float("nan"))
    with pytest.raises(KDNetError, match="NaN or infinite weights"):
        save_model(tmp_path / "broken.safetensors", model.card, model.network)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_the_first_version_is_read(altered_model: Alter, model_file: Path) -> None:
    assert load_model(altered_model(schema=1)).card == read_card(model_file)


def test_a_card_that_was_changed_after_writing_is_noticed_without_the_weights(altered_model: Alter) -> None:
    path = altered_model({"limits": "none: approved for clinical use"}, rehash=False)
    with pytest.raises(ModelFileError, match="altered"):
        read_card(path)


def test_the_card_of_another_model_is_noticed(altered_model: Alter, model_file: Path) -> None:
    other = altered_model(weights=lambda tensors: {name: value + 1 for name, value in tensors.items()})
    tensors, _ = parts_of(other)
    _, header = parts_of(model_file)
    save_file(tensors, other, metadata={"kdnet": json.dumps(header)})
    with pytest.raises(ModelFileError, match="altered"):
        load_model(other)


def test_figures_that_are_no_numbers_are_written_as_unknown(model_file: Path, tmp_path: Path) -> None:
    model = load_model(model_file)
    card = replace(model.card, figures={"dice": {"ET": float("nan"), "WT": 0.5}})
    save_model(tmp_path / "m.safetensors", card, model.network)
    assert read_card(tmp_path / "m.safetensors").figures == {"dice": {"ET": None, "WT": 0.5}}


def test_model_info_shows_what_a_model_needs(model_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model-info", str(model_file)]) == 0
    assert "t1ce" in capsys.readouterr().out
    assert main(["model-info", str(model_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["modalities"] == ["t1ce"]
