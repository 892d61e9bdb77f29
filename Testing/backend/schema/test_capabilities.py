"""Capabilities survive their JSON."""

from __future__ import annotations

import json

import pytest
from kdnet.schema.capabilities import Capabilities


def test_capabilities_survive_their_json() -> None:
    found = Capabilities({"fast": {"steps": 10}}, {"segresnet-8": "For CPUs."}, ("cuda:0", "cpu"))
    assert Capabilities.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize("content", [{}, {"recipes": {}, "networks": {}, "devices": []}, {"recipes": 3, "networks": {}}])
def test_damaged_capabilities_are_refused(content: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Capabilities.from_json(content)
