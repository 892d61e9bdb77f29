"""What a report says of patient and scan is what the header says, in its character set, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kdnet.data.volumes.dicom_facts import series_facts
from kdnet.data.volumes.grid import Grid, Volume
from made_images import series
from made_series import dicom_series

VOLUME = Volume(np.ones((12, 10, 3)), Grid((12, 10, 3), np.diag([-1.0, -1.0, 5.0, 1.0])))


def test_a_clinical_header_is_shown_as_people_write_it(tmp_path: Path) -> None:
    patient, scan = series_facts(dicom_series(tmp_path / "series", VOLUME))
    assert patient == {
        "Patient": "Größer, Änne",
        "Patient ID": "KD-0042",
        "Date of birth": "1961-02-03",
        "Sex": "F",
        "Age": "65 years",
    }
    assert scan["Study date"] == "2026-09-11"
    assert scan["Series"] == "AX T1 POST GD"
    assert scan["Scanner"] == "SIEMENS, Skyra, 3 T"
    assert scan["Contrast agent"] == "Gadobutrol"


@pytest.mark.parametrize(
    ("charset", "codec", "name", "shown"),
    [
        ("ISO_IR 100", "latin-1", "Müller^Jörg", "Müller, Jörg"),
        ("ISO_IR 144", "iso8859-5", "Жуков^Юлия", "Жуков, Юлия"),
        ("GB18030", "gb18030", "王^小东", "王, 小东"),
        ("ISO_IR 192", "utf-8", "Yamada^Tarou=山田^太郎", "Yamada, Tarou"),
        ("ISO_IR 127", "iso8859-6", "قباني^لنزار", "قباني, لنزار"),
        ("\\ISO 2022 IR 87", "iso2022_jp", "山田^太郎=やまだ^たろう", "山田, 太郎"),
        ("", "ascii", "Doe^Jane^Q^Dr", "Doe, Jane Q Dr"),
    ],
)
def test_names_are_read_in_the_character_set_of_the_header(
    charset: str, codec: str, name: str, shown: str, tmp_path: Path
) -> None:
    folder = dicom_series(
        tmp_path / "series", VOLUME, SpecificCharacterSet=charset or None, PatientName="@" * len(name.encode(codec))
    )
    for path in folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(content.replace(b"@" * len(name.encode(codec)), name.encode(codec)))
    assert series_facts(folder)[0]["Patient"] == shown


def test_nothing_is_invented_for_a_header_that_says_nothing(tmp_path: Path) -> None:
    patient, scan = series_facts(series(tmp_path / "series"))
    assert patient == {"Patient ID": "1"}
    assert scan == {"Modality": "MR"}


def test_odd_values_are_shown_as_they_are(tmp_path: Path) -> None:
    folder = dicom_series(
        tmp_path / "series", VOLUME, PatientBirthDate="1961", PatientAge="65", MagneticFieldStrength=15000
    )
    patient, scan = series_facts(folder)
    assert (patient["Date of birth"], patient["Age"]) == ("1961", "65")
    assert scan["Scanner"] == "SIEMENS, Skyra"
