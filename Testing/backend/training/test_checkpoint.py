"""The state of a training: whatever is not as it was written is refused, and the file is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from kdnet.errors import RunFolderError
from kdnet.training.checkpoint import Checkpoint, optimizer_tensors, read_checkpoint, restore_optimizer, write_checkpoint
from safetensors import safe_open
from safetensors.torch import save_file

STATE = Checkpoint({"step": 3}, {"trainee": {"weight": torch.arange(4.0)}}, {0: {"exp_avg": torch.ones(4)}})


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "state.safetensors", STATE)
    state = read_checkpoint(tmp_path / "state.safetensors")
    assert state.values == STATE.values
    assert torch.equal(state.groups["trainee"]["weight"], STATE.groups["trainee"]["weight"])
    assert torch.equal(state.optimizer[0]["exp_avg"], STATE.optimizer[0]["exp_avg"])


def test_one_changed_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, STATE)
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunFolderError, match="does not match its hash"):
        read_checkpoint(path)


@pytest.mark.parametrize("values", ["[1]", "5", "null", "{", "[" * 100_000])
def test_values_of_another_kind_are_refused(tmp_path: Path, values: str) -> None:
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, STATE)
    with safe_open(path, framework="pt") as stream:
        tensors = {name: stream.get_tensor(name).clone() for name in stream.keys()}  # noqa: SIM118 - no mapping
    save_file(tensors, path, metadata={"kdnet": values})  # as an older version, without a hash
    with pytest.raises(RunFolderError, match=r"state\.safetensors cannot be read .* delete it to train"):
        read_checkpoint(path)


def test_a_state_without_a_hash_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_file({"trainee/weight": torch.ones(2)}, path, metadata={"kdnet": json.dumps({"step": 1})})
    assert read_checkpoint(path).values == {"step": 1}


def test_a_state_with_the_older_name_of_the_optimizer_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_file({"optimiser/0/exp_avg": torch.ones(2)}, path, metadata={"kdnet": json.dumps({"step": 1})})
    state = read_checkpoint(path)
    assert state.optimizer[0]["exp_avg"].tolist() == [1, 1]
    assert not state.groups


def test_tensors_that_fit_no_parameter_are_refused() -> None:
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    tensors = optimizer_tensors(optimizer)
    restore_optimizer(optimizer, tensors)
    for damaged in ({7: tensors[0]}, {0: {**tensors[0], "exp_avg": torch.zeros(7)}}):
        with pytest.raises(ValueError, match="does not fit"):
            restore_optimizer(optimizer, damaged)
