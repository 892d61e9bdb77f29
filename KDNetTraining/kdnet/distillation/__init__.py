"""The losses of KD-Net, one small class each (METHOD section 2)."""

from kdnet.distillation.latent import LatentLoss, LatentProjection
from kdnet.distillation.overlap import OverlapLoss
from kdnet.distillation.reference import ReferenceLoss
from kdnet.distillation.settings import DistillationSettings, LatentReduction, LatentSoftmax
from kdnet.distillation.soft_targets import SoftTargetLoss
from kdnet.distillation.total import DistillationLoss, LossTerms

__all__ = [
    "DistillationLoss",
    "DistillationSettings",
    "LatentLoss",
    "LatentProjection",
    "LatentReduction",
    "LatentSoftmax",
    "LossTerms",
    "OverlapLoss",
    "ReferenceLoss",
    "SoftTargetLoss",
]
