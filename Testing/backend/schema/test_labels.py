"""Label tables: channels to labelmaps and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kdnet.errors import SettingsError
from kdnet.schema.labels import Label, LabelMode, LabelTable, Region, brats_labels, exclusive_labels


def test_brats_regions_are_nested_channels() -> None:
    encoded = brats_labels().encode(np.array([[[0, 1, 2, 3]]]))
    assert encoded[:, 0, 0].tolist() == [[0, 0, 0, 1], [0, 1, 0, 1], [0, 1, 1, 1]]


def test_larger_regions_are_painted_first() -> None:
    assert brats_labels().overwrite_order() == ((2, 2), (1, 1), (0, 3))


@given(st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_decoding_an_encoded_labelmap_gives_it_back(values: list[int]) -> None:
    labelmap = np.array(values).reshape(2, 2, 2)
    for table in (brats_labels(), exclusive_labels({1: "a", 2: "b", 3: "c"})):
        logits = torch.from_numpy(table.encode(labelmap)).float()[None] * 20 - 10
        assert np.array_equal(table.decode(logits)[0].numpy(), labelmap)


@pytest.mark.parametrize("table", [brats_labels(), exclusive_labels({2: "lesion", 7: "core"})])
def test_a_table_survives_json(table: LabelTable) -> None:
    assert LabelTable.from_json(table.to_json()) == table


def test_probabilities_follow_the_mode() -> None:
    logits = torch.randn(1, 3, 2, 2, 2)
    assert torch.equal(brats_labels().probabilities(logits), logits.sigmoid())
    exclusive = exclusive_labels({1: "a", 2: "b"})
    assert torch.allclose(exclusive.probabilities(logits).sum(1), torch.ones(1, 2, 2, 2))


def test_volumes_are_those_of_labels_and_of_regions_of_several_labels() -> None:
    voxels = np.zeros((10, 10, 10), np.uint8)
    voxels[0], voxels[1, :5], voxels[2, 0] = 1, 2, 3
    volumes = {item.name: item.milliliters for item in brats_labels().volumes(voxels, 0.01)}
    expected = {"Necrotic and non-enhancing core": 1.0, "Edema": 0.5, "Enhancing tumor": 0.1, "TC": 1.1, "WT": 1.6}
    assert volumes == pytest.approx(expected)


def test_labels_must_differ_and_fit_into_a_byte() -> None:
    with pytest.raises(SettingsError):
        exclusive_labels({300: "too large"})
    with pytest.raises(SettingsError):
        exclusive_labels({})


def test_a_region_must_own_exactly_one_label() -> None:
    labels = (Label(1, "a", (0, 0, 0)), Label(2, "b", (0, 0, 0)))
    with pytest.raises(SettingsError, match="exactly one label"):
        LabelTable(LabelMode.REGIONS, labels, (Region("both", (1, 2)),))
