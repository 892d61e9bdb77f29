"""The training cases: where they are, which there are, and opening one in the scene; without widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kdnet.schema.collection import CollectionContent
from KDNetLib.CaseLoader import CaseLoader, CaseRequest
from KDNetLib.CaseNodes import LoadedCase, keep_case
from KDNetLib.CollectionFolder import collection_text, query_collection, remember_collection, remembered_collection
from KDNetLib.Command import Command
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetSegmentationLib.CaseSource import forget_cases, nodes_of_case, set_training_case

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    Opened = Callable[[vtkMRMLSegmentationNode, vtkMRMLScalarVolumeNode], None]

REFERENCE = "reference"  # name of the corrected segmentation of a loaded case


class TrainingCases:
    """Knows the folder of training cases, and lists, opens and removes them.

    Args:
        onChanged: called when there is something new to show.
        onOpened: called with segmentation and scan of a case that was opened.

    Attributes:
        folder: the folder.
        content: its cases; None while unknown.
        message: what happened last, to be shown to the user.
    """

    def __init__(self, onChanged: Callable[[], None], onOpened: Opened) -> None:
        self._onChanged, self._onOpened = onChanged, onOpened
        self.folder = remembered_collection()
        self.content: CollectionContent | None = None
        self.message = ""
        self._query: Command | None = None
        self._loader = CaseLoader(self._loaded, self._failed)

    @property
    def text(self) -> str:
        """What happened last, and what there is, to be shown to the user."""
        summary = collection_text(self.content) if self.content is not None else ""
        return " ".join(filter(None, (self.message, summary)))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the cases."""
        return tuple(case.name for case in self.content.cases) if self.content is not None else ()

    def choose(self, folder: Path) -> None:
        """Use another folder, and remember it."""
        if folder != self.folder:
            self.folder, self.content, self.message = folder, None, ""
            remember_collection(folder)
            self.refresh()

    def refresh(self) -> None:
        """List the cases."""
        self._ask(())

    def remove(self, name: str) -> None:
        """Remove a case; its nodes in the scene stay."""
        self.message = _("Removed {case}.").format(case=name)
        self._ask((name,))

    def open(self, name: str) -> None:
        """Show a case: as it is in the scene, with changes that are not saved yet, or else from its files."""
        for node in nodes_of_case(self.folder, name):
            role = type(node).GetReferenceImageGeometryReferenceRole()
            volume = node.GetNodeReference(role)
            if volume is not None:
                self._onOpened(node, volume)  # type: ignore[arg-type]
                return
        self.message = _("Opening {case}...").format(case=name)
        self._loader.load(CaseRequest(self.folder, name))
        self._onChanged()

    def leaveScene(self) -> None:
        """Stop opening a case."""
        self._loader.cancel()

    def cleanup(self) -> None:
        """Stop all processes."""
        self.leaveScene()
        if self._query is not None:
            self._query.cancel()
            self._query = None

    def _ask(self, remove: tuple[str, ...]) -> None:
        if self._query is not None:
            self._query.cancel()

        def finished(content: CollectionContent) -> None:
            self._query, self.content = None, content
            forget_cases(self.folder, self.names)
            self._onChanged()

        self._query = query_collection(self.folder, finished, self._failed, remove)

    def _loaded(self, case: LoadedCase) -> None:
        self.message = ""
        node, volume = case.segmentations[REFERENCE], next(iter(case.volumes.values()))
        keep_case(case)
        node.SetName(_("{case} segmentation").format(case=case.case))
        set_training_case(node, self.folder, case.case)
        self._onOpened(node, volume)

    def _failed(self, failure: Failure) -> None:
        self._query, self.message = None, failure.message
        self._onChanged()
