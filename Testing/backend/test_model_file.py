"""Model files hold everything, and whatever is wrong with one is said in a sentence."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
import torch
from kdnet.cli import main
from kdnet.data.preprocessing import Preprocessing
from kdnet.errors import ModelFileError
from kdnet.evaluation.results import Role
from kdnet.labels import brats_labels
from kdnet.model_file import ModelCard, load_model, read_card, save_model, weights_hash
from kdnet.networks import build_network, preset
from safetensors import safe_open
from safetensors.torch import save_file


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


def test_a_newer_schema_asks_for_an_update(model_file: Path, tmp_path: Path) -> None:
    tensors, header = parts_of(model_file)
    header["schema"] = 99
    save_file(tensors, tmp_path / "new.safetensors", metadata={"kdnet": json.dumps(header)})
    with pytest.raises(ModelFileError, match="update kdnet"):
        read_card(tmp_path / "new.safetensors")


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


def test_a_card_that_contradicts_the_weights_is_refused(model_file: Path, tmp_path: Path) -> None:
    tensors, header = parts_of(model_file)
    card = dict(header["card"])  # type: ignore[call-overload]
    card["network"] = {**card["network"], "arguments": {"filters": [8, 16, 32]}}
    save_file(tensors, tmp_path / "odd.safetensors", metadata={"kdnet": json.dumps({**header, "card": card})})
    with pytest.raises(ModelFileError, match="do not fit"):
        load_model(tmp_path / "odd.safetensors")


def test_a_card_that_asks_for_a_huge_network_is_refused_without_building_it(model_file: Path, tmp_path: Path) -> None:
    tensors, header = parts_of(model_file)
    card = dict(header["card"])  # type: ignore[call-overload]
    card["network"] = {**card["network"], "arguments": {"filters": [2000, 3000, 4000]}}
    save_file(tensors, tmp_path / "huge.safetensors", metadata={"kdnet": json.dumps({**header, "card": card})})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelFileError, match="do not fit"):
        load_model(tmp_path / "huge.safetensors")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB


@pytest.mark.parametrize("storage", [torch.float16, torch.bfloat16])
def test_weights_stored_in_half_precision_are_used_in_full(model_file: Path, tmp_path: Path, storage: torch.dtype) -> None:
    tensors, header = parts_of(model_file)
    halved = {name: value.to(storage) for name, value in tensors.items()}
    header = {**header, "sha256": weights_hash(halved)}
    save_file(halved, tmp_path / "half.safetensors", metadata={"kdnet": json.dumps(header)})
    assert {value.dtype for value in load_model(tmp_path / "half.safetensors").network.parameters()} == {torch.float32}


@pytest.mark.parametrize("damage", [{"modalities": []}, {"labels": {}}, {"preprocessing": {"spacing": [0, 0, 0]}}])
def test_a_damaged_card_is_refused(model_file: Path, tmp_path: Path, damage: dict[str, object]) -> None:
    tensors, header = parts_of(model_file)
    card = {**header["card"], **damage}  # type: ignore[dict-item]
    save_file(tensors, tmp_path / "odd.safetensors", metadata={"kdnet": json.dumps({**header, "card": card})})
    with pytest.raises(ModelFileError, match="damaged model card"):
        read_card(tmp_path / "odd.safetensors")


def test_describe_tells_what_a_model_needs(model_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", str(model_file)]) == 0
    assert "t1ce" in capsys.readouterr().out
    assert main(["describe", str(model_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["modalities"] == ["t1ce"]
