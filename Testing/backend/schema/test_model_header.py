"""Whatever a model card holds, it is either sound or refused in one short sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kdnet.cli import main
from kdnet.errors import KDNetError, ModelFileError
from kdnet.model_file import load_model
from kdnet.schema.model_card import read_card
from kdnet.schema.model_header import parse_header, read_header_text
from safetensors.torch import save_file

Alter = Callable[..., Path]

DAMAGES: list[tuple[str, Any]] = [
    ("modalities", "t"),
    ("modalities", []),
    ("modalities", [""]),
    ("modalities", [" "]),
    ("modalities", [5]),
    ("modalities", ["t1\x1b[2J"]),
    ("modalities", {"t1": 1}),
    ("sliding_window_size", -5),
    ("sliding_window_size", 1),
    ("sliding_window_size", 10**9),
    ("sliding_window_size", 16.5),
    ("sliding_window_size", "16"),
    ("sliding_window_size", True),
    ("sliding_window_size", None),
    ("preprocessing", {"spacing": [0, 0, 0]}),
    ("preprocessing", {"spacing": [0.1, 0.1, 0.1]}),
    ("preprocessing", {"spacing": [1, 1]}),
    ("preprocessing", {"spacing": "111"}),
    ("preprocessing", {"spacing": [1, 1, float("nan")]}),
    ("preprocessing", {"spacing": [1, 1, 1], "margin": -1}),
    ("preprocessing", {"spacing": [1, 1, 1], "margin": 1e9}),
    ("preprocessing", {"spacing": [1, 1, 1], "unknown": 1}),
    ("labels", {}),
    ("labels", None),
    ("labels.labels", [{"value": 1, "name": "x", "color": [0, 0, 0]}] * 300),
    ("labels.labels.0.color", [999, -5, 0]),
    ("labels.labels.0.color", [1, 2]),
    ("labels.labels.0.color", [1.5, 2, 3]),
    ("labels.labels.0.name", ""),
    ("labels.labels.0.name", "Core\nlicense  Approved"),
    ("labels.labels.0.name", "x" * 5000),
    ("labels.labels.0.value", "1"),
    ("labels.labels.0.value", 2),
    ("labels.labels.0.terminology", {"category": 1}),
    ("labels.regions.1.name", "ET"),
    ("labels.regions.0.values", []),
    ("labels.regions.0.values", [3, 3]),
    ("labels.regions.0.values", [9]),
    ("labels.mode", "other"),
    ("network", None),
    ("network.in_channels", 2),
    ("network.out_channels", 10**9),
    ("network.in_channels", "1"),
    ("network.arguments", [1]),
    ("role", "surgeon"),
    ("role", 5),
    ("name", ""),
    ("name", 5),
    ("name", "Good student\x1b]0;owned\x07"),
    ("name", "a\u202egnp"),
    ("name", None),
    ("figures", {"dice": {"ET": 7}}),
    ("figures", {"dice": {"ET": "high"}}),
    ("figures", {"dice": 0.9}),
    ("figures", {"validation_dice": {"ET": float("inf")}}),
    ("figures", []),
    ("training_data", {"cases": -1}),
    ("training_data", {"cases": "many"}),
    ("training_data", "BraTS"),
    ("limits", 5),
    ("limits", "x" * 50_000),
    ("license", "free\x00"),
    ("recipe", {"steps": 10**400}),
    ("recipe", {str(number): number for number in range(60_000)}),
    ("unknown", 1),
]


@pytest.mark.parametrize(("name", "value"), DAMAGES)
@pytest.mark.parametrize("schema", [1, 2])
def test_a_damaged_card_is_refused_in_a_short_sentence(altered_model: Alter, name: str, value: Any, schema: int) -> None:
    path = altered_model({name: value}, schema=schema)
    with pytest.raises(ModelFileError, match=r"altered\.safetensors") as refusal:
        read_card(path)
    told = str(refusal.value)
    assert len(told) < 700
    assert told.isprintable()


@pytest.mark.parametrize("window", [7, 9, 18, 30])
def test_a_window_that_the_network_cannot_halve_blames_the_model(altered_model: Alter, window: int) -> None:
    with pytest.raises(ModelFileError, match="window"):
        load_model(altered_model({"sliding_window_size": window}))


@pytest.mark.parametrize("window", [0, 16, 64, 128])
def test_a_window_that_fits_is_taken(altered_model: Alter, window: int) -> None:
    assert load_model(altered_model({"sliding_window_size": window})).card.sliding_window_size == window


@pytest.mark.parametrize("schema", [float("inf"), float("nan"), "1", 1.5, True, None, 0, -3, [], 10**400])
def test_an_absurd_schema_is_a_damaged_header(altered_model: Alter, schema: Any) -> None:
    with pytest.raises(ModelFileError) as refusal:
        read_card(altered_model(header={"schema": schema}))
    assert len(str(refusal.value)) < 700


@pytest.mark.parametrize(
    "text",
    [
        '{"schema": 1, "sha256": "", "card": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"schema": 1, "sha256": "", "card": ' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}",
        '{"schema": 1, "sha256": "", "card": {"name": "' + "x" * (5 << 20) + '"}}',
        '{"schema": 1, "card": {}}',
        "[]",
        "5",
        "null",
        "",
        '{"schema": 1e999}',
    ],
)
def test_a_header_beyond_the_parser_is_refused(tmp_path: Path, text: str) -> None:
    import torch

    path = tmp_path / "deep.safetensors"
    save_file({"weight": torch.ones(1)}, path, metadata={"kdnet": text})
    with pytest.raises(ModelFileError, match=r"deep\.safetensors") as refusal:
        read_card(path)
    assert len(str(refusal.value)) < 700


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_no_header_raises_anything_but_a_sentence(text: str) -> None:
    with pytest.raises(KDNetError):
        parse_header(Path("any.safetensors"), text)


def test_the_header_is_found_without_the_library(model_file: Path) -> None:
    assert parse_header(model_file, read_header_text(model_file)).card["name"] == "Tiny"


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 8, b"\xff" * 20, b"\x05\x00\x00\x00\x00\x00\x00\x00[1,2]", b"\x02" + b"\x00" * 7]
)
def test_a_file_of_other_bytes_is_refused_without_the_library(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"odd\.safetensors"):
        read_header_text(tmp_path / "odd.safetensors")


def test_line_breaks_in_a_card_forge_no_row(altered_model: Alter, capsys: pytest.CaptureFixture[str]) -> None:
    path = altered_model({"limits": "none\nlicense  Approved for clinical use"})
    assert main(["model-info", str(path)]) == 0
    assert not any(line.startswith("license  Approved") for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("read", [read_card, load_model])
def test_the_former_file_of_a_shipped_model_is_answered_with_its_name_today(read: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r'since version 0\.2 its name is "Brain tumor T1ce\.safetensors"'):
        read(tmp_path / "Brain tumour T1ce.safetensors")
    with pytest.raises(ModelFileError, match="correct its name"):
        read(tmp_path / "Mine.safetensors")
