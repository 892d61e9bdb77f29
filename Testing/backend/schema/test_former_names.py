"""Label names in British spelling, as kdnet wrote them before 0.2: old files are read, and equal new ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from kdnet.evaluation.statistics import summarize
from kdnet.model_file import load_model
from kdnet.schema.former_names import LABELS, current_name
from kdnet.schema.labels import Label, LabelTable, Region, brats_labels, exclusive_labels, pediatric_labels
from kdnet.schema.model_card import read_card
from kdnet.schema.network_id import Role
from kdnet.schema.results import Score
from kdnet.schema.segmentation import RegionVolume
from kdnet.segmentation.results_table import NAME, ResultsTable
from kdnet.study.reader import read_scores

FORMER = {new: old for old, new in LABELS.items()}


def as_before(table: LabelTable) -> dict[str, object]:
    """The JSON of ``table`` as version 0.1.0 wrote it."""
    content: dict[str, object] = json.loads(json.dumps(table.to_json()))
    for item in [*content["labels"], *content["regions"]]:
        item["name"] = FORMER.get(item["name"], item["name"])
    return content


TABLES = [brats_labels(), pediatric_labels(), exclusive_labels({1: "Tumor"}), exclusive_labels({1: "Gross tumor volume"})]


@pytest.mark.parametrize("table", TABLES)
def test_an_old_table_equals_the_new_one(table: LabelTable) -> None:
    old = as_before(table)
    assert "our" in json.dumps(old) or "Oedema" in json.dumps(old)
    assert LabelTable.from_json(old) == table
    assert LabelTable.from_json(old).to_json() == table.to_json()


def test_an_old_model_card_loads_and_has_todays_names_colors_and_terminology(altered_model: Callable[..., Path]) -> None:
    path = altered_model({"labels": as_before(brats_labels())})
    assert "Oedema" in path.read_bytes()[:20000].decode("latin-1")
    assert read_card(path).labels == brats_labels()
    assert load_model(path).card.labels == brats_labels()


def test_a_name_that_was_never_kdnets_is_kept() -> None:
    for name in ("Peritumoral oedema", "enhancing tumour", "Kidney"):
        assert current_name(name) == Label(1, name, (1, 2, 3)).name == Region(name, (1,)).name == name


def test_scores_of_an_old_run_belong_to_the_region_of_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    old = {"role": "student", "modalities": "t1ce", "fold": 0, "seed": 0, "case": "A", "region": "Tumour", "dice": 1.0}
    path.write_text(json.dumps([{**old, "hd95": 0.0}]))
    scores = [*read_scores(path), Score(Role.STUDENT, "t1ce", 0, 0, "B", "Tumor", 0.5, 1.0)]
    assert {row.region: row.cases for row in summarize(scores).networks} == {"Tumor": 2, "mean": 2}


def test_an_old_results_table_continues_in_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("case,state,Oedema (mL),source\nP1,segmented,2.000,/data/P1.nii\n")
    table = ResultsTable(tmp_path)
    row = table.row("/data/P1.nii")
    assert row is not None
    assert row.amounts == (RegionVolume("Edema", 2.0),)
    table.put(row)
    assert not table.save()
    assert "Edema (mL)" in (tmp_path / NAME).read_text().splitlines()[0]
    assert "Oedema" not in (tmp_path / NAME).read_text()
