"""Starting the worker and loading the selected model while the panel is open, before the first click."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kdnet.schema.segmentation import WORKER_IDLE_SECONDS
from slicer.i18n import tr as _

from KDNetSegmentationLib.Parameters import settings_of
from KDNetSegmentationLib.Protocols import PanelProtocol

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from KDNetLib.Worker import Failure

Wanted = tuple[Path, str, bool]  # model file, device, test-time augmentation: what the worker loads a model for


class WarmUp:
    """Keeps the selected model loaded: when the panel is opened, another model is selected, or the worker was killed.

    A worker that exits after its idle time stays away until the panel is opened again or another model is selected. After a
    failure the next click tries again, and shows the reason.

    Args:
        panel: the whole panel.
        showHint: shows a message that replaces no other.
    """

    def __init__(self, panel: PanelProtocol, showHint: Callable[[str], None]) -> None:
        self.panel, self._showHint = panel, showHint
        self._open = False
        self._working = False
        self._loaded: Wanted | None = None  # or loading, or failed to load

    def open(self) -> None:
        """Start with the next update, because the user opened the panel."""
        self._open = True
        if not self.panel.logic.running:
            self._loaded = None

    def close(self) -> None:
        """Start nothing more; a loaded model stays until the worker's idle time is over."""
        self._open = False

    def update(self, *, installed: bool) -> None:
        """Load the selected model if it is not loaded and nothing else is in progress."""
        ended = self._working and not self.panel.logic.busy
        self._working = self.panel.logic.busy
        if ended and not self.panel.logic.running:  # canceled or crashed, not idle
            self._loaded = None
        model, parameters = self.panel.model, self.panel.parameters
        if not self._open or not installed or self._working or model is None or parameters is None:
            return
        settings = settings_of(parameters)
        wanted = (model.path, settings.device, settings.tta)
        if wanted == self._loaded:
            return
        self._loaded = wanted
        self._showHint(_("Loading {model}, so that the first segmentation starts at once...").format(model=model.title))
        self.panel.logic.warmUp(
            model, settings, onFinished=lambda _device: self.onFinished(wanted, model), onFailed=self.onFailed
        )

    def onFinished(self, wanted: Wanted, model: ModelInfo) -> None:
        """Show that the model is loaded, and for how long."""
        if wanted == self._loaded:
            text = _("{model} is loaded. Its memory is freed after {minutes} minutes without use.")
            self._showHint(text.format(model=model.title, minutes=round(WORKER_IDLE_SECONDS / 60)))

    def onFailed(self, failure: Failure) -> None:
        """Show the reason; it is empty if other work was canceled, which ended the worker."""
        self._showHint(failure.message)
