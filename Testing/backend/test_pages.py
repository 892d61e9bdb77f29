"""The pages agree with the code and with each other: settings and their defaults, recipes, links, numbered equations."""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest
from kdnet.schema.augmentation_settings import Augmentation
from kdnet.schema.distillation_settings import DistillationSettings
from kdnet.schema.recipe import Recipe
from kdnet.schema.recipe_files import read_recipe, recipe_names

ROOT = Path(__file__).resolve().parents[2]
METHOD = (ROOT / "docs/method.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')


def table_rows(text: str) -> list[list[str]]:
    """The cells of every table row of a page."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def default_of(field: Field[Any]) -> str:
    """A default as the page writes it; a dash for a value that must be given."""
    if field.default is MISSING:
        return "—"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return str(field.default) or "(empty)"


def settings() -> list[tuple[str, str]]:
    """Every setting of a recipe with its default."""
    found = [
        (field.name, default_of(field)) for field in fields(Recipe) if field.name not in ("augmentation", "distillation")
    ]
    for group, kind in (("augmentation", Augmentation), ("distillation", DistillationSettings)):
        found += [(f"{group}.{field.name}", default_of(field)) for field in fields(kind)]
    return found


@pytest.mark.parametrize(("name", "default"), settings())
def test_the_method_page_gives_every_setting_with_its_default(name: str, default: str) -> None:
    rows = [row for row in table_rows(METHOD) if row[0] == f"`{name}`"]
    assert len(rows) == 1, f"docs/method.md needs one row for {name}"
    column = 2 if name.startswith("distillation.") else 1
    assert rows[0][column] == default


def test_the_method_page_names_no_setting_that_there_is_not() -> None:
    known = {name for name, _ in settings()}
    named = set(re.findall(r"^\| `((?:augmentation|distillation)\.\w+)` ", METHOD, re.MULTILINE))
    assert named <= known


@pytest.mark.parametrize("name", recipe_names())
def test_the_method_page_gives_the_values_of_every_recipe(name: str) -> None:
    rows = table_rows(METHOD)
    header = next(row for row in rows if f"`{name}`" in row and "`paper`" in row)
    column = header.index(f"`{name}`")
    values = {row[0]: row[column] for row in rows if len(row) == len(header)}
    recipe = read_recipe(name)
    spacing, distillation = recipe.spacing, recipe.distillation
    assert values["network"] == recipe.network
    assert [float(values["spacing (mm)"])] * 3 == list(spacing)
    assert values["patch (voxels)"] == " \u00d7 ".join(str(size) for size in recipe.patch)
    assert (int(values["batch"]), int(values["steps"])) == (recipe.batch, recipe.steps)
    assert float(values["learning rate"]) == recipe.learning_rate
    assert values["optimizer, schedule"] == f"{recipe.optimizer}, {recipe.schedule}"
    assert values["init_from_teacher"] == str(recipe.init_from_teacher).lower()
    weights = [float(values[key]) for key in (r"$\lambda$", r"$\gamma$", "$T$")]
    assert weights == [distillation.lambda_, distillation.gamma, distillation.temperature]
    assert values["latent_reduction"] == distillation.latent_reduction


def test_equations_are_numbered_in_order_and_have_anchors() -> None:
    tags = [int(number) for number in re.findall(r"\\tag\{(\d+)\}", METHOD)]
    assert tags == list(range(1, len(tags) + 1))
    assert len([anchor for anchor in ANCHOR.findall(METHOD) if anchor.startswith("eq-")]) == len(tags)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not leads_somewhere(page, link)]
    assert not broken


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a relative link names a file, and a heading or anchor in it."""
    if "://" in link or link.startswith("mailto:"):
        return True
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target.read_text(encoding="utf-8"))


def anchors(text: str) -> set[str]:
    """Anchors of a page as GitHub makes them of headings, and those that it sets itself."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return slugs | set(ANCHOR.findall(text))


HOW_TO = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## How to add a network")[2]
PLACES = (ROOT, ROOT / "KDNetTraining" / "kdnet", ROOT / "KDNetTraining", ROOT / "KDNetTraining" / "KDNetTrainingLib")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/]+\.(?:py|ui|md))`", HOW_TO))))
def test_the_guide_for_contributors_names_files_that_exist(name: str) -> None:
    assert any((place / name).is_file() for place in PLACES)


def test_the_guide_for_contributors_names_what_the_sources_hold() -> None:
    folders = ("KDNetTraining", "Testing")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".ui")]
    words = set(re.findall(r"\w+", "\n".join(path.read_text(encoding="utf-8") for path in sources)))
    named = re.findall(r"`([A-Za-z_]\w+(?:\.\w+)*)(?:\(\))?`", HOW_TO)
    assert named
    assert {name for name in named if not words.issuperset(name.split("."))} == set()
