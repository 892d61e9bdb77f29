"""The section where an experiment is configured: recipe, networks, distillation, length, computer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import qt
from kdnet.errors import SettingsError
from KDNetLib.Command import Command
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.Capabilities import Capabilities, query_capabilities
from KDNetTrainingLib.Parameters import LatentMethod, LatentReduction, LatentSoftmax, Length, TeacherSource
from KDNetTrainingLib.Request import numbers

FILE = "file"  # instead of a recipe name
PREFERRED = "fast"
TOLERANCE = 5e-5  # half of the last digit that a spin box shows
# recipe values that the panel changes: the parameter name, the recipe name, and the conversions between them
CHOICES: Mapping[str, tuple[str, Any]] = {
    "network": ("network", str),
    "studentNetwork": ("student_network", str),
    "lambda_": ("distillation.lambda_", float),
    "temperature": ("distillation.temperature", float),
    "studentTemperature": ("distillation.student_temperature", bool),
    "gamma": ("distillation.gamma", float),
    "latentMethod": ("distillation.latent_method", LatentMethod),
    "latentSoftmax": ("distillation.latent_softmax", LatentSoftmax),
    "latentReduction": ("distillation.latent_reduction", LatentReduction),
    "warmStart": ("warm_start", bool),
}


class ExperimentPanel:
    """Offers the backend's choices, and tracks what differs from the recipe.

    Args:
        panel: the whole panel, for its choices.
    """

    def __init__(self, panel: Any) -> None:
        self.panel, self.ui = panel, panel.ui
        self.offer: Capabilities | None = None
        self._asking: Command | None = None
        self._asked: Path | None = None
        self._failure = ""
        self.ui.recipeSelector.currentIndexChanged.connect(self.onRecipe)
        self.ui.networkSelector.currentIndexChanged.connect(self.onNetwork)
        self.ui.studentNetworkSelector.currentIndexChanged.connect(self.onStudentNetwork)
        self.ui.deviceSelector.currentIndexChanged.connect(self.onDevice)

    @property
    def recipe_file(self) -> Path | None:
        """The user's own recipe file, None when a built-in one is chosen."""
        chosen = self.panel.parameters
        return chosen.recipeFile if chosen.recipe == FILE and str(chosen.recipeFile) not in ("", ".") else None

    @property
    def recipe(self) -> Mapping[str, Any] | None:
        """All values of the chosen recipe, None until they are known."""
        if self.offer is None:
            return None
        return self.offer.recipes.get(str(self.recipe_file or self.panel.parameters.recipe))

    def ask(self) -> None:
        """Query the backend, unless this was done before."""
        file = self.recipe_file
        if self._asking is not None or (self.offer is not None and file == self._asked):
            return
        self._asked = file
        self._asking = query_capabilities([file] if file is not None else [], self.onOffer, self.onFailed)

    def cleanup(self) -> None:
        """Stop the process."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def problem(self) -> str:
        """Return why no run can be started with these choices, empty if one can."""
        chosen = self.panel.parameters
        if self._failure:
            return self._failure
        if self.offer is None:
            return _("Recipes and devices are being looked up: wait a moment.")
        if self.recipe is None:
            return _("Choose a recipe file.")
        if chosen.teacherSource is TeacherSource.FILE and str(chosen.teacherFile) in ("", "."):
            return _("Choose the teacher's file, or let a teacher be trained.")
        return self._seeds_problem()

    def settings(self) -> dict[str, object]:
        """Return the recipe values that the user changed, under their ``kdnet`` names."""
        recipe = self.recipe or {}
        changed: dict[str, object] = {}
        for choice, (name, kind) in CHOICES.items():
            wanted, value = getattr(self.panel.parameters, choice), kind(_value(recipe, name))
            same = abs(wanted - value) <= TOLERANCE if kind is float else wanted == value
            if not same:
                changed[name] = getattr(wanted, "value", wanted)
        return changed

    def update(self) -> None:
        """Update the section from the choices."""
        chosen, ui = self.panel.parameters, self.ui
        ui.recipeFileLabel.visible = ui.recipeFileEdit.visible = chosen.recipe == FILE
        own = chosen.teacherSource is TeacherSource.FILE
        ui.teacherFileLabel.visible = ui.teacherFileEdit.visible = own
        ui.amountSpinBox.visible = chosen.length is not Length.RECIPE
        ui.studentTemperatureCheckBox.enabled = chosen.lambda_ > 0
        ui.latentMethodSelector.enabled = chosen.gamma > 0
        divergence = chosen.gamma > 0 and chosen.latentMethod is LatentMethod.DIVERGENCE
        ui.latentSoftmaxSelector.enabled = ui.latentReductionSelector.enabled = divergence
        problem = self.problem() if not self.panel.install.missing else ""
        ui.experimentLabel.text = problem
        ui.experimentLabel.visible = bool(problem)
        if self.offer is not None and self.recipe_file is not None and self.recipe_file != self._asked:
            self._failure = ""
            self.ask()

    def fill(self) -> None:
        """Fill the lists with what is available and restore the choices."""
        offer, chosen = self.offer, self.panel.parameters
        if offer is None or chosen is None:
            return
        ours = [name for name in offer.recipes if name != str(self._asked)]
        first = chosen.recipe not in (*ours, FILE)
        if first:
            chosen.recipe = PREFERRED
        recipes = {name: name for name in sorted(ours)} | {FILE: _("from a file...")}
        _refill(self.ui.recipeSelector, recipes, chosen.recipe)
        networks = {name: name for name in offer.networks}
        if first:
            self._take_recipe()
        _refill(self.ui.networkSelector, networks, chosen.network, offer.networks)
        same = {"": _("as the teacher's")}
        _refill(self.ui.studentNetworkSelector, same | networks, chosen.studentNetwork, offer.networks)
        automatic = _("automatic ({device})").format(device=offer.devices[0])
        devices = {"": automatic} | {name: name for name in offer.devices}
        if chosen.device not in devices:
            chosen.device = ""  # the scene comes from another computer
        _refill(self.ui.deviceSelector, devices, chosen.device)

    def onOffer(self, offer: Capabilities) -> None:
        """Show the choices that the backend reported."""
        self._asking, self.offer, self._failure = None, offer, ""
        self.fill()
        if self.recipe_file is not None:
            self._take_recipe()
            self.fill()
        self.panel.update()

    def onFailed(self, failure: Failure) -> None:
        """Report that the recipe file is invalid, or that the backend cannot run."""
        self._asking, self._failure = None, failure.message
        self.panel.update()

    def onRecipe(self, index: int) -> None:
        """Switch to another recipe: its values become the choices."""
        self.panel.parameters.recipe = self._key(self.ui.recipeSelector, index)
        self._failure = ""
        self._take_recipe()
        self.fill()
        self.panel.update()

    def onNetwork(self, index: int) -> None:
        """Choose another network for the teacher."""
        self.panel.parameters.network = self._key(self.ui.networkSelector, index)

    def onStudentNetwork(self, index: int) -> None:
        """Choose another network for the students."""
        self.panel.parameters.studentNetwork = self._key(self.ui.studentNetworkSelector, index)

    def onDevice(self, index: int) -> None:
        """Choose another device."""
        self.panel.parameters.device = self._key(self.ui.deviceSelector, index)

    def _seeds_problem(self) -> str:
        try:
            found = numbers(self.panel.parameters.seeds, _("Seeds"))
        except SettingsError as error:
            return str(error)
        return "" if found else _("Give a seed, such as 0.")

    def _key(self, selector: Any, index: int) -> str:
        return str(selector.itemData(index) or "")

    def _take_recipe(self) -> None:
        recipe = self.recipe
        if recipe is not None:
            for choice, (name, kind) in CHOICES.items():
                setattr(self.panel.parameters, choice, kind(_value(recipe, name)))


def _value(recipe: Mapping[str, Any], name: str) -> Any:
    value: Any = recipe
    for part in name.split("."):
        value = value[part]
    return value


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
