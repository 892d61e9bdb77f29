"""Sizes of debris learned from labeled cases: what is false goes, what is real stays, and the model file says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kdnet.cli import main
from kdnet.data.dataset import Case, ImageFile
from kdnet.inference.decoding import VoxelLabels
from kdnet.model_file import load_model, save_model
from kdnet.schema.decoding import Decoding, RegionDecoding
from kdnet.schema.folds import Split
from kdnet.schema.labels import brats_labels, exclusive_labels
from kdnet.schema.lesion_confidence import LesionConfidence
from kdnet.schema.model_card import read_card
from kdnet.schema.recipe_files import read_recipe
from kdnet.study.decoding_sizes import LabeledCase, cases_to_learn_from, decoding_score, learn_decoding

TABLE = brats_labels()


def tumor() -> np.ndarray:
    labels = np.zeros((24, 24, 24), np.uint8)
    labels[3:15, 3:15, 3:15], labels[5:12, 5:12, 5:12] = 2, 3
    return labels


def case(found: np.ndarray, expert: np.ndarray) -> LabeledCase:
    return LabeledCase(VoxelLabels(found, np.zeros(found.shape, bool)), expert, (1.0, 1.0, 1.0))


def test_debris_is_removed_with_the_smallest_size_that_does() -> None:
    found = tumor()
    found[18:21, 18:21, 18:21] = 2  # 27 mm³ where nothing is
    found[7:9, 7:9, 7:9] = 1  # 8 mm³ of core inside the enhancing tumor
    decoding = learn_decoding([case(found, tumor())], TABLE)
    assert (decoding.of("WT").smallest_part, decoding.of("ET").smallest_hole) == (50.0, 10.0)
    assert (decoding.of("ET").smallest_part, decoding.of("TC").smallest_part) == (0.0, 0.0)
    assert decoding.of("TC").thinnest_rim > 0
    assert decoding_score([case(found, tumor())], TABLE, decoding).dice == {"ET": 1.0, "TC": 1.0, "WT": 1.0}


def test_small_lesions_that_are_real_stay() -> None:
    expert = np.zeros((24, 24, 24), np.uint8)
    for start in (2, 8, 14):
        expert[start : start + 3, start : start + 3, start : start + 3] = 3
    decoding = learn_decoding([case(expert, expert)], TABLE)
    assert all(decoding.of(name).smallest_part <= 20.0 for name in ("ET", "TC", "WT"))
    assert np.array_equal(case(expert, expert).decoded(TABLE, decoding), expert)


def test_a_part_of_a_region_is_no_smaller_than_one_of_a_region_within() -> None:
    found = tumor()
    found[18:21, 18:21, 18:21] = 3
    decoding = learn_decoding([case(found, tumor())], TABLE)
    sizes = [decoding.of(name).smallest_part for name in ("ET", "TC", "WT")]
    assert sizes == sorted(sizes)
    assert np.array_equal(case(found, tumor()).decoded(TABLE, decoding), tumor())


def test_exclusive_labels_are_learned_one_by_one() -> None:
    expert = np.zeros((16, 16, 16), np.uint8)
    expert[2:10, 2:10, 2:10] = 1
    found = expert.copy()
    found[13, 13, 13:15] = 2
    decoding = learn_decoding([case(found, expert)], exclusive_labels({1: "a", 2: "b"}))
    assert decoding == Decoding((RegionDecoding("a"), RegionDecoding("b", smallest_part=10.0)))


def test_voxels_without_a_label_do_not_count() -> None:
    expert = tumor()
    expert[18:21, 18:21, 18:21] = 255
    found = tumor()
    found[18:21, 18:21, 18:21] = 2
    assert decoding_score([case(found, expert)], TABLE, Decoding()).dice["WT"] == 1.0


def test_validation_cases_come_first_and_tested_ones_never() -> None:
    file = ImageFile(Path("x.nii.gz"))
    names = ("a", "b", "c", "d", "e")
    cases = [Case(name, {"t1": file} if name != "e" else {}, file if name != "d" else None) for name in names]
    split = Split(train=("b", "d", "e"), validation=("a",), test=("c",))
    found = cases_to_learn_from(split, cases, ("t1",), 5)
    assert [item.name for item in found] == ["a", "b"]
    assert len(cases_to_learn_from(split, cases, ("t1",), 1)) == 1


def test_a_study_learns_by_default() -> None:
    assert read_recipe("fast").decoding_cases == 12
    assert read_recipe("demo").decoding_cases == 0  # it ends within seconds


def test_a_finished_model_is_tuned(
    repository: Path, phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped, tuned = repository / "Resources" / "Models" / "Phantom demo.safetensors", tmp_path / "tuned.safetensors"
    loaded, model = load_model(shipped), tmp_path / "calibrated.safetensors"
    confidence = LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.5)
    save_model(model, replace(loaded.card, lesion_confidence=confidence), loaded.network)
    assert main(["tune", str(model), str(phantom), "-o", str(tuned), "--most", "2", "--device", "cpu"]) == 0
    card = read_card(tuned)
    assert card.decoding is not None
    assert card.lesion_confidence is None  # learned from other lesions
    assert card.decoding.text in capsys.readouterr().out
    assert card.figures == {**read_card(model).figures, "decoding_cases": 2}
    assert main(["tune", str(model), str(phantom), "-o", str(tuned), "--case", "Nobody"]) == 2
    assert 'no case "Nobody"' in capsys.readouterr().err


def test_a_network_of_a_run_is_tuned_when_it_is_exported(finished_run: Path, tmp_path: Path) -> None:
    target = tmp_path / "student.safetensors"
    line = ["export", str(finished_run), "--network", "fold0/seed0/student-t1ce", "-o", str(target)]
    assert main([*line, "--decoding-cases", "2"]) == 0
    assert read_card(target).figures["decoding_cases"] == 2
    assert main([*line, "--decoding-cases", "-1"]) == 2
