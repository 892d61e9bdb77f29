"""Pictures of the training panel in each state, with the charts as the stand-in draws them, to be looked at.

    python Testing/testbed/training_pictures.py OUTDIR [DATA [MINUTES [RECIPE]]]

Without data, a phantom is drawn and a study of a few minutes is run on it. Pictures of the panel and of the charts show no
voxels.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

from kdnet.schema.network_id import Role  # noqa: E402
from standin.application import REPOSITORY, Application  # noqa: E402
from standin.plot_views import draw_plot_views  # noqa: E402

SECTIONS = ("rawSection", "dataSection", "experimentSection", "runSection", "runsSection", "liveSection", "resultSection")
WIDTH = 380


class Photographer:
    """Drives the panel and takes pictures.

    Args:
        folder: for the pictures.
        prepare: called with the application before it opens the modules.
    """

    def __init__(self, folder: Path, prepare: Callable[[Application], None] = lambda _application: None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.application = Application(folder / "settings")
        prepare(self.application)
        self.segmentation = self.application.open_module("KDNetSegmentation", REPOSITORY / "KDNetSegmentation")
        self.module = self.application.open_module("KDNetTraining", REPOSITORY / "KDNetTraining")
        self.panel, self.ui = self.module.panel, self.module.panel.ui
        self.panel.parameters.runsFolder = folder / "runs"
        self.module.parent.resize(WIDTH, 100)
        self.module.parent.show()

    def take(self, name: str, *sections: str) -> None:
        """A picture with these sections open, as high as they need it."""
        for section in SECTIONS:
            getattr(self.ui, section).collapsed = section not in sections
        parent = self.module.parent
        for _ in range(3):  # what is wrapped at this width decides the height
            self.application.process_events()
            layout = parent.layout()
            wrapped = layout.totalHeightForWidth(WIDTH) if layout.hasHeightForWidth() else 0
            parent.resize(WIDTH, max(wrapped, layout.totalSizeHint().height()))
        self.application.process_events()
        parent.grab().save(str(self.folder / f"{name}.png"))

    def wait(self, condition: Callable[[], Any], limit: float = 1800.0) -> None:
        started = time.monotonic()
        while not condition():
            self.application.process_events()
            if time.monotonic() - started > limit:
                raise TimeoutError(self.ui.liveLabel.text + self.ui.runLabel.text)

    def choose(self, data: Path, minutes: float, recipe: str) -> None:
        self.take("1 empty", "dataSection", "experimentSection")
        self.ui.dataFolderEdit.currentPath = str(data)
        self.wait(lambda: len(self.panel.data.selection.cases) > 3)
        self.take("2 inspecting", "dataSection")
        self.wait(
            lambda: self.panel.data.selection.summary is not None and self.panel.experiment.config.capabilities is not None
        )
        self.ui.testFoldsEdit.text = "0"
        self.take("3 data", "dataSection")
        selector = self.ui.recipeSelector
        selector.currentIndex = [selector.itemText(index) for index in range(selector.count)].index(recipe)
        self.ui.lengthSelector.currentIndex = 2
        self.ui.amountSpinBox.value = minutes
        self.ui.distillationSection.collapsed = False
        self.take("4 experiment", "experimentSection")
        self.ui.distillationSection.collapsed = True

    def run(self) -> None:
        self.ui.planButton.click()
        self.wait(lambda: self.ui.planButton.text == "Plan")
        self.take("5 plan", "runSection")
        print("plan:", self.ui.planLabel.text)
        started = time.monotonic()
        self.ui.startButton.click()
        self.ui.chartsButton.click()
        monitor = self.panel.monitor
        self.wait(lambda: monitor.network in monitor.curves.dice and monitor.network.role is Role.STUDENT)
        for _ in range(40):
            self.application.process_events()
        self.take("6 running", "runsSection", "liveSection")
        self.charts("6 running charts")
        self.wait(lambda: self.panel.runs.state in ("finished", "failed"))
        self.wait(lambda: self.panel.result.results is not None and not self.panel.result.results.missing)
        print(f"run: {time.monotonic() - started:.0f} s,", self.ui.liveLabel.text)

    def finish(self) -> None:
        for _ in range(40):
            self.application.process_events()
        self.charts("7 finished charts")
        self.ui.resultCasesTable.cellDoubleClicked.emit(0, 0)
        self.wait(lambda: "Loaded" in self.ui.resultLabel.text)
        self.take("7 result", "runsSection", "resultSection")
        table = self.ui.comparisonTable
        for row in range(table.rowCount):
            print(*(table.item(row, column).text() for column in range(table.columnCount)), sep="\t")
        self.ui.deployButton.click()
        self.wait(lambda: self.application.selected[-1:] == ["KDNetSegmentation"])
        print("deployed:", self.segmentation.panel.model.title, self.segmentation.panel.model.path.name)

    def charts(self, name: str) -> None:
        draw_plot_views(("KDNetLoss", "KDNetDice"), self.folder / f"{name}.png")


def main() -> None:
    folder = Path(sys.argv[1])
    data = Path(sys.argv[2]) if len(sys.argv) > 2 else folder / "phantom"
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 3.0
    if len(sys.argv) <= 2 and not data.is_dir():
        from kdnet.data.phantom import write_phantom

        write_phantom(data, cases=12, shape=(56, 66, 52), spacing=3.0)
    photographer = Photographer(folder)
    photographer.choose(data, minutes, sys.argv[4] if len(sys.argv) > 4 else "fast" if len(sys.argv) > 2 else "demo")
    photographer.run()
    photographer.finish()
    photographer.module.cleanup()
    photographer.segmentation.cleanup()


if __name__ == "__main__":
    main()
