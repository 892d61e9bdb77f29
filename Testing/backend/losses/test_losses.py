"""The losses of docs/method.md section 2 against values computed by hand, and their limits."""

from __future__ import annotations

import math

import pytest
import torch
from kdnet.errors import SettingsError
from kdnet.losses.contrastive import ContrastiveLoss
from kdnet.losses.dice import SoftDiceLoss
from kdnet.losses.distillation_loss import DistillationLoss
from kdnet.losses.ground_truth import SegmentationLoss
from kdnet.losses.latent_kl import LatentLoss, LatentProjection
from kdnet.losses.prototypes import PrototypeLoss
from kdnet.losses.soft_targets import SoftTargetLoss
from kdnet.networks.base import NetworkOutput
from kdnet.schema.distillation_settings import DistillationSettings, LatentMethod, LatentReduction, LatentSoftmax
from kdnet.schema.labels import IGNORED, LabelMode

REGIONS, EXCLUSIVE = LabelMode.REGIONS, LabelMode.EXCLUSIVE


def logits_of(probabilities: list[float]) -> torch.Tensor:
    """One case, one channel, a row of voxels with these probabilities."""
    return torch.tensor(probabilities).logit().reshape(1, 1, -1, 1, 1)


def target_of(values: list[float]) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 1, -1, 1, 1)


def test_reference_loss_is_one_minus_dice_plus_binary_cross_entropy() -> None:
    # Dice = 2 (1*.8 + 0*.4) / (1 + .64 + .16) ; BCE = -(ln .8 + ln .6) / 2
    expected = 1 - 1.6 / 1.8 - (math.log(0.8) + math.log(0.6)) / 2
    loss = SegmentationLoss(REGIONS)(logits_of([0.8, 0.4]), target_of([1.0, 0.0]))
    assert loss.item() == pytest.approx(expected, abs=1e-4)


def test_exclusive_labels_use_cross_entropy_and_leave_background_out_of_dice() -> None:
    probabilities = torch.tensor([[0.3, 0.9], [0.7, 0.1]])  # background, label; two voxels
    logits = probabilities.log().reshape(1, 2, 2, 1, 1)
    target = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).reshape(1, 2, 2, 1, 1)
    dice = 2 * 0.7 / (1 + 0.49 + 0.01)
    entropy = -(math.log(0.7) + math.log(0.9)) / 2
    assert SoftDiceLoss(EXCLUSIVE)(logits, target).item() == pytest.approx(1 - dice + entropy, abs=1e-4)


def test_soft_targets_are_the_teachers_logits_divided_by_the_temperature() -> None:
    loss = SoftTargetLoss(REGIONS, temperature=5.0, student_temperature=False)
    soft = loss.soft_targets(torch.full((1, 1, 1, 1, 1), 10.0))
    assert soft.item() == pytest.approx(1 / (1 + math.exp(-2.0)))


def test_at_temperature_one_the_soft_targets_are_the_teachers_probabilities() -> None:
    logits = torch.randn(1, 3, 2, 2, 2)
    assert torch.equal(
        SoftTargetLoss(REGIONS, temperature=1.0, student_temperature=True).soft_targets(logits), logits.sigmoid()
    )


def test_soft_target_loss_leaves_the_student_untempered_unless_asked() -> None:
    student, teacher = torch.randn(1, 2, 3, 3, 3), torch.randn(1, 2, 3, 3, 3)
    plain = SoftTargetLoss(REGIONS, temperature=2.0, student_temperature=False)
    tempered = SoftTargetLoss(REGIONS, temperature=2.0, student_temperature=True)
    assert torch.allclose(tempered(student, teacher), plain(student / 2, teacher))
    assert not torch.allclose(tempered(student, teacher), plain(student, teacher))


def test_soft_target_loss_is_smallest_where_the_student_equals_the_teacher() -> None:
    teacher = torch.randn(1, 2, 3, 3, 3)
    loss = SoftTargetLoss(REGIONS, temperature=1.0, student_temperature=False)
    at_teacher = loss(teacher, teacher)
    for shift in (-0.5, -0.05, 0.05, 0.5):
        assert loss(teacher + shift, teacher) > at_teacher


def test_no_gradient_reaches_the_teacher() -> None:
    teacher = torch.randn(1, 2, 2, 2, 2, requires_grad=True)
    student = torch.randn(1, 2, 2, 2, 2, requires_grad=True)
    settings = DistillationSettings(lambda_=0.5, gamma=1.0)
    terms = DistillationLoss(REGIONS, settings)(
        NetworkOutput(student, student), torch.zeros(1, 2, 2, 2, 2), NetworkOutput(teacher, teacher)
    )
    terms.total.backward()
    assert teacher.grad is None
    assert student.grad is not None


def test_latent_loss_over_channels_matches_a_divergence_computed_by_hand() -> None:
    teacher = torch.tensor([0.75, 0.25]).log().reshape(1, 2, 1, 1, 1)
    student = torch.tensor([0.5, 0.5]).log().reshape(1, 2, 1, 1, 1)
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    by_distribution = LatentLoss(LatentSoftmax.CHANNELS, LatentReduction.DISTRIBUTION)(student, teacher)
    by_element = LatentLoss(LatentSoftmax.CHANNELS, LatentReduction.ELEMENT)(student, teacher)
    assert by_distribution.item() == pytest.approx(divergence, abs=1e-6)
    assert by_element.item() == pytest.approx(divergence / 2, abs=1e-6)


def test_latent_loss_over_the_flattened_latent_is_one_divergence_per_case() -> None:
    teacher, student = torch.randn(2, 3, 2, 2, 2), torch.randn(2, 3, 2, 2, 2)
    p, q = (latent.flatten(1).softmax(1) for latent in (teacher, student))
    expected = (p * (p / q).log()).sum(1).mean()
    loss = LatentLoss(LatentSoftmax.FLATTENED, LatentReduction.DISTRIBUTION)(student, teacher)
    assert torch.allclose(loss, expected, atol=1e-6)


@pytest.mark.parametrize("softmax", list(LatentSoftmax))
@pytest.mark.parametrize("reduction", list(LatentReduction))
def test_identical_latents_have_no_divergence(softmax: LatentSoftmax, reduction: LatentReduction) -> None:
    latent = torch.randn(1, 4, 2, 2, 2)
    assert LatentLoss(softmax, reduction)(latent, latent).item() == pytest.approx(0, abs=1e-7)


def test_latents_of_different_shapes_are_refused_with_the_remedy() -> None:
    loss = LatentLoss(LatentSoftmax.CHANNELS, LatentReduction.ELEMENT)
    with pytest.raises(SettingsError, match="set gamma to 0"):
        loss(torch.zeros(1, 4, 2, 2, 2), torch.zeros(1, 8, 2, 2, 2))


def test_a_narrow_student_is_projected_onto_its_teachers_features() -> None:
    assert LatentProjection(4, 16)(torch.zeros(1, 4, 2, 2, 2)).shape == (1, 16, 2, 2, 2)


def test_prototype_loss_matches_angles_computed_by_hand() -> None:
    # two voxels with features along the axes; the first is tumor, the second background, so prototypes are the voxels
    target = torch.tensor([1.0, 0.0]).reshape(1, 1, 2, 1, 1)
    teacher = torch.eye(2).reshape(1, 2, 2, 1, 1)
    blind = torch.ones(1, 2, 2, 1, 1)  # sees no difference: every cosine is 1 where the teacher's is 1, 0, 0, 1
    assert PrototypeLoss(REGIONS)(blind, teacher, target).item() == pytest.approx(0.5, abs=1e-6)
    wider = torch.cat([7 * teacher, torch.zeros_like(teacher)], dim=1)  # other features, the same angles
    assert PrototypeLoss(REGIONS)(wider, teacher, target).item() == pytest.approx(0, abs=1e-6)


def test_a_class_that_is_not_in_the_patch_has_no_prototype() -> None:
    student, teacher = torch.randn(1, 4, 2, 2, 2), torch.randn(1, 4, 2, 2, 2)
    one = (torch.rand(1, 1, 4, 4, 4) > 0.5).float()
    absent = torch.zeros_like(one)
    loss = PrototypeLoss(REGIONS)
    assert torch.allclose(loss(student, teacher, torch.cat([one, absent], dim=1)), loss(student, teacher, one))


def test_contrast_loss_matches_a_cross_entropy_computed_by_hand() -> None:
    teacher = torch.eye(2).reshape(1, 2, 2, 1, 1)
    blind = torch.ones(1, 2, 2, 1, 1)
    target = torch.zeros(1, 1, 2, 1, 1)
    assert ContrastiveLoss()(blind, teacher, target).item() == pytest.approx(math.log(2), abs=1e-6)
    assert ContrastiveLoss()(teacher, teacher, target).item() == pytest.approx(math.log(1 + math.exp(-10)), abs=1e-6)


def test_contrast_of_a_large_patch_is_taken_at_some_of_its_voxels() -> None:
    latent = torch.randn(1, 3, 16, 16, 16)
    assert math.isfinite(ContrastiveLoss()(latent, latent, torch.zeros(1, 1, 2, 2, 2)).item())


@pytest.mark.parametrize("method", list(LatentMethod))
def test_every_latent_method_draws_the_student_to_its_teacher(method: LatentMethod) -> None:
    torch.manual_seed(0)
    settings = DistillationSettings(lambda_=0.5, gamma=1.0, latent_method=method)
    target = (torch.rand(1, 2, 8, 8, 8) > 0.5).float()
    logits, teacher = torch.zeros(1, 2, 8, 8, 8), NetworkOutput(torch.zeros(1, 2, 8, 8, 8), torch.randn(1, 8, 2, 2, 2))
    latent = torch.randn(1, 8, 2, 2, 2, requires_grad=True)
    loss, optimizer = DistillationLoss(REGIONS, settings), torch.optim.Adam([latent], lr=0.1)
    first = loss(NetworkOutput(logits, latent), target, teacher).latent.item()
    for _ in range(100):
        optimizer.zero_grad()
        loss(NetworkOutput(logits, latent), target, teacher).total.backward()
        optimizer.step()
    assert loss(NetworkOutput(logits, latent), target, teacher).latent.item() < first / 4


def test_with_lambda_and_gamma_zero_the_loss_is_the_baselines_exactly() -> None:
    logits, target = torch.randn(1, 3, 4, 4, 4), (torch.rand(1, 3, 4, 4, 4) > 0.5).float()
    settings = DistillationSettings(lambda_=0.0, gamma=0.0)
    terms = DistillationLoss(REGIONS, settings)(NetworkOutput(logits, logits), target)
    assert torch.equal(terms.total, SegmentationLoss(REGIONS)(logits, target))
    assert (terms.soft_target.item(), terms.latent.item()) == (0, 0)


def test_the_total_weighs_its_terms_as_the_paper_does() -> None:
    student = NetworkOutput(torch.randn(1, 2, 4, 4, 4), torch.randn(1, 8, 2, 2, 2))
    teacher = NetworkOutput(torch.randn(1, 2, 4, 4, 4), torch.randn(1, 8, 2, 2, 2))
    target = (torch.rand(1, 2, 4, 4, 4) > 0.5).float()
    settings = DistillationSettings(lambda_=0.75, gamma=10.0, temperature=5.0)
    terms = DistillationLoss(REGIONS, settings)(student, target, teacher)
    assert torch.allclose(terms.total, 0.75 * terms.soft_target + 0.25 * terms.segmentation + 10 * terms.latent)


def test_deep_supervision_weighs_each_level_half_of_the_finer_one() -> None:
    loss = SegmentationLoss(REGIONS)
    logits, coarse = torch.randn(1, 1, 4, 4, 4), torch.randn(1, 1, 2, 2, 2)
    target = torch.ones(1, 1, 4, 4, 4)
    expected = (loss(logits, target) + 0.5 * loss(coarse, torch.ones(1, 1, 2, 2, 2))) / 1.5
    assert torch.allclose(loss(logits, target, (coarse,)), expected)


def test_distillation_without_a_teacher_is_refused() -> None:
    output = NetworkOutput(torch.zeros(1, 1, 2, 2, 2), torch.zeros(1, 1, 1, 1, 1))
    with pytest.raises(SettingsError, match="needs a teacher"):
        DistillationLoss(REGIONS, DistillationSettings())(output, torch.zeros(1, 1, 2, 2, 2))


@pytest.mark.parametrize(
    "values", [{"lambda_": 1.1}, {"lambda_": -0.1}, {"gamma": -1.0}, {"temperature": 0.0}, {"gamma": math.nan}]
)
def test_settings_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        DistillationSettings(**values)


@pytest.mark.parametrize("mode", list(LabelMode))
def test_voxels_that_nobody_labeled_take_no_part(mode: LabelMode) -> None:
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 4, 4, 4), (torch.rand(2, 3, 4, 4, 4) > 0.5).float()
    half = torch.zeros(2, 1, 4, 4, 4, dtype=torch.bool)
    half[:, :, 2:] = True
    ignored = target.masked_fill(half, IGNORED)
    changed = torch.where(half, torch.randn_like(logits), logits)
    loss = SegmentationLoss(mode)
    coarse = [torch.randn(2, 3, 2, 2, 2)]
    assert torch.allclose(loss(logits, ignored, coarse), loss(changed, ignored, coarse))
    assert torch.allclose(loss(logits, ignored), loss(logits[:, :, :2], target[:, :, :2]), atol=1e-5)
    assert torch.isfinite(loss(logits, torch.full_like(target, IGNORED)))
    network = NetworkOutput(logits=logits.requires_grad_(), auxiliary=(), bottleneck=torch.randn(2, 5, 2, 2, 2))
    taught = NetworkOutput(logits=logits.detach() + 1, auxiliary=(), bottleneck=torch.randn(2, 5, 2, 2, 2))
    settings = DistillationSettings()
    terms = DistillationLoss(mode, settings)(network, ignored, taught)
    (gradient,) = torch.autograd.grad(terms.total, logits)
    assert not gradient[half.expand_as(gradient)].any()
    assert gradient[~half.expand_as(gradient)].any()


def test_the_prototype_term_of_a_batch_is_the_mean_of_its_patches() -> None:
    """So that processes that share a batch train as one."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn((2, 4, 2, 2, 2), generator=generator) for _ in range(2))
    target = torch.zeros((2, 3, 8, 8, 8))
    target[0, :, :4] = 1  # the patches differ in their number of classes
    loss = PrototypeLoss(LabelMode.REGIONS)
    parts = [loss(student[i : i + 1], teacher[i : i + 1], target[i : i + 1]) for i in range(2)]
    assert torch.allclose(loss(student, teacher, target), torch.stack(parts).mean())
