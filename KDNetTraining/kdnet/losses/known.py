"""Unlabeled voxels, which are excluded from targets and from every loss."""

from __future__ import annotations

import torch

from kdnet.schema.labels import IGNORED


def split_known(target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Split a target into values and a mask of where they are known.

    Args:
        target: ``[batch, channel, i, j, k]`` of 0 to 1, or :data:`~kdnet.schema.labels.IGNORED` in all channels of a voxel.

    Returns:
        The target with 0 where unknown, and a mask ``[batch, 1, i, j, k]`` of 0 and 1; None if everything is known.
    """
    ignored = target[:, :1] == IGNORED
    if not ignored.any():
        return target, None
    return target.masked_fill(ignored, 0), (~ignored).to(torch.float32)
