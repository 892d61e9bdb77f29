"""The section where an experiment is configured: recipe, networks, distillation, duration, hardware."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import qt
from kdnet.schema.capabilities import Capabilities
from KDNetLib.Availability import restrict
from KDNetLib.Command import Command
from KDNetLib.Priority import niceness, priority_note
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.Capabilities import query_capabilities
from KDNetTrainingLib.Choices import Choices
from KDNetTrainingLib.ExperimentConfig import FILE, PREFERRED, ExperimentConfig
from KDNetTrainingLib.Host import Host
from KDNetTrainingLib.Parameters import LatentMethod, Length, TeacherSource


class ExperimentPanel:
    """Offers the backend's choices.

    Args:
        ui: widgets of the panel by name.
        choices: the choices of the scene.
        host: the panel.
    """

    def __init__(self, ui: Any, choices: Choices, host: Host) -> None:
        self.ui, self._choices, self._host = ui, choices, host
        self.config = ExperimentConfig(choices)
        self._query: Command | None = None
        self._queried: Path | None = None
        self._adopted: Path | None = None
        ui.recipeSelector.currentIndexChanged.connect(self.onRecipe)
        ui.networkSelector.currentIndexChanged.connect(self.onNetwork)
        ui.studentNetworkSelector.currentIndexChanged.connect(self.onStudentNetwork)
        ui.deviceSelector.currentIndexChanged.connect(self.onDevice)
        self.show_priority(niceness())

    def show_priority(self, nice: int) -> None:
        """Show what the priority of Slicer means for a training, here and in Slicer's log."""
        note = priority_note(nice)
        self.ui.priorityLabel.text = note
        self.ui.priorityLabel.visible = bool(note)
        if note:
            logging.info(note)

    def query(self) -> None:
        """Query the backend, unless this was done before."""
        file = self.config.recipe_file
        known = self.config.capabilities is not None and file == self._queried
        if self._query is None and not known:
            self._queried = file
            self._query = query_capabilities([file] if file is not None else [], self.onCapabilities, self.onFailed)

    def cleanup(self) -> None:
        """Stop the process."""
        if self._query is not None:
            self._query.cancel()
            self._query = None

    def update(self, *, available: bool) -> None:
        """Update the section from the choices; ``available`` says whether the backend can be queried."""
        chosen, ui, config = self._choices.current, self.ui, self.config
        ui.recipeFileLabel.visible = ui.recipeFileEdit.visible = chosen.recipe == FILE
        ui.teacherFileLabel.visible = ui.teacherFileEdit.visible = chosen.teacherSource is TeacherSource.FILE
        ui.amountSpinBox.visible = chosen.length is not Length.RECIPE
        ui.amountSpinBox.suffix = chosen.length.unit()
        restrict(ui.studentTemperatureCheckBox, "" if chosen.lambda_ > 0 else _("The weight of the soft targets is 0."))
        latent = "" if chosen.gamma > 0 else _("The weight of the latent loss is 0.")
        restrict(ui.latentMethodSelector, latent)
        other = "" if chosen.latentMethod is LatentMethod.DIVERGENCE else _("The chosen latent method has no such setting.")
        restrict(ui.latentSoftmaxSelector, latent or other)
        restrict(ui.latentReductionSelector, latent or other)
        start = "" if chosen.initFromTeacher else _("The student does not start from its teacher's weights.")
        restrict(ui.controlCheckBox, start)
        message = config.problem() or config.warning() if available else ""
        ui.experimentLabel.text = message
        ui.experimentLabel.visible = bool(message)
        if config.capabilities is not None and config.recipe_file not in (None, self._queried):
            config.failure = ""
            self.query()

    def fill(self) -> None:
        """Fill the lists with what is available and restore the choices."""
        capabilities = self.config.capabilities
        if capabilities is None or self._choices.parameters is None:
            return
        self._fill_recipes(capabilities)
        chosen = self._choices.current
        networks = {name: name for name in capabilities.networks}
        _refill(self.ui.networkSelector, networks, chosen.network, capabilities.networks)
        same = {"": _("Same as teacher")}
        _refill(self.ui.studentNetworkSelector, same | networks, chosen.studentNetwork, capabilities.networks)
        automatic = _("Automatic ({device})").format(device=capabilities.devices[0])
        devices = {"": automatic} | {name: name for name in capabilities.devices}
        if chosen.device not in devices:
            chosen.device = ""  # the scene comes from another computer
        _refill(self.ui.deviceSelector, devices, chosen.device)

    def restore(self) -> None:
        """Show choices that were made elsewhere; those of a recipe file are its values."""
        self.config.failure, self._adopted = "", None
        if self.config.recipe_file is not None:
            self.config.take_recipe()
        self.fill()

    def adopt(self) -> None:
        """Show the choices of a scene, which stay also where they differ from their recipe."""
        self._adopted = self.config.recipe_file
        self.fill()

    def onCapabilities(self, capabilities: Capabilities) -> None:
        """Show the choices that the backend reported."""
        self._query = None
        self.config.capabilities, self.config.failure = capabilities, ""
        self.fill()
        if self._choices.parameters is not None and self.config.recipe_file not in (None, self._adopted):
            self.config.take_recipe()
            self.fill()
        self._host.update()

    def onFailed(self, failure: Failure) -> None:
        """Report that the recipe file is invalid, or that the backend cannot run."""
        self._query, self.config.failure = None, failure.message
        self._host.update()

    def onRecipe(self, index: int) -> None:
        """Switch to another recipe: its values become the choices."""
        self._choices.current.recipe = _key(self.ui.recipeSelector, index)
        self.config.failure = ""
        self.config.take_recipe()
        self.fill()
        self._host.update()

    def onNetwork(self, index: int) -> None:
        """Choose another network for the teacher."""
        self._choices.current.network = _key(self.ui.networkSelector, index)

    def onStudentNetwork(self, index: int) -> None:
        """Choose another network for the students."""
        self._choices.current.studentNetwork = _key(self.ui.studentNetworkSelector, index)

    def onDevice(self, index: int) -> None:
        """Choose another device."""
        self._choices.current.device = _key(self.ui.deviceSelector, index)

    def _fill_recipes(self, capabilities: Capabilities) -> None:
        """List the recipes; a scene without a recipe starts with the preferred one and its values."""
        chosen = self._choices.current
        names = sorted(name for name in capabilities.recipes if name != str(self._queried))
        known = chosen.recipe in (*names, FILE)
        if not known:
            chosen.recipe = PREFERRED
            self.config.take_recipe()
        _refill(self.ui.recipeSelector, {name: name for name in names} | {FILE: _("From file...")}, chosen.recipe)


def _key(selector: Any, index: int) -> str:
    return str(selector.itemData(index) or "")


def _refill(selector: Any, titles: Mapping[str, str], chosen: str, tips: Mapping[str, str] | None = None) -> None:
    """List ``titles`` by key, and choose one without emitting signals."""
    blocked = selector.blockSignals(True)
    selector.clear()
    for index, (key, title) in enumerate(titles.items()):
        selector.addItem(title, key)
        if tips and key in tips:
            selector.setItemData(index, tips[key], qt.Qt.ToolTipRole)
    keys = list(titles)
    selector.currentIndex = keys.index(chosen) if chosen in keys else 0
    selector.blockSignals(blocked)
