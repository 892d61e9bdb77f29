"""Runs, recipes and model cards of 0.1.0 stay readable, whatever was renamed since."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from golden import GOLDEN, VERSIONS, golden_data, unpack_run
from kdnet.cli import main
from kdnet.model_file import load_model
from kdnet.runs.status import RunState, read_status
from kdnet.schema.model_card import read_card
from kdnet.schema.network_id import NetworkId
from kdnet.schema.recipe_files import read_recipe

NETWORKS = tuple(f"fold0/seed0/{name}" for name in ("teacher", "baseline-t1ce", "student-t1ce"))
CHECKPOINT_STEP = 2  # of the baseline in both "paused"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return golden_data(tmp_path_factory.mktemp("golden") / "phantom")


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def results(run: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["results", str(run), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def _keys(networks: tuple[NetworkId, ...]) -> tuple[str, ...]:
    return tuple(network.key for network in networks)


def test_status(version: str, tmp_path: Path) -> None:
    status = read_status(unpack_run(version, "finished", tmp_path / "finished"))
    assert (status.state, _keys(status.networks), _keys(status.done)) == (RunState.FINISHED, NETWORKS, NETWORKS)
    status = read_status(unpack_run(version, "paused", tmp_path / "paused"))
    assert status.state in (RunState.PAUSED, RunState.STOPPED, RunState.FAILED)
    assert (_keys(status.networks), _keys(status.done), status.steps) == (NETWORKS, NETWORKS[:1], 30)
    assert status.pid is None


def test_results(version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The figures are those of the report that the old version wrote."""
    run = unpack_run(version, "finished", tmp_path / "run")
    found = results(run, capsys)
    assert found["missing"] == []
    recorded = {
        (item["role"], item["case"], item["region"]): item["dice"]
        for item in json.loads((run / "report/results.json").read_text())["scores"]
    }
    scores = {(item["role"], item["case"], item["region"]): item["dice"] for item in found["scores"]}
    assert scores == recorded
    assert len(scores) == 3 * 2 * 3  # networks, test cases, regions
    assert found["teacher"] == ["t1", "t1ce", "t2", "flair"]
    (student,) = found["students"]
    assert load_model(Path(student["model"])).card.modalities == ("t1ce",)
    assert main(["results", str(run)]) == 0
    assert "student" in capsys.readouterr().out


def test_results_of_a_paused_run(version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = results(unpack_run(version, "paused", tmp_path / "run"), capsys)
    assert [network["id"] for network in found["missing"]] == list(NETWORKS[1:])


def test_a_finished_run_reports_again(version: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = unpack_run(version, "finished", tmp_path / "run")
    before = results(run, capsys)["scores"]
    shutil.rmtree(run / "report")
    assert main(["resume", str(run), "--data", str(data)]) == 0
    assert (run / "report/report.html").is_file()
    assert results(run, capsys)["scores"] == before


def test_a_paused_run_resumes_at_its_step(
    version: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = unpack_run(version, "paused", tmp_path / "run")
    teacher = (run / NETWORKS[0] / "model.safetensors").read_bytes()
    events = (run / "events.jsonl").read_bytes()
    assert main(["resume", str(run), "--data", str(data), "--device", "cpu", "--threads", "1"]) == 0
    assert (run / NETWORKS[0] / "model.safetensors").read_bytes() == teacher
    added = (run / "events.jsonl").read_bytes().removeprefix(events).decode().splitlines()
    started = [json.loads(line) for line in added if '"network_started"' in line]
    assert [(item["network"], item["step"]) for item in started] == [
        (NETWORKS[1], CHECKPOINT_STEP),
        (NETWORKS[2], 0),
    ]
    assert results(run, capsys)["missing"] == []
    assert read_status(run).state is RunState.FINISHED


OLD_VALUES = {"schedule": "cosine", "checkpoint": "last", "precision": "float16", "network": "segresnet-32"}
"""Values of settings that no longer exist."""


def with_old_values(run: Path) -> None:
    study = json.loads((run / "study.json").read_text())
    study["recipe"] |= OLD_VALUES
    (run / "study.json").write_text(json.dumps(study))
    recipe = json.loads((run / "recipe.json").read_text())
    (run / "recipe.json").write_text(json.dumps(recipe | OLD_VALUES))


def test_a_finished_run_with_values_that_no_longer_exist_is_read(
    version: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = unpack_run(version, "finished", tmp_path / "run")
    before = results(run, capsys)["scores"]
    with_old_values(run)
    shutil.rmtree(run / "report")
    assert read_status(run).state is RunState.FINISHED
    assert results(run, capsys)["scores"] == before
    assert main(["resume", str(run), "--data", str(data)]) == 0
    page = (run / "report/report.html").read_text(encoding="utf-8")
    for value in OLD_VALUES.values():
        assert value in page, "the report shows the settings of the training"
    assert json.loads((run / "recipe.json").read_text())["schedule"] == "cosine"


def test_an_unfinished_run_with_values_that_no_longer_exist_is_not_resumed(
    version: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = unpack_run(version, "paused", tmp_path / "run")
    with_old_values(run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(["resume", str(run), "--data", str(data)]) == 2
    error = capsys.readouterr().err.strip()
    assert 'uses schedule "cosine", which no longer exists' in error
    assert '"polynomial"' in error
    assert "\n" not in error
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert len(results(run, capsys)["missing"]) == 2


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=f"{path.parts[-3]}-{path.stem}") for path in sorted(GOLDEN.glob("*/recipes/*.json"))]
)
def test_recipes_keep_their_values(path: Path) -> None:
    """Each value in the old file, whatever its key is called now, is in the recipe that is read."""
    content = json.loads(path.read_text())
    assert content.pop("checkpoint", "best") == "best", "the only choice today"
    values = sorted(_leaves(content))
    found = list(_leaves(read_recipe(str(path), []).to_json()))
    for value in values:
        assert value in found
        found.remove(value)


def test_recorded_recipes_keep_their_values(version: str) -> None:
    path = GOLDEN / version / "finished/recipe.json"
    content = json.loads(path.read_text())
    assert content.pop("checkpoint") == "best"
    values = sorted(_leaves(content))
    found = list(_leaves(read_recipe(str(path), []).to_json()))
    assert [value for value in values if value not in found] == []


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/cards/*.safetensors")), ids=lambda path: path.stem)
def test_cards_are_read(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = read_card(path)
    assert card.name
    assert card.version == "0.1.0"
    assert card.network.in_channels == len(card.modalities) == 1
    assert [label.name for label in card.labels.labels]
    assert card.figures
    assert main(["model-info", str(path)]) == 0
    assert card.name in capsys.readouterr().out


def test_models_of_a_run_are_loaded(version: str, tmp_path: Path) -> None:
    run = unpack_run(version, "finished", tmp_path / "run")
    cards = [load_model(run / name / "model.safetensors").card for name in NETWORKS]
    assert [card.role.value for card in cards] == ["teacher", "baseline", "student"]
    assert cards[0].modalities == ("t1", "t1ce", "t2", "flair")


def _leaves(value: object) -> Iterator[str]:
    """Return the numbers and texts in nested JSON, as text that can be sorted."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield str(float(value)) if isinstance(value, int | float) else str(value)
