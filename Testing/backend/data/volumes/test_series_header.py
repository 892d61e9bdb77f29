"""What DICOM headers say about the contrast of their images."""

from __future__ import annotations

import pytest
from kdnet.data.volumes.series_header import SeriesHeader, guess_series, is_other_kind


@pytest.mark.parametrize("agent", ["NONE", "None", "NO", "N/A", "no contrast", "", "0"])
def test_words_for_no_agent_name_none(agent: str) -> None:
    assert guess_series(SeriesHeader(description="AX T1", agent=agent)) == "t1"


def test_an_agent_makes_t1_contrast_enhanced_and_nothing_else() -> None:
    assert guess_series(SeriesHeader(description="AX T1", agent="Gadavist 7 mL")) == "t1ce"
    assert guess_series(SeriesHeader(description="AX T2", agent="Gadavist 7 mL")) == "t2"
    assert guess_series(SeriesHeader(description="AX T1 PRE", agent="Gadavist 7 mL")) == ""


def test_times_decide_where_words_say_nothing() -> None:
    spin_echo = {"description": "AX", "scanning_sequence": "SE"}
    assert guess_series(SeriesHeader(**spin_echo, repetition_ms=500, echo_ms=10)) == "t1"
    assert guess_series(SeriesHeader(**spin_echo, repetition_ms=4000, echo_ms=100)) == "t2"
    assert guess_series(SeriesHeader(**spin_echo, repetition_ms=9000, echo_ms=120, inversion_ms=2500)) == "flair"
    assert guess_series(SeriesHeader(description="AX", scanning_sequence="GR", repetition_ms=30, echo_ms=20)) == ""


def test_times_refute_words() -> None:
    short_inversion = SeriesHeader(description="t2_tirm", repetition_ms=4000, echo_ms=60, inversion_ms=160)
    assert guess_series(short_inversion) == ""  # fat is nulled, not fluid
    assert guess_series(SeriesHeader(description="SAG FLAIR", repetition_ms=2000, echo_ms=10, inversion_ms=800)) == "t1"
    assert guess_series(SeriesHeader(description="t2 space", repetition_ms=5000, echo_ms=380, inversion_ms=1800)) == "flair"
    assert guess_series(SeriesHeader(description="FLAIR", repetition_ms=9000, echo_ms=120)) == "flair"
    assert guess_series(SeriesHeader(description="T1", repetition_ms=5000, echo_ms=100)) == ""


def test_derived_images_and_other_scanners_are_no_structural_images() -> None:
    assert guess_series(SeriesHeader(description="T2", image_type="DERIVED\\SECONDARY\\ADC")) == ""
    assert guess_series(SeriesHeader(description="T2", scanning_sequence="EP")) == ""
    assert guess_series(SeriesHeader(modality="CT", description="T1")) == ""


def test_the_name_of_a_volume_counts_after_description_and_protocol() -> None:
    assert guess_series(SeriesHeader(description="AX", protocol="t2_tse"), "t1") == "t2"
    assert guess_series(SeriesHeader(), "P1_flair") == "flair"


def test_numbers_that_are_none_are_missing() -> None:
    tags = {"0008,103e": "T2", "0018,0080": "nan", "0018,0081": "", "0018,0082": "x\\y"}
    header = SeriesHeader.read(lambda tag: tags.get(tag, ""))
    assert (header.repetition_ms, header.echo_ms, header.inversion_ms) == (None, None, None)
    assert guess_series(header) == "t2"


@pytest.mark.parametrize(
    ("header", "other"),
    [
        (SeriesHeader(description="SWI"), True),
        (SeriesHeader(description="ADC (10^-6 mm²/s)"), True),
        (SeriesHeader(protocol="ep2d_diff"), True),
        (SeriesHeader(description="AX", image_type="DERIVED\\SECONDARY\\ADC"), True),
        (SeriesHeader(description="AX T1"), False),
        (SeriesHeader(description="series 5"), False),
    ],
)
def test_maps_and_diffusion_are_distinguished_from_structural_images(header: SeriesHeader, other: bool) -> None:
    assert is_other_kind(header) == other
