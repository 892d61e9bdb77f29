"""Names that older versions wrote are read as the current ones (see also ``golden``, with whole files of these versions)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from golden import GOLDEN, VERSIONS
from kdnet.errors import SettingsError
from kdnet.model_file import load_model
from kdnet.runs.events import EventKind, read_events
from kdnet.runs.folder import open_run, read_study
from kdnet.schema import former_names
from kdnet.schema.model_card import ModelCard, read_card
from kdnet.schema.model_header import SCHEMA_WITHOUT_DECODING, read_header_text
from kdnet.schema.recipe import Optimizer, Recipe
from kdnet.schema.recipe_files import read_recipe, read_settled_recipe
from kdnet.schema.study_request import StudyRequest
from kdnet.study.reader import recorded_request


@pytest.fixture(params=VERSIONS)
def old_study(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """A recorded request of an older version, in ``tmp_path``, with a case excluded."""
    content = json.loads((GOLDEN / str(request.param) / "paused" / "study.json").read_text())
    content["leave_out"] = ["Phantom_001"]
    (tmp_path / "study.json").write_text(json.dumps(content))
    return dict(content)


@pytest.mark.parametrize(
    ("current", "names"),
    [(Recipe, former_names.RECIPE), (StudyRequest, former_names.STUDY), (ModelCard, former_names.CARD)],
    ids=["recipe", "study", "card"],
)
def test_older_names_lead_to_settings_that_exist_and_are_no_settings_themselves(
    current: type, names: Mapping[str, str]
) -> None:
    known = {item.name for item in fields(current)}
    assert set(names.values()) <= known
    assert not names.keys() & known


def test_the_request_of_an_older_run_is_read(old_study: dict[str, Any], tmp_path: Path) -> None:
    request, old = recorded_request(tmp_path), old_study["recipe"]
    assert request.excluded == ("Phantom_001",)
    recipe = request.recipe
    assert recipe.optimizer is Optimizer(old["optimiser"])
    assert (recipe.init_bias_from_prior, recipe.init_from_teacher) == (old["prior_bias"], old["warm_start"])
    found = (recipe.foreground_oversampling, recipe.lr_warmup_steps, recipe.ema_decay)
    assert found == (old["foreground"], old["warm_up"], old["average"])


@pytest.mark.usefixtures("old_study")
def test_an_older_run_continues_with_the_same_request(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        assert run.begin(recorded_request(tmp_path).to_json())


def test_a_record_is_written_with_current_names_once_it_is_touched(old_study: dict[str, Any], tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        run.move_data(tmp_path)
    content = json.loads((tmp_path / "study.json").read_text())
    assert content == {**read_study(tmp_path), "schema": 2}
    assert content["excluded"] == ["Phantom_001"]
    assert content["recipe"]["ema_decay"] == old_study["recipe"]["average"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_settled_recipe_of_an_older_run_is_read(version: str) -> None:
    path = GOLDEN / version / "finished" / "recipe.json"
    recipe, old = read_settled_recipe(path), json.loads(path.read_text())
    assert (recipe.steps, recipe.ema_decay, recipe.sliding_window_size) == (old["steps"], old["average"], 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_events_of_an_older_run_are_read(version: str, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    excluded = {"time": 1.0, "event": "left_out", "network": "", "case": "Phantom_001", "reason": "left out on request"}
    path.write_text((GOLDEN / version / "finished" / "events.jsonl").read_text() + json.dumps(excluded) + "\n")
    events = read_events(path)[0]
    assert len(events) == len(path.read_text().splitlines())
    assert [event.values["case"] for event in events if event.event is EventKind.EXCLUDED] == ["Phantom_001"]
    steps = [event for event in events if event.event is EventKind.STEP]
    assert steps
    assert all(set(step.values["losses"]) == {"total", "segmentation", "soft_target", "latent"} for step in steps)


def test_a_card_of_an_older_version_is_read(model_file: Path, altered_model: Callable[..., Path]) -> None:
    stored = json.loads(read_header_text(model_file))
    assert stored["schema"] == SCHEMA_WITHOUT_DECODING
    card = stored["card"] | {"licence": "free", "window": 64, "recipe": {"name": "fast", "average": 0.99}}
    del card["license"], card["sliding_window_size"]
    path = altered_model(header={"schema": 2}, replacement=card)
    found = read_card(path)
    assert (found.license, found.sliding_window_size) == ("free", 64)
    assert found.recipe == {"name": "fast", "ema_decay": 0.99}
    assert load_model(path).card == found


def test_a_recipe_file_with_older_names_is_read(tmp_path: Path) -> None:
    content = json.loads(json.dumps(read_recipe("fast").to_json()))
    older = {new: old for old, new in former_names.RECIPE.items()}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({older.get(name, name): value for name, value in content.items()}))
    assert read_recipe(str(path), ["average=0.5"]) == read_recipe("fast", ["ema_decay=0.5"])


def test_an_older_name_beside_its_current_one_is_refused() -> None:
    with pytest.raises(SettingsError, match="average"):
        Recipe.from_json({**read_recipe("fast").to_json(), "average": 0.5})
