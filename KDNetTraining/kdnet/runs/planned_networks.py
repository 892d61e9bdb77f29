"""The networks that a run has planned, by the names that its events use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kdnet.runs.legacy import network_of_path
from kdnet.schema.network_id import NetworkId

Networks = dict[str, NetworkId]
"""Name of a network in events to its identity, in the order of the study."""


def parse_networks(value: Any) -> Networks:
    """Read the ``networks`` of a ``study_started`` event.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: on invalid content.
    """
    if not isinstance(value, list):
        raise TypeError("the networks are not a list")
    return dict(_network(item) for item in value)


def are_networks(value: Any) -> bool:
    """Check whether :func:`parse_networks` can read ``value``."""
    try:
        parse_networks(value)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return False
    return True


def network_records(networks: Iterable[NetworkId]) -> list[dict[str, Any]]:
    """Return the ``networks`` of a ``study_started`` event; the inverse of :func:`parse_networks`."""
    return [network.to_json() for network in networks]


def _network(item: Any) -> tuple[str, NetworkId]:
    if isinstance(item, str):
        return item, network_of_path(item)
    return str(item["id"]), NetworkId.from_json(item)
