"""One report on several runs: as if one run had trained all their networks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kdnet.cli import main as kdnet
from kdnet.study.merge import merge
from kdnet.study.reader import open_readonly


@pytest.fixture
def second_fold(finished_run: Path, tmp_path: Path) -> Path:
    """The run of another job of the same study, as it would be for fold 1 (training it takes several seconds)."""
    run = Path(shutil.copytree(finished_run, tmp_path / "second", ignore=shutil.ignore_patterns("cache", "predictions")))
    (run / "fold0").rename(run / "fold1")
    split = json.loads((run / "splits.json").read_text(encoding="utf-8"))["fold0"]
    renamed = dict(zip(split["test"], split["train"], strict=False))
    for path in (run / "events.jsonl", run / "splits.json", *run.rglob("scores.json"), run / "report" / "results.json"):
        text = path.read_text(encoding="utf-8").replace("fold0", "fold1").replace('"fold": 0', '"fold": 1')
        for one, other in renamed.items():
            text = text.replace(one, "@").replace(other, one).replace("@", other)
        path.write_text(text, encoding="utf-8")
    return run


@pytest.fixture
def copied(finished_run: Path, tmp_path: Path) -> Path:
    """A run of the same networks that may be changed."""
    return Path(shutil.copytree(finished_run, tmp_path / "copied", ignore=shutil.ignore_patterns("cache", "predictions")))


def change(path: Path, edit: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def results(folder: Path) -> Any:
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_folds_of_two_runs_make_one_report(finished_run: Path, second_fold: Path, tmp_path: Path) -> None:
    out = tmp_path / "merged"
    assert kdnet(["report", str(second_fold), str(finished_run), "-o", str(out)]) == 0
    merged, parts = results(out), [results(run / "report") for run in (finished_run, second_fold)]
    assert merged["scores"] == [score for part in parts for score in part["scores"]]
    assert merged["description"]["folds"] == [0, 1]
    assert merged["description"]["seconds"] == pytest.approx(sum(part["description"]["seconds"] for part in parts))
    assert merged["description"]["hardware"] == parts[0]["description"]["hardware"]
    assert merged["unscored"] == []
    tested = {score["case"] for score in merged["scores"]}
    assert merged["summary"]["comparisons"][0]["cases"] == len(tested) == 4
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Training loss against the reference" in page
    assert str(second_fold) in page, "the commands of both runs"


def test_a_network_of_two_runs_counts_once(finished_run: Path, copied: Path) -> None:
    change(min(copied.rglob("teacher/scores.json")), lambda scores: [score.update(dice=0.0) for score in scores])
    merged = merge([open_readonly(finished_run), open_readonly(copied)])
    assert merged.scores() == open_readonly(finished_run).scores()
    assert len(merged.networks) == 3


def test_runs_that_are_not_finished_are_merged_as_far_as_they_are(finished_run: Path, copied: Path) -> None:
    for path in copied.rglob("student-t1ce/scores.json"):
        path.unlink()
    assert len(merge([open_readonly(copied)]).networks) == 2
    assert len(merge([open_readonly(copied), open_readonly(finished_run)]).networks) == 3


def other_recipe(run: Path) -> None:
    change(run / "recipe.json", lambda recipe: recipe.update(batch=4))


def other_case(run: Path) -> None:
    change(run / "splits.json", lambda splits: splits["fold0"]["train"].__setitem__(0, "Phantom_099"))


def other_folds(run: Path) -> None:
    def swap(splits: Any) -> None:
        test, train = splits["fold0"]["test"], splits["fold0"]["train"]
        test[0], train[0] = train[0], test[0]

    change(run / "splits.json", swap)


def nothing_tested(run: Path) -> None:
    for path in run.rglob("scores.json"):
        path.unlink()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (other_recipe, "were trained differently (batch): merge runs of one recipe."),
        (other_case, "are of different data (case Phantom_0"),
        (other_folds, "split the cases differently (fold0 of the one and fold0 of the other)"),
    ],
)
def test_runs_that_differ_are_refused(
    finished_run: Path, copied: Path, tmp_path: Path, edit: Callable[[Path], None], words: str, capsys: Any
) -> None:
    edit(copied)
    assert kdnet(["report", str(finished_run), str(copied), "-o", str(tmp_path / "merged")]) == 2
    told = capsys.readouterr().err
    assert f"{finished_run} and {copied} {words}" in told
    assert len(told.strip().splitlines()) == 1
    assert not (tmp_path / "merged").exists()


def test_a_case_tested_in_two_folds_is_refused(finished_run: Path, copied: Path, tmp_path: Path, capsys: Any) -> None:
    change(copied / "splits.json", lambda splits: splits.update(fold1=splits.pop("fold0")))
    assert kdnet(["report", str(finished_run), str(copied), "-o", str(tmp_path / "merged")]) == 2
    assert "(fold0 of the one and fold1 of the other)" in capsys.readouterr().err


def test_without_any_test_there_is_nothing_to_report(copied: Path, tmp_path: Path, capsys: Any) -> None:
    nothing_tested(copied)
    assert kdnet(["report", str(copied), "-o", str(tmp_path / "merged")]) == 2
    assert "has no tested network yet" in capsys.readouterr().err


def test_a_run_folder_keeps_its_own_report(finished_run: Path, copied: Path, capsys: Any) -> None:
    assert kdnet(["report", str(finished_run), "-o", str(copied)]) == 2
    assert f"{copied} is a run folder" in capsys.readouterr().err
    assert not (copied / "results.json").exists()
