"""The files of a report."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from kdnet.errors import KDNetError
from kdnet.report.write import write_report
from kdnet.schema.labels import brats_labels, exclusive_labels
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.results import HD95_DEFINITION, HD95_ONE_EMPTY, Empty, Score, StudyDescription
from made_studies import BASELINE, STUDENT, STUDY, TEACHER, description, events_of, overlays_of, scores_of

VOID = {"meta", "img", "link", "br", "hr", "input"}
FILES = {"results.json", "scores.csv", "summary.csv", "results.md", "report.html"}


class Page(HTMLParser):
    """Fails on tags that do not close in order; gathers identifiers, addresses, texts and what lacks a description."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.undescribed: list[str] = []
        self.pictures = 0
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self._note(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def _note(self, tag: str, attrs: dict[str, str | None]) -> None:
        self.ids += [attrs["id"] or ""] if "id" in attrs else []
        self.addresses += [attrs[name] or "" for name in ("src", "href", "xlink:href") if name in attrs]
        if tag in ("img", "svg"):
            self.pictures += 1
            if not (attrs.get("alt") or attrs.get("aria-label")):
                self.undescribed.append(tag)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a finished study."""
    folder = tmp_path_factory.mktemp("report")
    events = events_of(*(NetworkId(role, tuple(key.split("+")), 0, 0) for role, key in (TEACHER, BASELINE, STUDENT)))
    scores = scores_of(STUDY)
    return write_report(folder, description(), scores, events, overlays_of("case00"), brats_labels()).parent


def page_of(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_a_report_is_five_files_and_nothing_half_written(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == FILES


def test_the_page_is_well_formed_and_every_picture_is_described(whole: Path) -> None:
    page = page_of(whole)
    assert page.undescribed == []
    assert page.pictures == 2 + 2 + 4 + 2  # intervals, cases (region and mean), slices, curves
    assert len(set(page.ids)) == len(page.ids)


def test_the_page_opens_offline(whole: Path) -> None:
    text = (whole / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    inside = {f"#{name}" for name in page.ids}
    assert all(address.startswith("data:image/png;base64,") or address in inside for address in page.addresses)
    assert not re.search(r"https?://|@import|<script|url\((?!#)", text)
    assert set(re.findall(r"url\((#[^)]*)\)", text)) <= inside


def test_drawings_take_their_colors_from_the_page(whole: Path) -> None:
    text = (whole / "report.html").read_text(encoding="utf-8")
    assert "var(--student)" in text
    drawings = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}\b", drawings)) == set()


def test_the_page_shows_all_that_a_reader_needs(whole: Path) -> None:
    text = page_of(whole).text
    for wanted in (
        "The T1ce student beats its baseline",
        "0.500 ± 0.089",
        "5.0 ± 0.9 mm",
        "40 %",
        "kdnet study 'data & more' --student t1ce",
        "a laptop",
        "BraTS folder <x>",
        "broken: t2 is missing",
        "Enhancing tumor",
        "arXiv:2106.09564",
        "10.1109/TMI.2014.2377694",
        "research use only",
    ):
        assert wanted in text


def test_the_worst_cases_come_first(whole: Path) -> None:
    text = page_of(whole).text
    worst = text[text.index("worst cases first") :]
    assert worst.index("case05") < worst.index("case02") < worst.index("case00")


def test_results_are_json_without_nan(whole: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    content = json.loads((whole / "results.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert content["description"]["command"] == description().command
    assert len(content["scores"]) == 18
    assert content["unscored"] == []
    (comparison, mean) = content["summary"]["comparisons"]
    assert comparison["recovery"]["value"] == pytest.approx(0.4)
    assert mean["region"] == "mean"


def test_tables_are_csv(whole: Path) -> None:
    with (whole / "scores.csv").open(encoding="utf-8") as stream:
        scores = list(csv.DictReader(stream))
    assert list(scores[0]) == ["role", "modalities", "fold", "seed", "case", "region", "dice", "hd95", "empty"]
    assert [float(row["dice"]) for row in scores if row["role"] == "baseline"] == STUDY[BASELINE]
    with (whole / "summary.csv").open(encoding="utf-8") as stream:
        rows = {(row["role"], row["region"]): row for row in csv.DictReader(stream)}
    assert float(rows["student", "WT"]["student_minus_baseline"]) == pytest.approx(4 / 30)
    assert float(rows["student", "WT"]["gap_recovery"]) == pytest.approx(0.4)
    assert rows["teacher", "WT"]["p"] == ""


def test_markdown_has_tables_of_even_rows(whole: Path) -> None:
    text = (whole / "results.md").read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1
    assert "| baseline | T1ce | 6 | 0.500 ± 0.089 | 0.500 ± 0.089 |" in text
    assert description().command in text


def write(folder: Path, told: StudyDescription, scores: list[Score]) -> Page:
    write_report(folder, told, scores, [], [], brats_labels())
    return page_of(folder)


def test_a_study_that_has_only_started_has_a_report(tmp_path: Path) -> None:
    page = write(tmp_path, description(), [])
    assert "No student has been compared with its baseline yet." in page.text
    assert "3 of 3 networks have no scores yet" in page.text
    assert (tmp_path / "scores.csv").read_text(encoding="utf-8").startswith("role,modalities,fold")


@pytest.mark.parametrize("lacking", [TEACHER, BASELINE, STUDENT])
def test_a_study_without_one_of_its_networks_has_a_report(tmp_path: Path, lacking: tuple[Role, str]) -> None:
    page = write(tmp_path, description(), scores_of({key: value for key, value in STUDY.items() if key != lacking}))
    assert f"{lacking[0]} {lacking[1]}" in page.text


def test_several_students_folds_and_seeds_have_one_report(tmp_path: Path) -> None:
    values = {**STUDY, (Role.BASELINE, "t1+t2"): [0.2] * 6, (Role.STUDENT, "t1+t2"): [0.1] * 6}
    scores = [
        score
        for region in ("ET", "TC", "WT")
        for fold in (0, 1)
        for seed in (0, 1)
        for score in scores_of(values, region=region, fold=fold, seed=seed)
    ]
    told = description(
        student_modalities=("t1ce", "t1+t2"), regions=("ET", "TC", "WT"), folds=(0, 1), seeds=(0, 1), splits={}
    )
    page = write(tmp_path, told, scores)
    assert len(set(page.ids)) == len(page.ids)
    assert "The T1 + T2 student is worse than its baseline" in page.text
    assert "on T1ce or on T1 + T2 alone" in page.text
    assert "KD-Net, T1ce student" in page.text


def test_a_region_may_have_any_name(tmp_path: Path) -> None:
    name = 'white & "grey" <matter>'
    scores = scores_of({**STUDY}, region=name)
    labels = exclusive_labels({1: name})
    write_report(tmp_path, description(regions=(name,)), scores, [], [], labels)
    page = page_of(tmp_path)
    assert name in page.text
    assert "KD-Net, T1ce student" not in page.text  # published figures are of the regions of BraTS


def test_scores_that_do_not_pair_leave_no_report(tmp_path: Path) -> None:
    with pytest.raises(KDNetError, match="case05"):
        write(tmp_path / "report", description(), scores_of({**STUDY, BASELINE: STUDY[BASELINE][:5]}))
    assert not (tmp_path / "report").exists()


def test_a_large_study_keeps_its_page_small(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    page = write(tmp_path, description(), scores_of({key: list(random.random(300)) for key in STUDY}))
    assert "300 test cases" in page.text
    assert (tmp_path / "report.html").stat().st_size < 1_500_000


def test_every_difference_is_drawn_even_without_an_interval(tmp_path: Path) -> None:
    """A student that is off by the same amount everywhere has an interval of no width."""
    values = {**STUDY, BASELINE: [0.2] * 6, STUDENT: [0.1] * 6}
    write(tmp_path, description(), scores_of(values))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    drawing = text[text.index('id="differences-') : text.index('id="recovery-')]
    assert len(re.findall(r"<use [^>]*style=\"fill: var\(--student\)", drawing)) == 2


ODD_REGIONS = (
    "a$_{$b",
    "$",
    "a<b&c",
    "x" * 300,
    'id="a" url(#b)',
    "line\nbreak\x1b[2J",
    "\udc80",
    "=1+1",
    "a|b",
    "Ödem \u202e",
)


def test_no_name_of_a_region_breaks_a_report(tmp_path: Path) -> None:
    scores = [score for name in ODD_REGIONS for score in scores_of(STUDY, region=name)]
    told = description(regions=ODD_REGIONS, data="".join(ODD_REGIONS), command=" ".join(ODD_REGIONS))
    path = write_report(
        tmp_path, told, scores, events_of(NetworkId(Role.STUDENT, ("t1ce",), 0, 0)), [], exclusive_labels({1: "lesion"})
    )
    text = path.read_text(encoding="utf-8")
    pictures = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(pictures) >= 4 + len(ODD_REGIONS)
    for picture in pictures:
        fromstring(picture.replace("xlink:href", "href"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)
    markdown = (tmp_path / "results.md").read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", markdown, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_no_cell_of_a_table_is_a_formula(tmp_path: Path) -> None:
    names = ("=HYPERLINK(1)", "+1", "-1", "@x", "\tx")
    scores = [replace(score, case=name + score.case) for name in names for score in scores_of(STUDY, region=name)]
    write_report(tmp_path, description(regions=names), scores, [], [], brats_labels())
    for table in ("scores.csv", "summary.csv"):
        with (tmp_path / table).open(newline="", encoding="utf-8") as stream:
            for cell in (cell for row in csv.reader(stream) for cell in row):
                assert not cell.startswith(("=", "+", "@", "\t")), cell
                assert not cell.startswith("-") or float(cell) < 0


def test_hd95_is_defined_and_its_penalties_are_counted(tmp_path: Path) -> None:
    scores = scores_of(STUDY)
    scores[6] = replace(scores[6], dice=0.0, hd95=HD95_ONE_EMPTY, empty=Empty.PREDICTION)
    scores = [score if score.empty else replace(score, empty=Empty.NEITHER) for score in scores]
    page = write_report(tmp_path, description(), scores, [], [], brats_labels()).read_text(encoding="utf-8")
    markdown = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert HD95_DEFINITION in markdown
    assert HD95_DEFINITION in page
    assert "| baseline | T1ce | 6 | 1 of 6 (1 empty prediction) | 1 of 6 (1 empty prediction) |" in markdown
    assert "| student | T1ce | 6 | 0 of 6 | 0 of 6 |" in markdown
    with (tmp_path / "summary.csv").open(encoding="utf-8") as stream:
        rows = {(row["role"], row["region"]): row for row in csv.DictReader(stream)}
    assert (rows["baseline", "WT"]["penalties"], rows["baseline", "WT"]["empty_predictions"]) == ("1", "1")


def test_patients_with_several_visits_are_counted_beside_the_cases(tmp_path: Path) -> None:
    patients = {f"case0{index}": f"p{index // 2}" for index in range(6)}
    write_report(tmp_path, description(patients=patients), scores_of(STUDY), [], [], brats_labels())
    markdown = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "6 test cases of 3 patients" in markdown
    assert "| T1ce | WT | 6 (3 patients) |" in markdown
    assert "3 of 3" in markdown


def test_groups_and_absent_regions_are_shown_where_there_are_any(whole: Path, tmp_path: Path) -> None:
    scores = scores_of(STUDY)
    scores[0] = replace(scores[0], empty=Empty.BOTH)
    groups = {score.case: "Site B" if score.case == "case00" else "Site <A>" for score in scores}
    folder = write_report(tmp_path, description(groups=groups), scores, [], [], brats_labels()).parent
    text = (folder / "results.md").read_text(encoding="utf-8")
    assert "## By group of cases" in text
    assert "| Site &lt;A> | T1ce | 5 |" in text
    assert "| Site B | T1ce | 1 |" in text
    assert "1 of 1" in text.partition("## Cases without a region")[2]
    assert "Site <A>" in page_of(folder).text
    assert set(json.loads((folder / "results.json").read_text(encoding="utf-8"))["groups"]) == {"Site B", "Site <A>"}
    without = (whole / "results.md").read_text(encoding="utf-8")
    assert "## By group" not in without
    assert "without a region" not in without


def test_each_command_of_a_merged_report_has_a_line_of_its_own(tmp_path: Path) -> None:
    made = description(command="kdnet study data --folds 0\nkdnet study data --folds 1\nkdnet report a b -o c")
    folder = write_report(tmp_path, made, scores_of(STUDY), [], [], brats_labels()).parent
    assert f"```\n{made.command}\n```" in (folder / "results.md").read_text(encoding="utf-8")
