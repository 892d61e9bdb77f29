"""The losses of KD-Net, one small class each (docs/method.md section 2)."""

from kdnet.losses.contrastive import ContrastiveLoss
from kdnet.losses.dice import SoftDiceLoss
from kdnet.losses.distillation_loss import DistillationLoss, LossTerms
from kdnet.losses.ground_truth import SegmentationLoss
from kdnet.losses.latent_kl import LatentLoss, LatentProjection
from kdnet.losses.prototypes import PrototypeLoss
from kdnet.losses.soft_targets import SoftTargetLoss
from kdnet.schema.distillation_settings import DistillationSettings, LatentMethod, LatentReduction, LatentSoftmax

__all__ = [
    "ContrastiveLoss",
    "DistillationLoss",
    "DistillationSettings",
    "LatentLoss",
    "LatentMethod",
    "LatentProjection",
    "LatentReduction",
    "LatentSoftmax",
    "LossTerms",
    "PrototypeLoss",
    "SegmentationLoss",
    "SoftDiceLoss",
    "SoftTargetLoss",
]
