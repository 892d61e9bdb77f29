"""The pictures of the documentation: each panel beside the views, as the testbed draws them.

    python Testing/testbed/documentation_pictures.py OUTDIR SCAN MODEL_TITLE [--scale 1.5] [--dark] [--training]

``SCAN`` is the T1ce scan of a case whose terms allow publishing it, such as one of BraTS 2021 (CC BY 4.0). The panels are those
of the extension, in a stand-in for the application; the slices come from Slicer's own views. Training is that of the phantom.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BAR = 22  # above a view, in pixels
GAP = 2
ZOOM = 1.35  # of the slices
COLORS = {"Axial": "#F34A33", "Sagittal": "#EDD54C", "Coronal": "#6EB04B"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("scan", type=Path)
    parser.add_argument("model")
    parser.add_argument("--scale", default="1", help="of the screen (default: 1)")
    parser.add_argument("--dark", action="store_true", help="with a dark palette")
    parser.add_argument("--training", action="store_true", help="the training panel instead, which takes minutes")
    return parser.parse_args()


def darken(application: Any) -> None:
    """Give the widgets the colors of Slicer's dark style."""
    from PySide6 import QtGui, QtWidgets

    QtWidgets.QApplication.setStyle("Fusion")
    palette, role = QtGui.QPalette(), QtGui.QPalette
    for part, color in ((role.Window, "#353535"), (role.Base, "#2a2a2a"), (role.AlternateBase, "#424242")):
        palette.setColor(part, QtGui.QColor(color))
    palette.setColor(role.Button, QtGui.QColor("#353535"))
    for part in (role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText):
        palette.setColor(part, QtGui.QColor("#f0f0f0"))
    for part in (role.Text, role.ButtonText, role.WindowText):
        palette.setColor(role.Disabled, part, QtGui.QColor("#808080"))
    palette.setColor(role.Highlight, QtGui.QColor("#2a82da"))
    palette.setColor(role.Link, QtGui.QColor("#8ab4f8"))
    application.qt_application.setPalette(palette)


def beside(panel: Any, rows: Sequence[Sequence[tuple[str, Path]]], width: float, path: Path) -> None:
    """Write a picture of the panel at the left and of views with colored bars at the right.

    Args:
        panel: picture of the panel.
        rows: title and file of each view, by row.
        width: of a row, in pixels.
        path: file to write.
    """
    from PySide6 import QtCore, QtGui

    ratio = panel.devicePixelRatio()
    left = panel.width() / ratio + GAP
    images = [[(title, QtGui.QPixmap(str(file))) for title, file in row] for row in rows]
    heights = [max(width / len(row) * image.height() / image.width() for _title, image in row) for row in images]
    height = max(panel.height() / ratio, sum(heights) + len(rows) * (BAR + GAP))
    picture = QtGui.QPixmap(round((left + width) * ratio), round(height * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(QtGui.QColor("#404040"))
    painter, y = QtGui.QPainter(picture), 0.0
    painter.drawPixmap(QtCore.QPointF(0, 0), panel)
    for row, row_height in zip(images, heights, strict=True):
        size = width / len(row)
        for column, (title, image) in enumerate(row):
            x = left + column * size
            painter.fillRect(QtCore.QRectF(x, y, size - GAP, BAR), QtGui.QColor(COLORS.get(title, "#8080b0")))
            painter.drawText(QtCore.QPointF(x + 8, y + BAR - 7), title)
            place = QtCore.QRectF(x, y + BAR, size - GAP, (size - GAP) * image.height() / image.width())
            painter.setRenderHint(QtGui.QPainter.SmoothPixmapTransform)
            painter.drawPixmap(place, image, QtCore.QRectF(image.rect()))
        y += row_height + BAR + GAP
    painter.end()
    picture.save(str(path))


def surfaces(node: Any, path: Path) -> Path:
    """Take a picture of the surfaces of a segmentation, with its colors and opacities, from the front and the left."""
    import vtk

    renderer, window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
    renderer.SetBackground(0.757, 0.764, 0.910)
    renderer.SetBackground2(0.455, 0.470, 0.745)
    renderer.GradientBackgroundOn()
    window.SetOffScreenRendering(True)
    window.SetSize(480, 480)
    window.AddRenderer(renderer)
    segmentation, display = node.GetSegmentation(), node.GetDisplayNode()
    for index in range(segmentation.GetNumberOfSegments()):
        name = segmentation.GetNthSegmentID(index)
        mapper, actor = vtk.vtkPolyDataMapper(), vtk.vtkActor()
        mapper.SetInputData(segmentation.GetSegment(name).GetRepresentation("Closed surface"))
        mapper.ScalarVisibilityOff()
        actor.SetMapper(mapper)
        actor.GetProperty().SetColor(*segmentation.GetSegment(name).GetColor())
        actor.GetProperty().SetOpacity(display.GetSegmentOpacity3D(name))
        renderer.AddActor(actor)
    camera = renderer.GetActiveCamera()
    camera.SetPosition(-0.6, 1.0, 0.3)
    camera.SetViewUp(0, 0, 1)
    renderer.ResetCamera()
    window.Render()
    grabber, writer = vtk.vtkWindowToImageFilter(), vtk.vtkPNGWriter()
    grabber.SetInput(window)
    grabber.ReadFrontBufferOff()
    writer.SetFileName(str(path))
    writer.SetInputConnection(grabber.GetOutputPort())
    writer.Write()
    return path


def segmentation(chosen: argparse.Namespace) -> None:
    """The segmentation panel with a result, and the overlay alone."""
    import pictures
    import slicer
    from capture_demo import ORIENTATIONS
    from PySide6 import QtGui

    prepare = darken if chosen.dark else lambda _application: None
    photographer = pictures.Photographer(chosen.out / "work", prepare)
    panel, ui = photographer.panel, photographer.ui
    photographer.window.resize(430, 980)
    volume = slicer.util.loadVolume(str(chosen.scan), {"name": chosen.scan.name.split(".", 1)[0]})
    pictures._set_contrast(volume)
    panel.refillModels(next(model.path.name for model in panel.logic.models() if model.title == chosen.model))
    ui.inputSelector1.setCurrentNode(volume)
    print(photographer.click())
    for name, milliliters in panel.results.volumes.items():
        print(name, f"{milliliters:.2f} mL")
    print(photographer.click())  # with the model loaded
    photographer.overlay(volume, ZOOM)
    views = [(name, photographer.folder / f"overlay {name.lower()}.png") for name in ORIENTATIONS]
    ui.show3DButton.click()
    views.append(("3D", surfaces(panel.results.node, photographer.folder / "surfaces.png")))
    photographer.application.process_events()
    photographer.window.fit()
    beside(photographer.window.grab(), [views[:2], views[2:]], 952, chosen.out / "panel.png")
    beside(QtGui.QPixmap(1, 1), [views[:3]], 900, chosen.out / "overlay.png")
    photographer.module.cleanup()


def training(chosen: argparse.Namespace) -> None:
    """The training panel beside its charts, while a student is trained on a phantom and afterward."""
    from training_pictures import Photographer  # first: it finds the others

    sys.path.append(str(Path(__file__).resolve().parents[1] / "slicer"))
    from capture_demo import ORIENTATIONS, _capture, _set_contrast
    from kdnet.data.phantom import write_phantom
    from kdnet.schema.labels import brats_labels
    from KDNetLib.SegmentationNode import center_of, labelmap_of
    from PySide6 import QtGui

    folder = chosen.out / "training"
    data = folder / "phantom"
    if not data.is_dir():
        write_phantom(data, cases=12, shape=(56, 66, 52), spacing=3.0)
    photographer = Photographer(folder, darken if chosen.dark else lambda _application: None)
    panel, ui = photographer.panel, photographer.ui
    if (folder / "runs").is_dir():  # trained before
        panel.enter()
        ui.runsTable.setCurrentCell(0, 0)
        photographer.wait(lambda: panel.result.results is not None)
        ui.chartsButton.click()
    else:
        photographer.choose(data, 3.0, "demo")
        ui.lengthSelector.currentIndex = 0  # the steps of the recipe
        photographer.run()
    photographer.finish()
    loaded, core = panel.result._loaded, photographer.application.core
    volume, student = loaded.volumes["t1ce"], loaded.segmentations["student"]
    _set_contrast(volume)
    center = center_of(labelmap_of(student, brats_labels(), volume), volume)
    slices = [(name, _capture(core, volume, name, center, folder / f"{name}.png", ZOOM)) for name in ORIENTATIONS]
    charts = "Losses of the network in training, and validation Dice of all"
    for name, shown, drawn, below in (
        ("run", "6 running", "6 running", []),
        ("result", "7 result", "7 finished", [slices]),
    ):
        views = [[(charts, folder / f"{drawn} charts.png")], *below]
        beside(QtGui.QPixmap(str(folder / f"{shown}.png")), views, 900, chosen.out / f"training-{name}.png")
    photographer.module.cleanup()
    photographer.segmentation.cleanup()


def main() -> None:
    chosen = arguments()
    os.environ["QT_SCALE_FACTOR"] = chosen.scale
    chosen.out.mkdir(parents=True, exist_ok=True)
    (training if chosen.training else segmentation)(chosen)


if __name__ == "__main__":
    main()
