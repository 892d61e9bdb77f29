"""Every architecture gives logits and bottleneck through one interface."""

from __future__ import annotations

import pytest
import torch
from kdnet.errors import SettingsError
from kdnet.networks.factory import build_network
from kdnet.schema.networks import PRESETS, NetworkSpec, preset
from torch import nn

CPU_PRESETS = [name for name in PRESETS if not name.endswith(("-16", "-32"))]


@pytest.mark.parametrize("name", CPU_PRESETS)
def test_a_preset_gives_logits_on_the_grid_of_the_input_and_its_bottleneck(name: str) -> None:
    network = build_network(preset(name).spec(2, 3)).eval()
    size = 2 * network.stride
    with torch.inference_mode():
        output = network(torch.randn(1, 2, size, size, size))
    assert output.logits.shape == (1, 3, size, size, size)
    assert output.bottleneck.shape == (1, network.bottleneck_features, 2, 2, 2)
    assert output.auxiliary == ()


@pytest.mark.parametrize("name", list(PRESETS))
def test_teacher_and_student_differ_only_in_their_input_layer(name: str) -> None:
    if name.endswith("-32"):
        pytest.skip("the same architecture in a size for GPUs")
    teacher, student = (build_network(preset(name).spec(channels, 3)) for channels in (4, 1))
    shapes = [{key: value.shape for key, value in network.state_dict().items()} for network in (teacher, student)]
    differing = {key for key in shapes[0] if shapes[0][key] != shapes[1][key]}
    input_shapes = {network.input_layer().weight.shape for network in (teacher, student)}
    assert {shapes[0][key][1] for key in differing} == {4}
    assert len(input_shapes) == 2


@pytest.mark.parametrize("name", ["segresnet-8", "dynunet-8"])
def test_deep_supervision_gives_coarser_logits_while_training_only(name: str) -> None:
    network = build_network(preset(name).spec(1, 3, deep_supervision=2))
    image = torch.randn(1, 1, 32, 32, 32)
    assert [level.shape[-1] for level in network.train()(image).auxiliary] == [16, 8]
    assert network.eval()(image).auxiliary == ()
    assert len(network.output_layers()) == 3


@pytest.mark.parametrize("name", ["segresnet-8", "dynunet-8", "attention-8"])
def test_every_weight_is_stored_once(name: str) -> None:
    state = build_network(preset(name).spec(1, 3)).state_dict()
    assert len({value.data_ptr() for value in state.values() if value.numel()}) == len(
        [value for value in state.values() if value.numel()]
    )


@pytest.mark.parametrize("name", ["segresnet-8", "dynunet-8", "attention-8"])
def test_the_output_layer_gives_the_logits(name: str) -> None:
    network = build_network(preset(name).spec(1, 3)).eval()
    layer = network.output_layers()[0]
    assert isinstance(layer, nn.Conv3d)
    size = 2 * network.stride
    image = torch.randn(1, 1, size, size, size)
    with torch.no_grad():
        before = network(image).logits
        assert layer.bias is not None
        layer.bias += 1
        after = network(image).logits
    if name == "attention-8":  # a normalization follows its last convolution only in other versions
        assert after.shape == before.shape
    assert torch.allclose(after, before + 1, atol=1e-5)


def test_an_unknown_architecture_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(SettingsError, match="dynunet"):
        build_network(NetworkSpec("vnet", 1, 3))


def test_arguments_that_an_architecture_does_not_take_are_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be built"):
        build_network(NetworkSpec("segresnet", 1, 3, {"width": 3}))


def test_an_unknown_preset_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(SettingsError, match="segresnet-8"):
        preset("huge")
