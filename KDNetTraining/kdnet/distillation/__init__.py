"""The losses of KD-Net, one small class each (METHOD section 2)."""

from kdnet.distillation.contrast import ContrastLoss
from kdnet.distillation.latent import LatentLoss, LatentProjection
from kdnet.distillation.overlap import OverlapLoss
from kdnet.distillation.prototypes import PrototypeLoss
from kdnet.distillation.reference import ReferenceLoss
from kdnet.distillation.settings import DistillationSettings, LatentMethod, LatentReduction, LatentSoftmax
from kdnet.distillation.soft_targets import SoftTargetLoss
from kdnet.distillation.total import DistillationLoss, LossTerms

__all__ = [
    "ContrastLoss",
    "DistillationLoss",
    "DistillationSettings",
    "LatentLoss",
    "LatentMethod",
    "LatentProjection",
    "LatentReduction",
    "LatentSoftmax",
    "LossTerms",
    "OverlapLoss",
    "PrototypeLoss",
    "ReferenceLoss",
    "SoftTargetLoss",
]
