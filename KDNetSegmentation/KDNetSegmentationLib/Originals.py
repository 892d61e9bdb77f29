"""The segmentation of the model before its correction, kept in the segmentation node so that it is saved with the scene."""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from slicer import vtkMRMLSegmentationNode

ATTRIBUTE = "KDNet.original"


def keep_original(node: vtkMRMLSegmentationNode, voxels: NDArray[np.uint8]) -> None:
    """Keep a labelmap ``[k, j, i]`` as compressed text in an attribute: no further node, and some 50 kB for a tumor."""
    import numpy as np  # noqa: PLC0415

    places = [np.flatnonzero(voxels.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    corner = [int(place[0]) if place.size else 0 for place in places]
    size = [int(place[-1]) - start + 1 if place.size else 0 for place, start in zip(places, corner, strict=True)]
    box = tuple(slice(start, start + count) for start, count in zip(corner, size, strict=True))
    packed = base64.b64encode(zlib.compress(np.ascontiguousarray(voxels[box]).tobytes())).decode("ascii")
    content = {"shape": list(voxels.shape), "corner": corner, "size": size, "voxels": packed}
    node.SetAttribute(ATTRIBUTE, json.dumps(content))


def original_of(node: vtkMRMLSegmentationNode, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Return the labelmap ``[k, j, i]`` of the model; None if none is kept, or it is not of a volume of this shape."""
    import numpy as np  # noqa: PLC0415

    text = node.GetAttribute(ATTRIBUTE)
    content = json.loads(text) if text else {}
    if not content or tuple(content["shape"]) != tuple(shape):
        return None
    voxels = np.zeros(shape, np.uint8)
    packed = zlib.decompress(base64.b64decode(content["voxels"]))
    places = zip(content["corner"], content["size"], strict=True)
    box = tuple(slice(start, start + count) for start, count in places)
    voxels[box] = np.frombuffer(packed, np.uint8).reshape(content["size"])
    return voxels
