"""The PMKL-style contrastive term: matches each student feature with its teacher's at the same voxel."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

SHARPNESS = 0.1  # temperature of InfoNCE (He et al., CVPR 2020, use 0.07)

MOST_VOXELS = 1024  # per patch that are compared; memory grows with the square


class ContrastiveLoss(nn.Module):
    """InfoNCE between the student's and the teacher's features at the bottleneck, after PMKL: docs/method.md equation (6).

    For each student voxel, the teacher's features at the same position are the positive, and those at all other
    positions of the patch the negatives; a batch of one patch, as on a CPU, has no other cases to draw them from.
    """

    def forward(self, student: torch.Tensor, teacher: torch.Tensor, _target: torch.Tensor) -> torch.Tensor:
        """Compare two bottlenecks ``[batch, feature, i, j, k]`` of the same shape."""
        with torch.autocast(student.device.type, enabled=False):
            own, theirs = _directions(student), _directions(teacher.detach())
            alike = torch.einsum("bfv,bfw->bvw", own, theirs) / SHARPNESS
            places = torch.arange(alike.shape[2], device=alike.device).expand(alike.shape[0], -1)
            return functional.cross_entropy(alike.flatten(end_dim=1), places.flatten())


def _directions(latent: torch.Tensor) -> torch.Tensor:
    """Return unit-length features ``[batch, feature, voxel]`` of voxels spaced evenly in the patch."""
    voxels = latent.float().flatten(start_dim=2)
    stride = -(-voxels.shape[2] // MOST_VOXELS)
    return functional.normalize(voxels[:, :, ::stride], dim=1)
