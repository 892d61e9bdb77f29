"""The plan: what will be trained, how long it takes and what it needs, as text, before anything is started."""

from __future__ import annotations

from typing import Any

from kdnet.errors import KDNetError
from kdnet.schema.study_plan import StudyPlan
from KDNetLib.Availability import restrict
from KDNetLib.Command import Command
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.Host import RequestHost
from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.PlanText import disk_warning, plan_text
from KDNetTrainingLib.Request import ExperimentRequest


class PlanPanel:
    """Requests a plan and shows it until the choices change.

    Args:
        ui: widgets of the panel by name.
        logic: plans in a process of its own.
        host: the panel.
    """

    def __init__(self, ui: Any, logic: TrainingLogic, host: RequestHost) -> None:
        self.ui, self._logic, self._host = ui, logic, host
        self._command: Command | None = None
        self._planned: list[str] = []
        self._refusal = ""
        self.ui.planButton.clicked.connect(self.onPlan)
        self._show_message("")

    @property
    def refusal(self) -> str:
        """Why the current choices cannot be carried out, as planning them has shown; empty if it has not."""
        return self._refusal

    def update(self, *, problem: str) -> None:
        """Update the button, and say when the plan is outdated; a refusal ends with its choices.

        Args:
            problem: what prevents a run, empty if nothing does.
        """
        self.ui.planButton.text = _("Cancel") if self._command is not None else _("Plan")
        restrict(self.ui.planButton, "" if self._command is not None else problem)
        if self._command is None and self._planned and self._arguments() != self._planned:
            self._show_message("" if self._refusal else _("The settings have changed. Plan again."))
            self._planned, self._refusal = [], ""

    def onPlan(self, *_arguments: Any) -> None:
        """Request a plan, or cancel."""
        if self._command is not None:
            self.cleanup()
            self._show_message("")
            self._host.update()
            return
        request = self._host.request()
        self._planned, self._refusal = request.arguments("plan"), ""
        self._show_message(_("Timing a few steps on this computer..."))
        self._command = self._logic.startPlan(
            request,
            onFinished=lambda plan: self.onFinished(plan, request),
            onFailed=self.onFailed,
            onProgress=self.onProgress,
        )
        self._host.update()

    def onProgress(self, line: str) -> None:
        """Show the progress."""
        if line.strip():
            self._show_message(line.strip())

    def onFinished(self, plan: StudyPlan, request: ExperimentRequest) -> None:
        """Show the plan."""
        self._command = None
        warning = disk_warning(plan, request.out)
        self._show_message("\n".join([plan_text(plan), *([warning] if warning else [])]))
        self._host.update()

    def onFailed(self, failure: Failure) -> None:
        """Report why there is no plan, which also keeps a run from starting."""
        self._command, self._refusal = None, failure.message
        self._show_message(failure.message)
        self._host.update()

    def cleanup(self) -> None:
        """Stop the process."""
        self._planned, self._refusal = [], ""
        if self._command is not None:
            self._command.cancel()
            self._command = None

    def _arguments(self) -> list[str]:
        try:
            return self._host.request().arguments("plan")
        except KDNetError:
            return []

    def _show_message(self, text: str) -> None:
        self.ui.planLabel.text = text
        self.ui.planLabel.visible = bool(text)
