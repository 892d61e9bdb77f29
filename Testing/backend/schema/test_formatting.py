"""Numbers as people read them."""

from __future__ import annotations

import pytest
from kdnet.schema.formatting import duration, percent, plural, size


@pytest.mark.parametrize(("count", "text"), [(0, "0 cases"), (1, "1 case"), (2, "2 cases")])
def test_one_is_singular(count: int, text: str) -> None:
    assert plural(count, "{count} case", "{count} cases") == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (119, "119 s"), (600, "10 min"), (3570, "1 h 0 min"), (9000, "2 h 30 min")]
)
def test_durations_are_as_precise_as_a_waiting_user_needs(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_sizes_and_fractions() -> None:
    assert [size(1.25e9), size(35e6), size(2.64e6), size(12)] == ["1.2 GB", "35 MB", "2.6 MB", "0.1 MB"]
    assert [percent(0.0), percent(0.954), percent(-0.2)] == ["0%", "95%", "-20%"]
