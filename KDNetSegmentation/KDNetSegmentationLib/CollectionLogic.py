"""Collecting corrected segmentations as training cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as replaced
from pathlib import Path
from typing import TYPE_CHECKING

from kdnet.errors import KDNetError
from KDNetLib.CollectionFolder import collection_arguments, read_collection
from KDNetLib.Command import Command
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetSegmentationLib.CollectJob import Collected, CollectJob, Correction
from KDNetSegmentationLib.JobRunner import Failed
from KDNetSegmentationLib.ResultsLogic import ResultsLogic
from KDNetSegmentationLib.Settings import SegmentationError

if TYPE_CHECKING:
    from kdnet.schema.collection import CollectedCase, CollectionContent
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode


class CollectionLogic(ResultsLogic):
    """Adds corrected segmentations to a folder of training cases, which ``kdnet adapt`` and ``kdnet study`` read."""

    def startCollect(
        self,
        folder: str | Path,
        correction: Correction,
        *,
        onFinished: Callable[[Collected], None] = lambda _collected: None,
        onFailed: Failed = lambda _failure: None,
    ) -> None:
        """Add a correction to the training cases in ``folder``, or replace the case that it is.

        Raises:
            RuntimeError: if other work is in progress.
        """
        self._begin(CollectJob(Path(folder), correction), onFinished, onFailed, lambda _progress: None)

    def collect(
        self,
        folder: str | Path,
        segmentation: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode,
        *,
        result: vtkMRMLSegmentationNode | None = None,
        model: ModelInfo | str | None = None,
        patient: str = "",
        noTumor: bool = False,
        replace: bool = False,
    ) -> CollectedCase:
        """Add a corrected segmentation to the training cases in ``folder``, and wait for it.

        Args:
            folder: folder of the training cases; created if needed.
            segmentation: the corrected segmentation.
            volume: its scan.
            result: the segmentation of the model, if the corrected one is another node.
            model: model whose labels they have; by default, the one that made the segmentation.
            patient: text that is equal for scans of one patient; by default, the patient ID in DICOM. Only a hash is kept.
            noTumor: confirm that there is nothing to segment.
            replace: replace the case of the same scan, if there is one.

        Raises:
            SegmentationError: in one sentence.
        """
        made = result or segmentation
        try:
            correction = Correction(segmentation, made, volume, self._modelOf(made, model), patient, noTumor)
        except KDNetError as error:
            raise SegmentationError(Failure(str(error))) from error
        collected: Collected = self._waited(self.startCollect, folder, correction)
        if collected.case is None and replace:
            again = replaced(correction, replaced=collected.known)
            collected = self._waited(self.startCollect, folder, again)
        if collected.case is None:
            text = _("{volume} is a training case already ({case}): replace it.")
            raise SegmentationError(Failure(text.format(volume=volume.GetName(), case=collected.known)))
        return collected.case

    def trainingCases(self, folder: str | Path, *, remove: str = "") -> CollectionContent:
        """Return the training cases in ``folder``, after removing the case named ``remove``.

        Raises:
            KDNetError: in one sentence.
        """
        arguments = collection_arguments(Path(folder), [remove] if remove else [])
        content: CollectionContent = Command(arguments, read=read_collection).answer()
        return content
