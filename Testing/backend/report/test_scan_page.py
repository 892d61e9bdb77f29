"""The report on one scan as HTML and PDF: valid, complete, offline, and safe with any text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.measurement.lesions import find_lesions
from kdnet.report.scan_content import RESEARCH_ONLY, Model, ScanReport, build_report, lesion_rows, position
from kdnet.report.scan_page import scan_page
from kdnet.report.scan_pdf import write_scan_pdf
from kdnet.schema.labels import brats_labels, exclusive_labels
from made_series import dicom_series

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Checks that elements are closed in order, and collects what is needed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)


@pytest.fixture
def report(tmp_path: Path) -> ScanReport:
    shape = (48, 50, 12)
    affine = np.diag([-2.0, -2.0, 5.5, 1.0])
    affine[:3, 3] = (48, 50, -30)
    rng = np.random.default_rng(0)
    image, labels = np.zeros(shape), np.zeros(shape, np.uint8)
    image[4:-4, 4:-4, 1:-1] = rng.integers(200, 700, (40, 42, 10))
    labels[30:42, 10:24, 4:8], labels[33:39, 13:20, 5:7], labels[35:37, 15:17, 5] = 2, 3, 1
    labels[10:13, 30:33, 9] = 2
    grid = Grid(shape, affine)
    folder = dicom_series(tmp_path / "T1 post", Volume(image, grid))
    labelmap, probable = Volume(labels, grid), {"WT": Volume(np.full(shape, 83, np.uint8), grid)}
    return build_report(
        "case 7",
        folder,
        Volume(image, grid),
        labelmap,
        brats_labels(),
        find_lesions(labelmap, brats_labels(), probable).table,
        model=Model("T1ce student", {"Version": "kdnet 0.2.0"}),
        preparation=["The brain (1432 mL) was extracted before."],
        warnings=["case 7 has slices of 5.5 mm."],
        created="2026-11-27 09:00",
    )


def texts(page: Page) -> str:
    return re.sub(r"\s+", " ", " ".join(page.words))


def test_the_page_parses_and_refers_to_nothing_outside(report: ScanReport) -> None:
    text = scan_page(report)
    page = Page(text)
    for tag, name, value in page.attributes:
        if name in ("href", "src", "xlink:href", "data", "action", "srcset"):
            assert value.startswith("data:image/png;base64,"), (tag, name, value[:60])
    assert not re.search(r"https?://|@import|<script|<link|url\(", text)
    assert sum(tag == "image" for tag, name, _ in page.attributes if name == "href") == 3


def test_the_page_holds_everything_that_was_measured(report: ScanReport) -> None:
    words = texts(Page(scan_page(report)))
    for fact in (
        *("Größer, Änne", "KD-0042", "1961-02-03", "2026-09-11", "AX T1 POST GD", "SIEMENS, Skyra, 3 T", "T1 post"),
        *("T1ce student", "kdnet 0.2.0", "48 x 50 x 12 voxels of 2 x 2 x 5.5 mm", "axial, slices 5.5 mm apart"),
        *("The brain (1432 mL) was extracted before.", "case 7 has slices of 5.5 mm.", "2026-11-27 09:00"),
        *("Radiological convention", RESEARCH_ONLY, "Lesions (2)", "83 %"),
    ):
        assert fact in words
    for volume in report.volumes:
        assert f"{volume.milliliters:.2f} mL" in words
    for row in lesion_rows(report.lesions):
        for cell in row:
            assert cell in words


def test_figures_agree_with_the_voxels(report: ScanReport) -> None:
    first = report.lesions.lesions[0]
    assert first.whole.milliliters == pytest.approx(12 * 14 * 4 * 22 / 1000)
    assert [volume.milliliters for volume in report.volumes if volume.name == "WT"] == pytest.approx(
        [first.whole.milliliters + 9 * 22 / 1000]
    )
    assert lesion_rows(report.lesions)[0][:2] == ("1", "WT")


def test_any_text_is_shown_as_text(report: ScanReport, tmp_path: Path) -> None:
    evil = '<script>alert(1)</script>"&$_{$\u202e'
    facts = {"Patient": evil}
    odd = replace(report, case=evil, patient=facts, warnings=(evil,), model=Model(evil, {evil: evil}))
    page = Page(scan_page(odd))
    assert not any(tag == "script" for tag, _, _ in page.attributes)
    assert "<script>" in texts(page)
    write_scan_pdf(odd, tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_without_patient_model_lesions_and_warnings_nothing_is_made_up() -> None:
    shape = (20, 20, 20)
    grid = Grid(shape, np.eye(4))
    image = np.random.default_rng(1).integers(0, 100, shape).astype(float)
    labels, labelmap = exclusive_labels({1: "Lesion"}), Volume(np.zeros(shape, np.uint8), grid)
    lesions = find_lesions(labelmap, labels).table
    bare = build_report("scan", Path("scan.nii.gz"), Volume(image, grid), labelmap, labels, lesions, model=Model())
    words = texts(Page(scan_page(bare)))
    assert "The file carries no patient data." in words
    assert "no lesion was segmented" in words
    for absent in ("Model", "Warnings", "Preparation", "Größer"):
        assert absent not in words


def test_only_the_largest_lesions_are_listed(report: ScanReport) -> None:
    many = replace(report.lesions, lesions=report.lesions.lesions * 4)
    words = texts(Page(scan_page(replace(report, lesions=many))))
    assert "Lesions (8)" in words
    assert "3 smaller lesions" in words


def test_positions_name_their_sides() -> None:
    assert position((-23.4, 12.0, -0.2)) == "L 23, A 12, I 0"


def test_the_pdf_is_one_page_with_all_text(report: ScanReport, tmp_path: Path) -> None:
    write_scan_pdf(report, tmp_path / "report.pdf")
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", content)) == 1
    assert re.search(rb"/MediaBox \[ 0 0 595\.2\d* 841\.8\d* \]", content)
    write_scan_pdf(report, tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == content


def test_the_pdf_keeps_within_the_page_when_there_is_much_to_say(report: ScanReport, tmp_path: Path) -> None:
    full = replace(
        report,
        lesions=replace(report.lesions, lesions=report.lesions.lesions[:1] * 9),
        warnings=("The scan has something odd that takes a long sentence to explain to everyone who reads it here. " * 2,)
        * 9,
    )
    write_scan_pdf(full, tmp_path / "full.pdf")
    assert len(re.findall(rb"/Type /Page\b", (tmp_path / "full.pdf").read_bytes())) == 1
