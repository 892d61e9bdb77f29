"""What is noticed about a volume before it is segmented."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume
from kdnet.segmentation.grouping import Input
from kdnet.segmentation.input_care import Needs, Scan, warnings_for
from kdnet.segmentation.scan_facts import scan_of

NEEDS = Needs("t1ce", (1.0, 1.0, 1.0), skull_removed=True)


def ellipsoid(sides_mm: tuple[float, float, float], spacing: tuple[float, float, float]) -> np.ndarray:
    """A masked head of these sides."""
    shape = [int(side / step) + 8 for side, step in zip(sides_mm, spacing, strict=True)]
    at = np.indices(shape).T - (np.array(shape) - 1) / 2
    inside = ((at * np.array(spacing) / (np.array(sides_mm) / 2)) ** 2).sum(-1).T < 1
    noise = np.random.default_rng(0).integers(200, 900, shape)
    return (inside * noise).astype(np.int16)


def said(stored: tuple[float, float, float], sides_mm: tuple[float, float, float] = (140, 170, 130), **facts: Any) -> str:
    """Warnings about a head of these sides that was scanned with 2 mm, or ``true``, and is stored with another spacing."""
    true = facts.pop("true", (2.0, 2.0, 2.0))
    return " ".join(warnings_for(Scan("P1", ellipsoid(sides_mm, true), stored, **facts), facts.pop("needs", NEEDS)))


def test_a_brain_that_fits_is_not_remarked_upon() -> None:
    for modality in ("", "t1ce"):
        assert said((2, 2, 2), modality=modality, scanner="MR") == ""


@pytest.mark.parametrize(
    ("stored", "true", "words"),
    [
        ((1, 1, 1), (2, 2, 2), "too small for a head"),
        ((1, 1, 1), (1.5, 1.5, 1.5), "too small for a head"),
        ((5, 5, 5), (2, 2, 2), "too large for a head"),
        ((1, 1, 1), (0.6, 0.6, 6), "a head only"),
    ],
)
def test_a_spacing_that_was_lost_is_noticed(stored: tuple[float, ...], true: tuple[float, ...], words: str) -> None:
    text = said(stored, true=true)  # type: ignore[arg-type]
    assert words in text
    assert "spacing" in text
    assert text.startswith("P1 ")


def test_the_axes_may_be_stored_in_any_order() -> None:
    voxels = ellipsoid((140, 170, 130), (1.5, 1.0, 3.0))
    assert warnings_for(Scan("P1", voxels.T, (3.0, 1.0, 1.5)), Needs("t1ce", (2.0, 2.0, 2.0), skull_removed=True)) == ()


def test_a_whole_head_is_noticed_where_the_model_knows_brains_only() -> None:
    head = {"sides_mm": (170, 220, 220)}
    assert "remove the skull first" in said((2, 2, 2), **head)
    voxels = ellipsoid((170, 220, 220), (2, 2, 2))
    needs = Needs.of("t1ce", (1, 1, 1), {"format": "another hospital"})
    assert warnings_for(Scan("P1", voxels, (2, 2, 2)), needs) == ()


def test_thick_slices_are_noticed() -> None:
    assert "slices 6.0 mm apart" in said((1, 1, 6), true=(1, 1, 6))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"modality": "flair"}, "looks like FLAIR, but the model needs T1ce"),
        ({"scanner": "CT"}, "is a CT image, but the model was trained on MR"),
        ({"other": True}, "appears to be a map"),
        ({"numbered": True}, "make sure that it is T1ce"),
        ({"numbered": True, "modality": "t1"}, "looks like T1,"),
    ],
)
def test_another_modality_is_noticed(facts: dict[str, Any], words: str) -> None:
    assert words in said((2, 2, 2), **facts)


def test_a_labelmap_is_noticed_by_its_values() -> None:
    labels = (ellipsoid((140, 170, 130), (2, 2, 2)) > 0).astype(np.uint8) * 3
    assert "like a labelmap" in " ".join(warnings_for(Scan("P1", labels, (2, 2, 2)), NEEDS))


@pytest.mark.parametrize(
    ("name", "modality", "other", "numbered"),
    [
        ("x_flair", "flair", False, False),
        ("AX T1 WITHOUT CONTRAST", "t1", False, False),
        ("P1_ADC", "", True, False),
        ("case_0000", "", False, True),
        ("scan", "", False, False),
    ],
)
def test_names_of_files_say_the_modality(tmp_path: Path, name: str, modality: str, other: bool, numbered: bool) -> None:
    file = tmp_path / "data" / f"{name}.nii.gz"
    volume = Volume(np.zeros((3, 3, 3)), Grid((3, 3, 3), np.eye(4)))
    scan = scan_of(Input(name, (file,), ".nii.gz"), 0, volume, "t1ce", single=True)
    assert (scan.name, scan.modality, scan.other, scan.numbered) == (name, modality, other, numbered)


def test_nnunets_description_says_what_a_channel_is(tmp_path: Path) -> None:
    (tmp_path / "imagesTs").mkdir()
    (tmp_path / "dataset.json").write_text('{"channel_names": {"0": "FLAIR"}}')
    volume = Volume(np.zeros((3, 3, 3)), Grid((3, 3, 3), np.eye(4)))
    item = Input("case", (tmp_path / "imagesTs" / "case_0000.nii.gz",), ".nii.gz")
    assert scan_of(item, 0, volume, "t1ce", single=True).modality == "flair"


def test_the_folder_says_the_modality_where_the_file_does_not(tmp_path: Path) -> None:
    volume = Volume(np.zeros((3, 3, 3)), Grid((3, 3, 3), np.eye(4)))
    item = Input("scan", (tmp_path / "T2" / "scan.nii.gz",), ".nii.gz")
    assert scan_of(item, 0, volume, "t1ce", single=True).modality == "t2"


@pytest.mark.real
def test_real_brains_are_not_remarked_upon(real_cases: Path) -> None:
    files = sorted(real_cases.rglob("*t1c*.nii.gz"))[:4]
    assert files
    for file in files:
        volume = read_volume(file)
        needs = Needs("t1ce", volume.grid.spacing, skull_removed=True)
        assert warnings_for(Scan(file.name, volume.voxels, volume.grid.spacing), needs) == ()


def test_the_panel_can_ask_without_torch() -> None:
    script = "import sys, kdnet.segmentation.input_care; sys.exit(any(n in sys.modules for n in ('torch', 'nibabel', 'SimpleITK')))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_model_of_any_sequence_takes_any_name() -> None:
    needs = Needs("mr", (2.0, 2.0, 2.0), skull_removed=False)
    voxels = ellipsoid((140, 170, 130), (2, 2, 2))
    assert warnings_for(Scan("P1", voxels, (2, 2, 2), modality="flair"), needs) == ()
    assert "CT image" in warnings_for(Scan("P1", voxels, (2, 2, 2), scanner="CT"), needs)[0]


def test_a_whole_head_whose_brain_will_be_extracted_is_only_announced() -> None:
    needs = Needs("t1ce", (2.0, 2.0, 2.0), skull_removed=True, extracts=True)
    scan = Scan("P1", ellipsoid((170, 220, 220), (2, 2, 2)), (2, 2, 2))
    assert warnings_for(scan, needs) == (
        "P1 shows 4.3 L of tissue, probably the whole head: its brain will be extracted first.",
    )
