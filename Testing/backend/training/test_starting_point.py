"""A training that starts from a trained network keeps what both have in common."""

from __future__ import annotations

import pytest
import torch
from kdnet.errors import SettingsError
from kdnet.losses import DistillationLoss, DistillationSettings
from kdnet.networks.base import NetworkOutput, SegmentationNetwork
from kdnet.networks.factory import build_network
from kdnet.schema.labels import IGNORED, LabelMode, brats_labels, exclusive_labels, post_treatment_labels
from kdnet.schema.networks import preset
from kdnet.schema.recipe import TrainedLayers
from kdnet.training.initialization import start_from_network
from kdnet.training.optimization import trained_parameters
from kdnet.training.starting_point import StartingPoint

NETWORKS = ("segresnet-4", "dynunet-8-shallow", "attention-8")


def network(name: str, channels: int = 1, outputs: int = 3, seed: int = 0) -> SegmentationNetwork:
    torch.manual_seed(seed)
    return build_network(preset(name).spec(channels, outputs)).eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_labels_give_the_same_network(name: str) -> None:
    first, second = network(name), network(name, seed=1)
    start_from_network(second, StartingPoint(first, (0,), brats_labels()), brats_labels(), (0,))
    image = torch.rand(1, 1, 32, 32, 32)
    torch.testing.assert_close(second(image).logits, first(image).logits)


@pytest.mark.parametrize("name", NETWORKS)
def test_labels_that_both_have_keep_their_outputs(name: str) -> None:
    first, second = network(name), network(name, outputs=4, seed=1)
    fresh = second.output_layers()[0].weight[3].clone()
    start_from_network(second, StartingPoint(first, (0,), brats_labels()), post_treatment_labels(), (0,))
    image = torch.rand(1, 1, 32, 32, 32)
    torch.testing.assert_close(second(image).logits[:, :3], first(image).logits)
    torch.testing.assert_close(second.output_layers()[0].weight[3], fresh)


def test_labels_of_another_kind_get_new_outputs() -> None:
    first, second = network("segresnet-4"), network("segresnet-4", outputs=2, seed=1)
    fresh = second.output_layers()[0].weight.clone()
    start_from_network(second, StartingPoint(first, (0,), brats_labels()), exclusive_labels({1: "Lesion"}), (0,))
    torch.testing.assert_close(second.output_layers()[0].weight, fresh)
    torch.testing.assert_close(second.input_layer().weight, first.input_layer().weight)


def test_inputs_are_taken_by_modality() -> None:
    first, second = network("segresnet-4", 2), network("segresnet-4", 2, seed=1)
    start_from_network(second, StartingPoint(first, (3, 1), brats_labels()), brats_labels(), (1, 3))
    torch.testing.assert_close(second.input_layer().weight, first.input_layer().weight[:, [1, 0]])


def test_another_architecture_is_refused() -> None:
    start = StartingPoint(network("segresnet-4"), (0,), brats_labels())
    with pytest.raises(SettingsError, match="differs from the one that it starts from"):
        start_from_network(network("dynunet-8-shallow"), start, brats_labels(), (0,))


@pytest.mark.parametrize("name", NETWORKS[:2])
def test_frozen_layers_are_not_trained(name: str) -> None:
    module = network(name)
    everything = len(list(module.parameters()))
    decoder = trained_parameters(module, module, TrainedLayers.DECODER)
    assert 0 < len(decoder) < everything
    assert id(module.input_layer().weight) not in {id(value) for value in decoder}
    other = network(name)
    output = trained_parameters(other, other, TrainedLayers.OUTPUT)
    assert {id(value) for value in output} == {id(value) for value in other.output_layers()[0].parameters()}
    assert len(trained_parameters(network(name), network(name), TrainedLayers.ALL)) == everything


def test_soft_targets_count_where_nothing_is_labeled_if_the_recipe_says_so() -> None:
    torch.manual_seed(0)
    student = NetworkOutput(torch.randn(1, 3, 8, 8, 8, requires_grad=True), torch.randn(1, 4, 2, 2, 2))
    teacher = NetworkOutput(torch.randn(1, 3, 8, 8, 8), torch.randn(1, 4, 2, 2, 2))
    target = torch.full((1, 3, 8, 8, 8), float(IGNORED))
    plain = DistillationLoss(LabelMode.REGIONS, DistillationSettings(0.25, gamma=0.0))(student, target, teacher)
    taught = DistillationLoss(LabelMode.REGIONS, DistillationSettings(0.25, gamma=0.0, unlabeled=True))(
        student, target, teacher
    )
    assert float(plain.total.detach()) == pytest.approx(0, abs=1e-4)
    assert float(taught.soft_target) > 0.1
    assert float(taught.segmentation) == pytest.approx(0, abs=1e-4)
