"""Pictures of the panel in each state and of the overlay, to be looked at; with the time of a cold and a warm click.

    python Testing/testbed/pictures.py OUTDIR [VOLUME MODEL_FILE [WHOLE_HEAD NAME_OF_ITS_MODEL]]

Without a volume and a model, the phantom and the model that ship with the extension are used.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "slicer")]

import slicer  # noqa: E402
from capture_demo import ORIENTATIONS, _capture, _set_contrast  # noqa: E402
from standin.application import REPOSITORY, Application  # noqa: E402


class Photographer:
    """Drives the panel and takes pictures.

    Args:
        folder: for the pictures.
        prepare: called with the application before it opens the module.
    """

    def __init__(self, folder: Path, prepare: Callable[[Application], None] = lambda _application: None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.application = Application(folder / "settings")
        prepare(self.application)
        self.module = self.application.open_module("KDNetSegmentation", REPOSITORY / "KDNetSegmentation")
        self.panel, self.ui = self.module.panel, self.module.panel.ui
        self.window = self.application.show_panel(self.module, 470, 1120)

    def take(self, name: str) -> None:
        self.application.process_events()
        self.window.grab().save(str(self.folder / f"{name}.png"))

    def wait(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.application.process_events()

    def click(self) -> str:
        """Click Segment and wait; the stages in words."""
        self.ui.applyButton.click()
        self.wait(lambda: not self.panel.logic.busy)
        return f"{self.ui.statusLabel.text} {self.ui.detailsText.plainText}".replace("\n", ", ")

    def segment(self, volume_file: Path) -> Any:
        self.take("1 no volume")
        volume = slicer.util.loadVolume(str(volume_file))
        _set_contrast(volume)
        self.ui.inputSelector1.setCurrentNode(volume)
        self.take("2 ready")
        self.ui.applyButton.click()
        self.take("3 starting")
        self.wait(lambda: "pass" in self.ui.statusLabel.text or not self.panel.logic.busy)
        self.wait(lambda: not self.panel.logic.busy)
        print("cold:", self.ui.statusLabel.text, self.ui.detailsText.plainText.replace("\n", ", "))
        self.take("4 result")
        print("warm:", self.click())
        print("peak of the worker:", _peak(self.panel.logic.worker.pid))
        return volume

    def interrupt(self) -> None:
        self.ui.flipsCheckBox.checked = True
        self.ui.applyButton.click()
        self.wait(lambda: "pass" in self.ui.statusLabel.text)
        self.take("5 running")
        started = time.monotonic()
        self.ui.applyButton.click()
        print(f"cancel: {time.monotonic() - started:.3f} s")
        self.take("6 canceled")
        self.ui.applyButton.click()
        self.wait(lambda: "pass" in self.ui.statusLabel.text)
        os.kill(self.panel.logic.worker.pid, signal.SIGKILL)
        self.wait(lambda: not self.panel.logic.busy)
        self.take("7 killed")
        self.ui.flipsCheckBox.checked = False

    def sections(self, volume_file: Path) -> None:
        self.panel.showMessage("")
        for part in ("inputsSection", "resultsSection"):
            getattr(self.ui, part).collapsed = True
        for part in ("advancedSection", "batchSection", "comparisonSection", "modelsSection"):
            getattr(self.ui, part).collapsed = False
        source = self.folder / "scans"
        source.mkdir(exist_ok=True)
        (source / volume_file.name).write_bytes(volume_file.read_bytes())
        (source / "broken.nii.gz").write_bytes(b"nothing")
        self.ui.batchInput.currentPath, self.ui.batchOutput.currentPath = str(source), str(self.folder / "segmented")
        self.ui.batchButton.click()
        self.wait(lambda: not self.panel.logic.busy)
        self.ui.referenceSelector.setCurrentNode(self.panel.parameters.result)
        self.ui.compareButton.click()
        self.wait(lambda: not self.panel.logic.busy)
        self.take("8 sections")

    def preparation(self, head: Path, brain_model: str) -> None:
        """A whole head: what is said before, and the brain mask after."""
        self.panel.refillModels(brain_model)
        volume = slicer.util.loadVolume(str(head))
        _set_contrast(volume)
        self.ui.inputSelector1.setCurrentNode(volume)
        for part in ("inputsSection", "resultsSection", "batchSection", "comparisonSection", "modelsSection"):
            getattr(self.ui, part).collapsed = True
        self.ui.advancedSection.collapsed = True
        self.ui.preparationSection.collapsed = False
        self.take("9 preparation")
        print("whole head:", self.click())
        self.ui.preparationSection.collapsed = True
        self.ui.resultsSection.collapsed = False
        self.take("10 lesions of a whole head")
        self.overlay(volume)

    def visits(self) -> None:
        """The last two segmentations side by side."""
        nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        made = [node for node in nodes if node.GetNodeReference("referenceImageGeometryRef") is not None]
        earlier = next(node for node in made if node is not self.panel.parameters.result)
        self.ui.earlierSelector.setCurrentNode(earlier)
        self.ui.registerCheckBox.checked = False
        self.ui.resultsSection.collapsed = True
        self.ui.visitsSection.collapsed = False
        self.ui.visitsButton.click()
        self.wait(lambda: not self.panel.logic.busy)
        self.take("11 visits")

    def overlay(self, volume: Any, zoom: float = 1.0) -> None:
        node = self.panel.parameters.result
        hidden = [other for other in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if other is not node]
        for other in hidden:
            other.GetDisplayNode().SetVisibility(False)
        from KDNetLib.SegmentationNode import center_of, labelmap_of

        center = center_of(labelmap_of(node, self.panel.model.labels, volume), volume)
        for name in ORIENTATIONS:
            _capture(self.application.core, volume, name, center, self.folder / f"overlay {name.lower()}.png", zoom)


def _peak(pid: int) -> str:
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("VmHWM")), "unknown here")


def main() -> None:
    folder = Path(sys.argv[1])
    photographer = Photographer(folder)
    volume_file = REPOSITORY / "Resources" / "SampleData" / "Phantom_002_t1ce.nii.gz"
    if len(sys.argv) > 3:
        volume_file = Path(sys.argv[2])
        model = photographer.panel.logic.importModel(sys.argv[3])
        photographer.panel.refillModels(model.path.name)
        photographer.panel.logic.worker.stop()  # so that the first click is a cold one
    volume = photographer.segment(volume_file)
    photographer.interrupt()
    photographer.click()
    photographer.overlay(volume)
    photographer.sections(volume_file)
    photographer.visits()
    if len(sys.argv) > 5:
        photographer.preparation(Path(sys.argv[4]), sys.argv[5])
    photographer.module.cleanup()


if __name__ == "__main__":
    main()
