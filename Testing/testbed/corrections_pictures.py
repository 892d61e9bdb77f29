"""Pictures of the sections that learn from corrections, to be looked at: training cases, ranking, and an adaptation.

    python Testing/testbed/corrections_pictures.py OUTDIR

Phantoms are drawn, segmented with the model that ships with the extension, and corrected through Segment Editor's logic.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import slicer  # noqa: E402
from kdnet.data.formats.detect import read_dataset  # noqa: E402
from kdnet.data.phantom import write_phantom  # noqa: E402
from kdnet.data.references import read_reference  # noqa: E402
from standin.application import REPOSITORY, Application  # noqa: E402

WIDTH = 470
MODEL = "Phantom demo.safetensors"


class Photographer:
    """Drives both panels and takes pictures."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.application = Application(folder / "settings")
        self.modules = {
            name: self.application.open_module(name, REPOSITORY / name) for name in ("KDNetSegmentation", "KDNetTraining")
        }
        self.segmentation, self.training = (module.panel for module in self.modules.values())
        self.segmentation.ui.collectionEdit.currentPath = str(folder / "corrections")

    def take(self, name: str, module: str, *sections: str) -> None:
        """A picture with these sections open, as high as they need it."""
        widget = self.modules[module].parent
        for section in [part for part in vars(self.modules[module].panel.ui) if part.endswith("Section")]:
            getattr(self.modules[module].panel.ui, section).collapsed = section not in sections
        widget.show()
        for _ in range(3):  # what is wrapped at this width decides the height
            self.application.process_events()
            layout = widget.layout()
            wrapped = layout.totalHeightForWidth(WIDTH) if layout.hasHeightForWidth() else 0
            widget.resize(WIDTH, max(wrapped, layout.totalSizeHint().height()))
        self.application.process_events()
        widget.grab().save(str(self.folder / f"{name}.png"))

    def wait(self, condition: Callable[[], Any], limit: float = 1800.0) -> None:
        started = time.monotonic()
        while not condition():
            self.application.process_events()
            if time.monotonic() - started > limit:
                raise TimeoutError

    def collect(self, data: Path) -> None:
        """Segment, correct and add three cases."""
        from segment_editor import paint

        panel, dataset = self.segmentation, read_dataset(data)
        panel.refillModels(MODEL)
        panel.inputs.models.select(panel.inputs.models.index)
        for index, case in enumerate(dataset.cases[:3]):
            volume = slicer.util.loadVolume(str(case.images["t1ce"].path))
            panel.ui.inputSelector1.setCurrentNode(volume)
            panel.ui.applyButton.click()
            self.wait(lambda: not panel.logic.busy)
            reference = read_reference(case, dataset.labels).voxels.T
            for value in (2, 1, 3):
                paint(panel.parameters.result, volume, f"label_{value}", reference == value)
            panel.ui.patientEdit.text = f"patient {index}"
            if index == 2:
                self.take("1 before adding", "KDNetSegmentation", "resultsSection", "casesSection")
            panel.ui.addCaseButton.click()
            self.wait(lambda: not panel.cases.running and panel.cases.cases.content is not None)
            self.wait(lambda expected=index + 1: len(panel.cases.cases.names) == expected)
        self.take("2 training cases", "KDNetSegmentation", "casesSection")

    def rank(self, data: Path) -> None:
        panel = self.segmentation
        panel.ui.rankFolderEdit.currentPath = str(data)
        panel.ui.rankButton.click()
        self.wait(lambda: not panel.ranking.ranking.busy)
        panel.ui.rankTable.cellClicked.emit(0, 0)
        self.take("3 ranking", "KDNetSegmentation", "inputsSection", "rankSection")

    def adapt(self) -> None:
        panel, ui = self.training, self.training.ui
        panel.parameters.runsFolder = self.folder / "runs"
        panel.parameters.adaptModel = MODEL
        panel.parameters.adaptCollection = self.folder / "corrections"
        panel.adapt.open()
        ui.adaptSection.collapsed = False
        panel.update()
        self.wait(lambda: panel.adapt.adaptation.content is not None)
        self.take("4 adapt", "KDNetTraining", "adaptSection")
        ui.adaptButton.click()
        self.wait(
            lambda: panel.runs.state == "failed" or (panel.runs.state == "running" and "step" in ui.adaptResultLabel.text)
        )
        self.take("5 adapting", "KDNetTraining", "adaptSection", "runSection", "liveSection")
        self.wait(lambda: panel.runs.state in ("finished", "failed"))
        if panel.runs.state == "failed":
            raise SystemExit(ui.runLabel.text)
        self.wait(lambda: ui.adaptDeployButton.visible or ui.adaptKeepButton.visible)
        print(ui.adaptResultLabel.text)
        self.take("6 adapted", "KDNetTraining", "adaptSection", "resultSection")


def main() -> None:
    folder = Path(sys.argv[1])
    data = folder / "phantom"
    if not data.is_dir():
        write_phantom(data, cases=5, shape=(56, 66, 52), spacing=3.0)
    photographer = Photographer(folder)
    photographer.collect(data)
    photographer.rank(data)
    photographer.adapt()
    for module in photographer.modules.values():
        module.cleanup()


if __name__ == "__main__":
    main()
