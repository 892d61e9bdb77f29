"""What can be done with a segmentation of the scene: measure, compare visits, write a report or DICOM SEG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kdnet.errors import KDNetError
from KDNetLib.ModelInfo import ModelInfo
from KDNetLib.ModelLibrary import ModelLibrary
from slicer.i18n import tr as _

from KDNetSegmentationLib.JobRunner import Failed, JobRunner, Progressed
from KDNetSegmentationLib.Provenance import made_by
from KDNetSegmentationLib.ResultJobs import DicomSegJob, LesionsJob, ReportJob, VisitsJob, scan_of

if TYPE_CHECKING:
    from kdnet.schema.visits import VisitComparison
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    from KDNetSegmentationLib.Lesions import LesionMap, LesionSelection

REPORT_SUFFIXES = (".html", ".pdf")


class ResultsLogic(JobRunner):
    """Works on segmentations that were made before, also on corrected ones.

    ``model`` gives the meaning of the segments; by default, it is the model that made the segmentation.
    """

    library: ModelLibrary

    def startLesions(
        self,
        selection: LesionSelection,
        *,
        onFinished: Callable[[LesionMap], None] = lambda _lesions: None,
        onFailed: Failed = lambda _failure: None,
    ) -> None:
        """Measure the lesions of a segmentation, with those that were dropped, alongside other work."""
        self._query(LesionsJob(selection), onFinished, onFailed)

    def measureLesions(
        self,
        segmentation: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode,
        model: ModelInfo | str | None = None,
    ) -> LesionMap:
        """Measure the lesions of at least 0.05 mL of a segmentation, and wait for them.

        Raises:
            SegmentationError: in one sentence.
        """
        from KDNetSegmentationLib.Lesions import LesionSelection  # noqa: PLC0415 - numpy

        selection = LesionSelection(segmentation, volume, self._modelOf(segmentation, model))
        lesions: LesionMap = self._waited(self.startLesions, selection)
        return lesions

    def startVisits(
        self,
        earlier: vtkMRMLSegmentationNode,
        later: vtkMRMLSegmentationNode,
        *,
        model: ModelInfo | str | None = None,
        register: bool = True,
        onFinished: Callable[[VisitComparison], None] = lambda _comparison: None,
        onFailed: Failed = lambda _failure: None,
        onProgress: Progressed = lambda _progress: None,
    ) -> None:
        """Compare two segmentations of one patient.

        Volumes and diameters are measured on the grid of each. The alignment only decides which lesions belong together.

        Args:
            earlier: segmentation of the earlier visit.
            later: segmentation of the later visit.
            model: model whose labels both have.
            register: register the scans of both rigidly; otherwise, they are compared as they lie in the scene.
            onFinished: called with the comparison.
            onFailed: called with the reason.
            onProgress: called as the work progresses.

        Raises:
            RuntimeError: if other work is in progress.
            KDNetError: if there is no such model.
        """
        job = VisitsJob(earlier, later, self._modelOf(later, model), register=register)
        self._begin(job, onFinished, onFailed, onProgress)

    def compareVisits(
        self,
        earlier: vtkMRMLSegmentationNode,
        later: vtkMRMLSegmentationNode,
        *,
        model: ModelInfo | str | None = None,
        register: bool = True,
    ) -> VisitComparison:
        """Do the same as :meth:`startVisits`, but wait and return the comparison.

        Raises:
            SegmentationError: in one sentence.
        """
        result: VisitComparison = self._waited(self.startVisits, earlier, later, model=model, register=register)
        return result

    def startReport(
        self,
        path: str | Path,
        segmentation: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode | None = None,
        *,
        model: ModelInfo | str | None = None,
        onFinished: Callable[[Path], None] = lambda _path: None,
        onFailed: Failed = lambda _failure: None,
    ) -> None:
        """Write the report on a segmented volume as HTML or, if ``path`` ends in ``.pdf``, as PDF.

        Raises:
            RuntimeError: if other work is in progress.
            KDNetError: if the name of the file does not fit.
        """
        if Path(path).suffix.lower() not in REPORT_SUFFIXES:
            raise KDNetError(_("The report {path} must end in .html or .pdf: choose another name.").format(path=path))
        job = ReportJob(Path(path), segmentation, volume or scan_of(segmentation), self._modelOf(segmentation, model))
        self._begin(job, onFinished, onFailed, lambda _progress: None)

    def writeReport(
        self,
        path: str | Path,
        segmentation: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode | None = None,
        *,
        model: ModelInfo | str | None = None,
    ) -> Path:
        """Do the same as :meth:`startReport`, but wait and return the path.

        Raises:
            SegmentationError: in one sentence.
        """
        written: Path = self._waited(self.startReport, path, segmentation, volume, model=model)
        return written

    def startDicomSeg(
        self,
        path: str | Path,
        segmentation: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode | None = None,
        *,
        model: ModelInfo | str | None = None,
        onFinished: Callable[[Path], None] = lambda _path: None,
        onFailed: Failed = lambda _failure: None,
    ) -> None:
        """Write a segmentation as DICOM SEG of the series that its volume was loaded from.

        Raises:
            RuntimeError: if other work is in progress.
            KDNetError: if there is no such model.
        """
        job = DicomSegJob(Path(path), segmentation, volume or scan_of(segmentation), self._modelOf(segmentation, model))
        self._begin(job, onFinished, onFailed, lambda _progress: None)

    def writeDicomSeg(
        self,
        path: str | Path,
        segmentation: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode | None = None,
        *,
        model: ModelInfo | str | None = None,
    ) -> Path:
        """Do the same as :meth:`startDicomSeg`, but wait and return the path.

        Raises:
            SegmentationError: in one sentence.
        """
        written: Path = self._waited(self.startDicomSeg, path, segmentation, volume, model=model)
        return written

    def _modelOf(self, segmentation: vtkMRMLSegmentationNode, model: ModelInfo | str | None) -> ModelInfo:
        """Return the named model, or the one that made a segmentation.

        Raises:
            KDNetError: if it is not known here.
        """
        if isinstance(model, str):
            return self.library.find(model)
        found = model or made_by(segmentation, self.library.models())
        if found is None:
            text = _("The model that made {name} is not known here: name a model with the same labels.")
            raise KDNetError(text.format(name=segmentation.GetName()))
        return found
