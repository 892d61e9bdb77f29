"""The models that ship: they load, say what they are, and find the phantom's tumor as when they were made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.data.volumes.io import read_volume
from kdnet.inference.postprocessing import measure
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model
from kdnet.shared_files import BRAIN_STUDENT

# mL of ET, TC and WT in the phantom T1ce that ships; other processors round otherwise, which moves some voxels
RECORDED = {
    "Brain tumor FLAIR.safetensors": (20.79, 47.03, 158.79),
    "Brain tumor T1 T1ce T2 FLAIR.safetensors": (2.75, 2.75, 19.90),
    "Brain tumor T1ce FLAIR.safetensors": (14.04, 22.46, 175.93),
    "Brain tumor T1ce T2.safetensors": (14.04, 22.46, 266.17),
    "Brain tumor T1.safetensors": (29.05, 42.96, 82.67),
    "Brain tumor T1ce.safetensors": (14.01, 22.44, 79.33),
    "Brain tumor T2.safetensors": (0.00, 29.89, 243.38),
    "Phantom demo.safetensors": (11.50, 17.06, 75.01),
}


def test_every_shipped_model_is_recorded(repository: Path) -> None:
    shipped = {path.name for path in (repository / "Resources/Models").glob("*.safetensors")}
    assert shipped - {BRAIN_STUDENT} == set(RECORDED)


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_shipped_model_finds_what_it_found(repository: Path, name: str) -> None:
    model = load_model(repository / "Resources/Models" / name)
    scan = read_volume(repository / "Resources/SampleData/Phantom_002_t1ce.nii.gz")
    labelmap = Predictor(model, torch.device("cpu")).predict([scan] * len(model.card.modalities)).labelmap
    amounts = {amount.name: amount.milliliters for amount in measure(labelmap, model.card.labels)}
    found = np.array([amounts["Enhancing tumor"], amounts["TC"], amounts["WT"]])
    assert np.allclose(found, RECORDED[name], rtol=0.02, atol=0.1)


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_shipped_model_says_what_it_needs_and_may_be_used_for(repository: Path, name: str) -> None:
    path = repository / "Resources/Models" / name
    card = load_model(path).card
    assert path.stat().st_size < 10e6
    assert "research use only" in card.license
    assert card.training_data["summary"]
    if card.training_data["format"] == "BraTS":
        assert any("Menze" in citation for citation in card.training_data["citations"])
        assert set(card.figures["dice"]) == {"ET", "TC", "WT"}
        if card.network.architecture != "combined":  # its parts ship as well
            assert (card.training_data["cases"], card.training_data["fold"]) in ((42, "all"), (48, 0))
        assert card.intended_use
        assert card.limits
