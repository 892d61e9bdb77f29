"""Sentences for users, whatever names and values they quote."""

from __future__ import annotations

import pytest
from kdnet.errors import DataError


@pytest.mark.parametrize("value", ["\x1b[2J", "a\nb", "\x9b31m", "\u202eabc", "\udc80"])
def test_no_sentence_steers_a_terminal_or_breaks_its_line(value: str) -> None:
    told = str(DataError(f"scan.nrrd has an odd sizes ({value}): correct it."))
    assert told.isprintable()
    assert told.startswith("scan.nrrd has an odd sizes (")
    assert told.endswith("): correct it.")


def test_a_sentence_that_quotes_too_much_keeps_its_remedy() -> None:
    told = str(DataError(f"scan.nrrd has an odd sizes ({'9' * 100_000}): correct it."))
    assert len(told) < 1300
    assert told.startswith("scan.nrrd has an odd sizes (9999")
    assert told.endswith("999): correct it.")
