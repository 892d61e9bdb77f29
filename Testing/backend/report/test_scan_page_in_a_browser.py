"""The report on one scan in headless Chromium, where one is installed: complete, without scripts and without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.measurement.lesions import find_lesions
from kdnet.report.scan_content import RESEARCH_ONLY, Model, build_report
from kdnet.report.scan_page import scan_page
from kdnet.schema.labels import brats_labels
from made_series import dicom_series
from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    return found


@pytest.fixture
def page(tmp_path: Path) -> Path:
    grid = Grid((48, 50, 12), np.diag([-2.0, -2.0, 5.5, 1.0]))
    image, labels = np.zeros(grid.shape), np.zeros(grid.shape, np.uint8)
    image[4:-4, 4:-4, 1:-1] = np.random.default_rng(0).integers(200, 700, (40, 42, 10))
    labels[30:42, 10:24, 4:8], labels[33:39, 13:20, 5:7], labels[35:37, 15:17, 5] = 2, 3, 1
    scan, labelmap = Volume(image, grid), Volume(labels, grid)
    folder = dicom_series(tmp_path / "T1 post", scan)
    lesions = find_lesions(labelmap, brats_labels()).table
    report = build_report("case <7>", folder, scan, labelmap, brats_labels(), lesions, model=Model("T1ce student", {}))
    path = tmp_path / "report.html"
    path.write_text(scan_page(report), encoding="utf-8")
    return path


def run(browser: str, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page with every name of a host unresolvable, so that what needs the network is missing."""
    profile = page.parent / "profile"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.slow
def test_the_report_opens_offline_in_a_browser(browser: str, page: Path, tmp_path: Path) -> None:
    shown = run(browser, page, "--dump-dom")
    assert "CONSOLE" not in shown.stderr  # an error of the page
    text = re.sub(r"<style.*?</style>|<[^>]+>", " ", shown.stdout, flags=re.DOTALL)
    for words in ("case &lt;7&gt;", "T1ce student", "Enhancing tumor", "Edema", RESEARCH_ONLY):
        assert words in text
    picture = tmp_path / "page.png"
    run(browser, page, f"--screenshot={picture}", "--window-size=900,1400")
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    assert pixels.shape == (1400, 900, 3)
    colorful = np.abs(pixels - pixels.mean(axis=2, keepdims=True)).max(axis=2) > 40
    assert colorful.sum() > 100  # overlays of the labels
    assert (pixels.max(axis=2) < 30).sum() > 2000  # slices on black
