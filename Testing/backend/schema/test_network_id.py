"""The identity of a network is a value; its key only ever leads from the value to a folder."""

from __future__ import annotations

from typing import Any

import pytest
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.network_id import NetworkId, Role, networks_by_key

NETWORKS = (
    NetworkId(Role.TEACHER, ("t1", "T2-FLAIR"), fold=0, seed=3),
    NetworkId(Role.BASELINE, ("T2-FLAIR",), fold=0, seed=3),
    NetworkId(Role.STUDENT, ("T2-FLAIR", "a+b"), fold=ALL_CASES, seed=0),
)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.role)
def test_an_identity_survives_json(network: NetworkId) -> None:
    assert NetworkId.from_json(network.to_json()) == network


def test_keys_are_the_folders_of_a_run() -> None:
    keys = ["fold0/seed3/teacher", "fold0/seed3/baseline-T2-FLAIR", "all/seed0/student-T2-FLAIR+a+b"]
    assert list(networks_by_key(NETWORKS)) == keys
    assert NetworkId(Role.STUDENT, ("T2/FLAIR",), 0, 0).key == "fold0/seed0/student-T2_FLAIR"


def test_networks_of_one_fold_and_seed_are_compared() -> None:
    assert NETWORKS[0].unit == NETWORKS[1].unit != NETWORKS[2].unit


@pytest.mark.parametrize(
    "change",
    [{"role": "mascot"}, {"modalities": "t1ce"}, {"modalities": [1]}, {"fold": "0"}, {"seed": 1.5}, {"seed": True}],
    ids=str,
)
def test_invalid_content_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        NetworkId.from_json({**NETWORKS[1].to_json(), **change})
