"""Render slices with colored labels as PNG data."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray
from scipy.ndimage import zoom

from kdnet.report.content import Overlay
from kdnet.schema.labels import LabelTable

PIXELS = 320
"""Length of the longer side of a picture."""

MARGIN = 4

FILL = 0.38


def slice_pictures(overlays: Sequence[Overlay], labels: LabelTable) -> list[str]:
    """Return the plain slice and then each overlay of one case, cropped to the head, as data URLs for ``<img src>``.

    Slices are turned to rows and columns for the radiological view, from the feet.
    """
    first = overlays[0]
    image = first.image.T.astype(float)
    spacing = first.spacing[1], first.spacing[0]
    box = _head(image)
    gray = _gray(enlarge(image[box], spacing, order=1))
    pictures = [png_address(gray)]
    for overlay in overlays:
        labelmap = overlay.labelmap.T[box]
        pictures.append(png_address(paint_labels(gray, enlarge(labelmap, spacing, order=0), labels)))
    return pictures


def _head(image: NDArray[np.generic]) -> tuple[slice, slice]:
    """Return the bounding box of the foreground; the corner pixel defines the background value."""
    there = image != image[0, 0]
    if not there.any():
        return slice(None), slice(None)
    rows, columns = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(0, int(rows[0]) - MARGIN), int(rows[-1]) + MARGIN + 1),
        slice(max(0, int(columns[0]) - MARGIN), int(columns[-1]) + MARGIN + 1),
    )


def enlarge(
    plane: NDArray[np.generic], spacing: tuple[float, float], *, order: int, pixels: int = PIXELS
) -> NDArray[np.generic]:
    """Resample a plane ``[row, column]`` to square pixels, so that its longer side has as many as given.

    Args:
        plane: values.
        spacing: distance between rows, and between columns, in mm.
        order: 0 for labels, 1 for gray values.
        pixels: length of the longer side.
    """
    size = np.array(plane.shape) * spacing
    factors = pixels / size.max() * np.array(spacing)
    enlarged: NDArray[np.generic] = zoom(plane, factors, order=order, grid_mode=True, mode="nearest")
    return enlarged


def _gray(plane: NDArray[np.generic]) -> NDArray[np.float64]:
    values = plane.astype(float)
    low, high = float(values.min()), float(np.percentile(values, 99.8))
    scaled = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    return np.repeat(scaled[..., None], 3, axis=2)


def paint_labels(gray: NDArray[np.float64], labelmap: NDArray[np.generic], labels: LabelTable) -> NDArray[np.float64]:
    """Return a picture ``[row, column, color]`` of 0 to 1 with labels filled lightly and outlined in their colors."""
    painted = gray.copy()
    edge = np.zeros(labelmap.shape, bool)
    for axis in (0, 1):
        edge |= labelmap != np.roll(labelmap, 1, axis)
    for label in labels.labels:
        inside = labelmap == label.value
        color = np.array(label.color) / 255
        painted[inside] = (1 - FILL) * painted[inside] + FILL * color
        painted[inside & edge] = color
    return painted


def png_address(pixels: NDArray[np.float64]) -> str:
    """Return a picture ``[row, column, color]`` of 0 to 1 as a data URL."""
    stream = io.BytesIO()
    imsave(stream, (pixels * 255).astype(np.uint8), format="png")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
