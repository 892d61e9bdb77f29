"""The prototype term of ProtoKD: similarity of voxels and classes in the student, compared with its teacher."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from kdnet.losses.known import split_known
from kdnet.schema.labels import LabelMode

RARE = 1e-3  # of the voxels of a patch; a rarer class has no prototype


class PrototypeLoss(nn.Module):
    """Mean over patches, voxels and classes of (cos(e_t, c_t) - cos(e_s, c_s))^2: docs/method.md equation (5).

    The prototype c of a class is the mean of the features e of its voxels. Unlike in ProtoKD, features come from the
    bottleneck, where a voxel belongs to a class in proportion to its share, and the teacher has its own prototypes.
    Only angles are compared, so student and teacher may have different numbers of features.

    Args:
        mode: how the channels of a target relate to labels; voxels outside all regions form a class of their own.
    """

    def __init__(self, mode: LabelMode) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, student: torch.Tensor, teacher: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Compare bottlenecks ``[batch, feature, i, j, k]`` on one grid; ``target`` is ``[batch, channel, I, J, K]``."""
        i, j, k = student.shape[2:]
        plain, known = split_known(target.float())
        share = functional.adaptive_avg_pool3d(plain, (i, j, k)).flatten(start_dim=2)
        if self.mode is LabelMode.REGIONS:
            whole = 1.0 if known is None else functional.adaptive_avg_pool3d(known, (i, j, k)).flatten(start_dim=2)
            share = torch.cat([whole - share.amax(dim=1, keepdim=True), share], dim=1)
        there = share.mean(dim=2, keepdim=True) > RARE
        difference = (_likeness(student, share) - _likeness(teacher.detach(), share)) * there
        # per patch first: processes sharing a batch average over patches, whichever classes each has
        terms = there.sum(dim=(1, 2)).clamp(min=1) * share.shape[2]
        return (difference.square().sum(dim=(1, 2)) / terms).mean()


def _likeness(latent: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Return the cosine similarity of every voxel and prototype, ``[batch, class, voxel]``."""
    with torch.autocast(latent.device.type, enabled=False):
        features = latent.float().flatten(start_dim=2)
        prototypes = torch.einsum("bcv,bfv->bcf", share, features)  # the length of a prototype does not matter
        return torch.einsum("bcf,bfv->bcv", functional.normalize(prototypes, dim=2), functional.normalize(features, dim=1))
