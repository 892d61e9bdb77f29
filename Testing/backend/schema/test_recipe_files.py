"""Recipes that name a base hold only what differs from it, and bundled students have a recipe that made them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from kdnet.errors import SettingsError
from kdnet.schema import recipe_files as module
from kdnet.schema.augmentation_settings import Augmentation
from kdnet.schema.model_card import read_card
from kdnet.schema.recipe import Recipe
from kdnet.schema.recipe_files import read_recipe


def write(path: Path, **content: object) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def test_a_recipe_takes_what_it_does_not_name_from_its_base(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.json", name="mine", base="fast", steps=5, augmentation={"noise": 0.2}, average=0.5)
    fast = read_recipe("fast")
    expected = replace(fast, name="mine", steps=5, augmentation=replace(fast.augmentation, noise=0.2), ema_decay=0.5)
    assert read_recipe(path) == expected


def test_a_base_may_have_a_base(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.json", name="mine", base="fast-soft")
    assert read_recipe(path) == replace(read_recipe("fast-soft"), name="mine")


@pytest.mark.parametrize("base", ["unknown", "", 5, None, ["fast"], "mine.json"])
def test_a_base_that_is_not_built_in_is_refused(tmp_path: Path, base: object) -> None:
    with pytest.raises(SettingsError, match="base"):
        read_recipe(write(tmp_path / "mine.json", name="mine", base=base))


def test_a_circle_of_bases_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bases = {"one": "two", "two": "one"}
    monkeypatch.setattr(module, "recipe_names", lambda: tuple(bases))
    monkeypatch.setattr(module, "_built_in", lambda name: {"name": name, "base": bases[name]})
    with pytest.raises(SettingsError, match="based on itself"):
        read_recipe("one")


@pytest.mark.parametrize(
    ("model", "recipe", "steps"),
    [
        ("T1 T1ce T2 FLAIR", "steady", 3000),
        ("T1ce", "steady", 2000),
        ("T2", "steady", 2000),
        ("FLAIR", "fast", 2000),
        ("T1", "steady", 2000),
    ],
)
def test_a_bundled_model_has_the_recipe_that_made_it(repository: Path, model: str, recipe: str, steps: int) -> None:
    """All students have 2000 steps; the teacher has those of its recipe."""
    card = read_card(repository / "Resources" / "Models" / f"Brain tumor {model}.safetensors")
    assert replace(read_recipe(recipe), steps=steps) == replace(Recipe.from_json(card.recipe), name=recipe)


@pytest.mark.parametrize(
    ("name", "value", "closest"),
    [
        ("schedule", "cosine", "polynomial"),
        ("checkpoint", "last", "best"),
        ("precision", "float16", "auto"),
        ("network", "segresnet-32", "segresnet-16"),
        ("student_network", "segresnet-32", "segresnet-16"),
    ],
)
def test_a_removed_value_is_named_with_the_closest_one(tmp_path: Path, name: str, value: str, closest: str) -> None:
    path = write(tmp_path / "mine.json", name="mine", base="fast", **{name: value})
    with pytest.raises(SettingsError, match=f'^{name} "{value}" no longer exists: give "{closest}"[.]$'):
        read_recipe(path)
    with pytest.raises(SettingsError, match="no longer exists"):
        read_recipe("fast", [f"{name}={value}"])
    assert read_recipe("fast", [f"{name}={closest}"]).name == "fast"


def test_steady_augments_more_than_fast() -> None:
    steady = read_recipe("steady")
    assert (steady.network, steady.steps, steady.deep_supervision, steady.ema_decay) == ("dynunet-12", 3000, 2, 0.995)
    assert steady.augmentation == Augmentation(0.5, 0.3, 0.1, 0.1, 0.3, 0.8, 0.2, 3.0, 20.0, 0.2)
