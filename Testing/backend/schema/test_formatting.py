"""Numbers as people read them."""

from __future__ import annotations

import pytest
from kdnet.schema.formatting import plural


@pytest.mark.parametrize(("count", "text"), [(0, "0 cases"), (1, "1 case"), (2, "2 cases")])
def test_one_is_singular(count: int, text: str) -> None:
    assert plural(count, "{count} case", "{count} cases") == text
