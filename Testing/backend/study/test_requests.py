"""Settings that no training can use are refused in one sentence that names them."""

from __future__ import annotations

from pathlib import Path

import pytest
from kdnet.cli import main
from kdnet.errors import RunFolderError, SettingsError
from kdnet.schema.networks import PRESETS
from kdnet.schema.recipe_files import read_recipe, read_settled_recipe
from kdnet.study.patch_check import check_patch
from made_runs import study


@pytest.mark.parametrize(
    "setting",
    [
        *("learning_rate=Infinity", "learning_rate=NaN", "weight_decay=Infinity", "gradient_clip=NaN"),
        *("plateau_factor=NaN", "plateau_factor=-1", "plateau_factor=0", "plateau_factor=2", "plateau_patience=-5"),
        *("distillation.gamma=NaN", "distillation.temperature=Infinity", "checkpoint_seconds=NaN", "spacing=[1,NaN,1]"),
        *("checkpoint_seconds=1e300", "distillation.gamma=1e30", "name=", "name=../../x", "name=a\x1b[2J", "name=a\nb"),
        *(
            "steps=" + "[" * 100_000,
            "batch=100000000",
            "steps=1" + "0" * 400,
            "learning_rate=1" + "0" * 400,
            "workers=100000",
        ),
    ],
    ids=lambda setting: setting[:30],
)
def test_a_recipe_value_that_is_not_usable_is_named(setting: str) -> None:
    with pytest.raises(SettingsError, match=setting.partition("=")[0].rpartition(".")[2]):
        read_recipe("demo", [setting])


@pytest.mark.parametrize("content", ["null", "5", '"fast"', "[]", '{"steps": NaN}', "{", "[" * 100_000])
def test_a_recipe_file_that_is_not_a_recipe_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"recipe\.json"):
        read_recipe(str(path))
    with pytest.raises(RunFolderError, match=r"recipe\.json"):
        read_settled_recipe(path)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--minutes", "nan"], "--minutes"),
        (["--minutes", "inf"], "--minutes"),
        (["--epochs", "nan"], "--epochs"),
        (["--epochs", "-1"], "--epochs"),
        (["--epochs", "1e300"], "--epochs"),
        (["--threads", "-3"], "--threads"),
        (["--threads", "99999999999"], "--threads"),
        (["--seeds=-1"], "--seeds"),
        (["--seeds", "0,99999999999999999999"], "--seeds"),
        (["--seeds", "0,x"], "--seeds"),
        (["--seeds", "9" * 5000], "--seeds"),
        (["--folds", "9" * 5000], "not a fold"),
        (["--modalities", "t1ce,t1ce,t2"], "twice"),
        (["--set", "network=dynunet-8-shallow", "--set", "student_network=dynunet-12"], "so their bottlenecks differ"),
        (["--exclude", "Phantom_00x"], "did you mean Phantom_00"),
        (["--exclude", "phantom_001"], "did you mean Phantom_001?"),
        (["--set", "patch=[17,16,16]"], "multiples of 4"),
        (["--set", "patch=[16,16,16]", "--set", "network=dynunet-16"], "coarsest level"),
        (["--set", "sliding_window_size=1000000000"], "window"),
        (["--set", "patch=[100000,100000,100000]"], "memory"),
    ],
    ids=lambda value: "-".join(value)[:40] if isinstance(value, list) else "",
)
def test_an_option_that_makes_no_sense_is_named(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    for command in ("plan", "study"):
        assert main([command, *study(phantom, tmp_path / "run")[1:], *options]) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith("kdnet: ")
        assert told in error


@pytest.mark.parametrize("name", PRESETS)
def test_a_patch_is_taken_when_the_network_can_halve_it_and_refused_otherwise(name: str) -> None:
    check_patch(read_recipe("demo", ["patch=[64,64,64]"]), [name], modalities=4, channels=3)
    with pytest.raises(SettingsError, match="multiples"):
        check_patch(read_recipe("demo", ["patch=[63,64,64]"]), [name], modalities=4, channels=3)


def test_a_phantom_that_no_memory_holds_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--seed", "-1"], ["--size", "100000", "100000", "100000"]):
        assert main(["phantom", str(tmp_path / "data"), *options]) == 2
        assert options[0] in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_plan_tries_more_steps_than_the_recipe_has(phantom: Path, tmp_path: Path) -> None:
    for steps in (1, 2):
        assert main(["plan", *study(phantom, tmp_path / "run", "--set", f"steps={steps}")[1:]]) == 0
