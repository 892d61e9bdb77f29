"""Several networks as one: who sees what, what comes from whom, and what a broken file says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from kdnet.errors import SettingsError
from kdnet.networks.combined import CombinedNetwork
from kdnet.networks.factory import build_network
from kdnet.schema.networks import NetworkSpec, preset

SMALL = preset("dynunet-8-shallow").spec(1, 3)


def spec(sources: Any = ((0,), (0,), (1,)), contained: Any = ((), (), (0, 1)), inputs: Any = ((0,), (1,))) -> NetworkSpec:
    part = {"architecture": SMALL.architecture, "arguments": SMALL.arguments}
    parts = [{**part, "inputs": list(channels)} for channels in inputs]
    arguments = {"parts": parts, "sources": [list(item) for item in sources], "contained": [list(i) for i in contained]}
    return NetworkSpec("combined", 2, 3, arguments)


def logits(network: Any, image: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return network.eval()(image).logits


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(1, 2, 16, 16, 16, generator=torch.Generator().manual_seed(0))


def test_each_part_sees_its_modality_and_gives_its_regions(image: torch.Tensor) -> None:
    network = build_network(spec(contained=((), (), ())))
    assert isinstance(network, CombinedNetwork)
    first, second = (logits(part, image[:, index : index + 1]) for index, part in enumerate(network.parts))
    expected = torch.stack([first[:, 0], first[:, 1], second[:, 2]], dim=1)
    assert torch.equal(logits(network, image), expected)


def test_several_sources_are_averaged(image: torch.Tensor) -> None:
    network = build_network(spec(sources=((0,), (0, 1), (1,)), contained=((), (), ())))
    first, second = (logits(part, image[:, index : index + 1]) for index, part in enumerate(network.parts))
    assert torch.allclose(logits(network, image)[:, 1], (first[:, 1] + second[:, 1]) / 2)


def test_a_region_is_at_least_as_probable_as_what_it_contains(image: torch.Tensor) -> None:
    separate, nested = build_network(spec(contained=((), (), ()))), build_network(spec())
    nested.load_state_dict(separate.state_dict())
    apart, together = logits(separate, image), logits(nested, image)
    assert (apart[:, 2] < apart[:, 1]).any()
    assert torch.equal(together[:, :2], apart[:, :2])
    assert torch.equal(together[:, 2], apart.amax(dim=1))


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({"inputs": ((0,), (2,))}, r"inputs \[2\].*positions from 0 to 1"),
        ({"inputs": ((0,), ())}, "inputs"),
        ({"sources": ((0,), (0,), (2,))}, "networks"),
        ({"sources": ((0,), (0,))}, "2 outputs are combined, but the labels need 3"),
        ({"contained": ((), (), (3,))}, "outputs"),
        ({"inputs": ((0,),) * 9}, "9 networks"),
        ({"inputs": ()}, "0 networks"),
    ],
)
def test_a_broken_description_is_refused_in_a_sentence(broken: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        build_network(spec(**broken))


@pytest.mark.parametrize("part", [{"inputs": [0]}, {"architecture": "dynunet", "inputs": [0]}, 3])
def test_parts_that_are_incomplete_are_refused_in_a_sentence(part: Any) -> None:
    arguments = {"parts": [part], "sources": [[0]] * 3, "contained": [[]] * 3}
    with pytest.raises(SettingsError, match="cannot be built"):
        build_network(NetworkSpec("combined", 1, 3, arguments))


def test_a_combination_of_combinations_is_refused() -> None:
    inner = spec()
    part = {"architecture": "combined", "arguments": inner.arguments, "inputs": [0, 1]}
    arguments = {"parts": [part], "sources": [[0]] * 3, "contained": [[]] * 3}
    with pytest.raises(SettingsError, match="combine its parts instead"):
        build_network(NetworkSpec("combined", 2, 3, arguments))
