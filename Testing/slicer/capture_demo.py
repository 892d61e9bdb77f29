"""Slice-view pictures of a labelmap over its volume, from a real MRML scene without the application.

python Testing/slicer/capture_demo.py VOLUME LABELMAP MODEL_FILE OUTDIR
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import vtk

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "KDNetSegmentation"))

from kdnet.schema.labels import LabelTable
from kdnet.schema.model_card import read_card
from KDNetLib.SegmentationNode import center_of, show_labelmap
from trame_slicer.core import SlicerApp
from trame_slicer.views import SliceView

SIZE = 480
ORIENTATIONS = ("Axial", "Sagittal", "Coronal")


def capture_overlay(volume_file: Path, voxels: np.ndarray, labels: LabelTable, folder: Path) -> list[Path]:
    """Write one PNG per orientation, through the middle of what was found; return their paths.

    Args:
        volume_file: the volume that was segmented.
        voxels: labelmap ``[k, j, i]`` on its grid.
        labels: what the values mean.
        folder: for ``axial.png``, ``sagittal.png`` and ``coronal.png``.
    """
    app = SlicerApp()
    volume = app.io_manager.load_volumes(str(volume_file))[0]
    _set_contrast(volume)
    node = show_labelmap(voxels, labels, volume)
    display = node.GetDisplayNode()
    display.SetOpacity2DFill(0.45)
    display.SetOpacity2DOutline(1.0)
    center = center_of(voxels, volume)
    folder.mkdir(parents=True, exist_ok=True)
    return [_capture(app, volume, name, center, folder / f"{name.lower()}.png") for name in ORIENTATIONS]


def _capture(
    app: Any,
    volume: Any,
    orientation: str,
    center: tuple[float, float, float] | None,
    path: Path,
    zoom: float = 1.0,
) -> Path:
    view = SliceView(app.scene, app.app_logic, orientation)
    view.render_window().SetSize(SIZE, SIZE)
    view.set_orientation(orientation)
    view.set_background_volume_id(volume.GetID())
    view.fit_view_to_content()
    node = view._view_node
    across, down, thick = node.GetFieldOfView()
    node.SetFieldOfView(across / zoom, down / zoom, thick)
    if center is not None:
        node.JumpSliceByOffsetting(*center)
    view.render()
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(view.render_window())
    grabber.ReadFrontBufferOff()
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(str(path))
    writer.SetInputConnection(grabber.GetOutputPort())
    writer.Write()
    view.finalize()
    return path


def _set_contrast(volume: Any) -> None:
    """From just above the masked background to the brightest tissue."""
    import slicer

    voxels = slicer.util.arrayFromVolume(volume)
    inside = voxels[voxels != voxels.flat[0]]
    low, high = np.percentile(inside, [1, 99.7])
    display = volume.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(min(0.0, float(low)), float(high))


def main() -> None:
    volume_file, labelmap_file, model_file, folder = (Path(argument) for argument in sys.argv[1:])
    voxels = sitk.GetArrayFromImage(sitk.ReadImage(str(labelmap_file)))
    for path in capture_overlay(volume_file, voxels, read_card(model_file).labels, folder):
        print(path)


if __name__ == "__main__":
    main()
