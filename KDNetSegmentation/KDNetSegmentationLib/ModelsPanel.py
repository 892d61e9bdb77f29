"""The section for importing, removing and showing model files."""

from pathlib import Path
from typing import Any

import qt
import slicer
from kdnet.errors import KDNetError
from kdnet.files import writable_folder
from KDNetLib.ModelInfo import ModelInfo
from slicer.i18n import tr as _


class ModelsPanel:
    """Manages the model library.

    Args:
        panel: the whole panel, for its logic and status.
    """

    def __init__(self, panel: Any) -> None:
        self.panel = panel
        ui = panel.ui
        ui.importButton.clicked.connect(self.onImport)
        ui.removeButton.clicked.connect(self.onRemove)
        ui.showFolderButton.clicked.connect(self.onShowFolder)
        ui.modelList.currentRowChanged.connect(lambda _row: self.update(free=not panel.logic.busy))

    def refill(self, models: tuple[ModelInfo, ...]) -> None:
        """List ``models``."""
        self._models = models
        ui = self.panel.ui
        ui.modelList.clear()
        for model in models:
            ui.modelList.addItem(f"{model.title} - {_('ships with the extension') if model.bundled else model.path.name}")

    def update(self, *, free: bool) -> None:
        """Enable the buttons that apply."""
        ui = self.panel.ui
        row = ui.modelList.currentRow
        ui.importButton.enabled = free
        ui.removeButton.enabled = free and 0 <= row < len(self._models) and not self._models[row].bundled

    def onImport(self, *_arguments: Any) -> None:
        """Ask for a file, validate it and copy it."""
        filters = _("Models (*.safetensors)")
        path = qt.QFileDialog.getOpenFileName(None, _("Import a model"), "", filters)
        if not path:
            return
        self.panel.say(_("{name} is being checked.").format(name=Path(path).name))
        self.panel.logic.startImport(path, onFinished=self.onImported, onFailed=self.panel.onFailed)
        self.panel.update()

    def onImported(self, model: ModelInfo) -> None:
        """Select the new model."""
        self.panel.say(_("{name} is imported.").format(name=model.name))
        self.panel.refillModels(model.path.name)
        self.panel.update()

    def onRemove(self, *_arguments: Any) -> None:
        """Ask for confirmation, then delete."""
        model = self._models[self.panel.ui.modelList.currentRow]
        text = _("Delete {name} ({file})?").format(name=model.name, file=model.path)
        if not slicer.util.confirmOkCancelDisplay(text, _("Remove model")):
            return
        try:
            self.panel.logic.library.remove(model)
        except KDNetError as error:
            self.panel.say(str(error))
        else:
            self.panel.say(_("{name} is removed.").format(name=model.name))
        self.panel.refillModels()
        self.panel.update()

    def onShowFolder(self, *_arguments: Any) -> None:
        """Open the folder of imported models in the file manager."""
        try:
            folder = writable_folder(self.panel.logic.library.folder)
        except KDNetError as error:
            self.panel.say(str(error))
            return
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(folder)))
