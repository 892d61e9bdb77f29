"""The network in training: narrow students, subsets of modalities, starting points."""

from __future__ import annotations

import pytest
import torch
from kdnet.errors import SettingsError
from kdnet.losses.distillation_loss import LossTerms
from kdnet.losses.latent_kl import LatentProjection
from kdnet.networks.base import NetworkOutput
from kdnet.networks.factory import build_network
from kdnet.schema.distillation_settings import DistillationSettings
from kdnet.schema.labels import brats_labels
from kdnet.schema.networks import NetworkSpec, preset
from kdnet.training.distillation_module import DistillationModule
from kdnet.training.initialization import start_from_prior, start_from_teacher
from kdnet.training.teacher import Teacher

LABELS = brats_labels()
SETTINGS = DistillationSettings(lambda_=0.5, gamma=1.0)


def teacher(filters: tuple[int, ...] = (8, 16, 32)) -> Teacher:
    return Teacher(build_network(NetworkSpec("dynunet", 4, 3, {"filters": filters})), range(4))


def student(filters: tuple[int, ...], channels: tuple[int, ...], teacher_name: Teacher) -> DistillationModule:
    spec = NetworkSpec("dynunet", len(channels), 3, {"filters": filters})
    return DistillationModule(spec, LABELS, channels, SETTINGS, teacher_name)


@pytest.mark.parametrize("channels", [(1,), (0, 2), (1, 2, 3)])
def test_a_narrow_student_of_any_modalities_learns_through_a_projection(channels: tuple[int, ...]) -> None:
    trainee = student((4, 8, 16), channels, teacher())
    assert isinstance(trainee.projection, LatentProjection)
    terms = trainee(torch.randn(1, 4, 16, 16, 16), torch.zeros(1, 3, 16, 16, 16))
    terms.total.backward()
    assert trainee.projection.weight.grad is not None
    assert terms.latent > 0
    assert not any("projection" in name for name in trainee.network.state_dict())


def test_the_teacher_is_neither_trained_nor_saved_with_its_student() -> None:
    teacher_name = teacher()
    trainee = student((8, 16, 32), (1,), teacher_name)
    assert trainee.projection is None
    assert len(list(trainee.parameters())) == len(list(trainee.network.parameters()))
    trainee.train()
    assert not teacher_name.network.training
    assert not any(weight.requires_grad for weight in teacher_name.network.parameters())


def test_networks_with_unequally_many_levels_need_gamma_zero() -> None:
    with pytest.raises(SettingsError, match="set gamma to 0"):
        student((4, 8, 16, 32), (1,), teacher())


def test_a_student_starts_with_its_teachers_weights_for_its_modality() -> None:
    teacher_name = teacher()
    trainee = student((8, 16, 32), (2,), teacher_name)
    start_from_teacher(trainee.network, teacher_name, (2,))
    own, theirs = trainee.network.input_layer().weight, teacher_name.network.input_layer().weight
    assert torch.equal(own[:, 0], theirs[:, 2])
    assert torch.equal(trainee.network.output_layers()[0].weight, teacher_name.network.output_layers()[0].weight)


def test_an_unlike_student_cannot_start_from_its_teacher() -> None:
    teacher_name = teacher()
    with pytest.raises(SettingsError, match="init_from_teacher"):
        start_from_teacher(student((4, 8, 16), (1,), teacher_name).network, teacher_name, (1,))


def test_an_untrained_network_predicts_the_frequency_of_each_label() -> None:
    network = build_network(NetworkSpec("segresnet", 1, 3, {"init_filters": 8, "blocks_down": (1, 1), "blocks_up": (1,)}))
    frequency = torch.tensor([0.01, 0.02, 0.05])
    start_from_prior(network, frequency, LABELS)
    assert torch.allclose(network.output_layers()[0].bias.sigmoid(), frequency, atol=1e-4)


def test_a_student_starts_with_the_channels_of_a_bundle_in_the_order_of_the_labels() -> None:
    spec = preset("segresnet-16").spec(1, 3)
    arguments = {name: value for name, value in spec.arguments.items() if name != "deep_supervision"}
    bundle = {"network": "SegResNet", "arguments": arguments, "output_order": [2, 0, 1]}  # it gives TC, WT, ET
    teacher_name = Teacher(build_network(NetworkSpec("monai", 4, 3, bundle)), range(4))
    network = build_network(spec).eval()
    start_from_teacher(network, teacher_name, (1,))
    image = torch.zeros(1, 4, 16, 16, 16)
    image[:, 1] = torch.randn(1, 16, 16, 16)
    with torch.no_grad():
        assert torch.allclose(network(image[:, 1:2]).logits, teacher_name.network(image).logits, atol=1e-5)


def test_losses_are_computed_in_float32_whatever_the_networks_compute_in(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    trainee = student((4, 8, 16), (1,), teacher())
    forward = trainee.loss.forward

    def look(output: NetworkOutput, *more: object) -> LossTerms:
        seen.append((output.logits.dtype, output.bottleneck.dtype, torch.is_autocast_enabled("cpu")))
        return forward(output, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(trainee.loss, "forward", look)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = trainee(torch.randn(1, 4, 16, 16, 16), torch.zeros(1, 3, 16, 16, 16, dtype=torch.uint8))
    assert seen == [(torch.float32, torch.float32, False)]
    assert {term.dtype for term in terms} == {torch.float32}
