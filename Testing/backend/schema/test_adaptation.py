"""What is said about an adapted model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from kdnet.errors import RunFolderError, SettingsError
from kdnet.schema.adapt_request import AdaptOptions
from kdnet.schema.adaptation import AdaptationResult, Change, effort, read_adaptation
from kdnet.schema.networks import PRESETS, NetworkSpec, matching_preset
from kdnet.schema.options import from_args
from kdnet.schema.results import Interval

BETTER = Change(0.61, 0.68, 8, 9, Interval(0.07, 0.02, 0.12), 0.0156, 7, {"WT": (0.6, 0.7)})


def result(
    corrected: Change | None = BETTER, old: Change | None = None, written: str = "new.safetensors"
) -> AdaptationResult:
    return AdaptationResult("Brain tumor T1ce", corrected, old, Path(written) if written else None)


def test_a_better_model_is_reported_with_its_figures() -> None:
    told = result().sentences()
    assert told[0] == "On patients not used for adapting: 0.61 -> 0.68 (8 patients, p = 0.016)."
    assert told[1] == "The adapted model is better than before."
    assert result().improved


@pytest.mark.parametrize(
    ("corrected", "old", "improved", "told"),
    [
        (replace(BETTER, p=0.3), None, True, "may be due to chance"),
        (replace(BETTER, difference=Interval(-0.01, -0.1, 0.1)), None, False, "is not better than before"),
        (replace(BETTER, difference=Interval(0.0, 0.0, 0.0)), None, False, "is not better than before"),
        (BETTER, replace(BETTER, difference=Interval(-0.05, -0.1, 0.0)), False, "but worse on earlier ones"),
        (BETTER, replace(BETTER, difference=Interval(-0.01, -0.1, 0.1)), True, "is better than before"),
        (None, None, None, "is unknown"),
        (Change(None, 0.5, 3, 3), None, None, "there is no comparison"),
    ],
)
def test_only_what_was_tested_is_claimed(
    corrected: Change | None, old: Change | None, improved: bool | None, told: str
) -> None:
    found = result(corrected, old)
    assert found.improved is improved
    assert told in " ".join(found.sentences())


def test_a_model_that_is_not_written_says_how_to_write_it() -> None:
    assert "--force" in result(written="").sentences()[-1]


def test_a_result_is_read_back_and_a_damaged_one_named(tmp_path: Path) -> None:
    path = tmp_path / "adaptation.json"
    path.write_text(json.dumps(result().to_json()))
    read = read_adaptation(path)
    assert read.sentences() == result().sentences()
    path.write_text('{"model": 3}')
    with pytest.raises(RunFolderError, match="is damaged"):
        read_adaptation(path)


def test_more_cases_are_trained_longer() -> None:
    steps = [effort(count).steps for count in (1, 4, 5, 16, 17, 30, 1000)]
    assert steps == sorted(steps)


def test_every_preset_is_recognized_whatever_its_channels() -> None:
    for name, preset in PRESETS.items():
        spec = preset.spec(2, 5, 1)
        stored = json.loads(json.dumps(dict(spec.arguments)))
        assert matching_preset(NetworkSpec(spec.architecture, 2, 5, stored)) == name
    assert matching_preset(NetworkSpec("dynunet", 1, 3, {"filters": [4, 8, 16]})) == ""


def test_options_give_the_command_line_that_reproduces_them() -> None:
    from argparse import ArgumentParser

    from kdnet.cli.parsers.adapt import add_parsers

    options = AdaptOptions(
        Path("a.safetensors"),
        Path("c"),
        Path("b.safetensors"),
        old=Path("old"),
        minutes=5,
        steps=7,
        settings={"learning_rate": "1e-4"},
        excluded=("x",),
        force=True,
    )
    parser = ArgumentParser()
    add_parsers(parser.add_subparsers())
    assert from_args(AdaptOptions, parser.parse_args(options.arguments())) == options


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"minutes": -1.0}, "--minutes"),
        ({"steps": -1}, "--steps"),
        ({"fold_count": 1}, "--fold-count"),
        ({"threads": -1}, "--threads"),
        ({"out": Path("a")}, "is the model to adapt"),
    ],
)
def test_values_out_of_range_are_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        AdaptOptions(**{"model": Path("a"), "collection": Path("c"), "out": Path("b"), **changes})  # type: ignore[arg-type]
