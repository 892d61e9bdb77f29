"""The decoding in a model card: checked, written, and described; older cards have none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from kdnet.errors import ModelFileError, SettingsError
from kdnet.model_file import load_model, save_model
from kdnet.schema.decoding import Decoding, RegionDecoding, default_decoding
from kdnet.schema.labels import brats_labels, exclusive_labels, pediatric_labels, post_treatment_labels
from kdnet.schema.model_card import describe, read_card
from kdnet.schema.model_header import SCHEMA, SCHEMA_WITHOUT_DECODING, read_header_text


def schema_of(path: Path) -> int:
    return int(json.loads(read_header_text(path))["schema"])


def test_a_card_with_a_decoding_needs_a_reader_that_knows_it(model_file: Path, tmp_path: Path) -> None:
    plain, path = load_model(model_file), tmp_path / "decoded.safetensors"
    assert plain.card.decoding is None
    assert schema_of(model_file) == SCHEMA_WITHOUT_DECODING
    decoding = default_decoding(brats_labels())
    save_model(path, replace(plain.card, decoding=decoding), plain.network)
    assert schema_of(path) == SCHEMA
    assert load_model(path).card.decoding == read_card(path).decoding == decoding
    assert "TC rims from 4 mm" in describe(path)
    assert "each voxel by itself" in describe(model_file)


def test_shipped_tumor_models_label_plausibly(repository: Path) -> None:
    cards = [read_card(path) for path in (repository / "Resources" / "Models").glob("Brain tumor *.safetensors")]
    assert cards
    for card in cards:
        assert card.decoding is not None
        assert card.decoding.of("TC").thinnest_rim == 4
        assert all(card.decoding.of(region).smallest_part >= 50 for region in ("ET", "TC", "WT"))


@pytest.mark.parametrize(
    "content",
    [
        {"regions": [{"region": "ET", "smallest_part": -1.0}]},
        {"regions": [{"region": "ET", "smallest_part": 1e9}]},
        {"regions": [{"region": "ET", "smallest_part": "small"}]},
        {"regions": [{"region": "Cyst"}]},
        {"regions": [{"region": "ET"}, {"region": "ET"}]},
        {"regions": [{"region": "ET", "thinnest_rim": 2.0}, {"region": "TC", "thinnest_rim": 2.0}]},
        {"unknown": 1},
        5,
    ],
)
def test_a_damaged_decoding_is_refused(altered_model: Callable[..., Path], content: object) -> None:
    with pytest.raises(ModelFileError, match=r"altered\.safetensors has a damaged model card"):
        read_card(altered_model({"decoding": content}))


def test_sizes_must_be_numbers_that_make_sense() -> None:
    for value in (math.nan, math.inf, -0.1):
        with pytest.raises(SettingsError, match="smallest_hole of region ET"):
            RegionDecoding("ET", smallest_hole=value)


def test_the_default_removes_nothing_of_structures_that_it_does_not_know() -> None:
    assert default_decoding(exclusive_labels({1: "lesion"})) == Decoding()
    assert default_decoding(brats_labels()).of("TC").thinnest_rim == 4.0
    assert default_decoding(post_treatment_labels()).of("RC") == RegionDecoding("RC")
    default_decoding(pediatric_labels()).check_fits(pediatric_labels())
