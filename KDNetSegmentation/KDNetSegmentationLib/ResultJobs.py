"""Jobs on a segmentation of the scene; see ``kdnet.segmentation.worker_results``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from kdnet.errors import KDNetError
from kdnet.schema.visits import VisitComparison
from KDNetLib.ModelInfo import ModelInfo
from slicer.i18n import tr as _

from KDNetSegmentationLib.DicomSource import dicom_files
from KDNetSegmentationLib.Jobs import Job
from KDNetSegmentationLib.Lesions import LesionMap, LesionSelection
from KDNetSegmentationLib.Provenance import preparation_of, warnings_of

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode


class LesionsJob(Job[LesionMap]):
    """Measuring of lesions."""

    def __init__(self, selection: LesionSelection) -> None:
        super().__init__()
        self._selection = selection
        self._voxels: Any = None

    def request(self) -> dict[str, Any]:
        """Return the request, with the labelmap that has all lesions."""
        from KDNetSegmentationLib.ArrayTransfer import send_labelmap  # noqa: PLC0415 - needs numpy

        selection = self._selection
        self._voxels = selection.everything()
        labelmap = send_labelmap(self._voxels, selection.node, selection.volumeNode, self.folder)
        labels = selection.model.labels.to_json()
        return {"task": "measure", "labels": labels, "folder": str(self.folder), "labelmap": labelmap}

    def result(self, answer: Mapping[str, Any]) -> LesionMap:
        """Return the lesions, which the selection then has too."""
        self._selection.lesions = LesionMap.received(answer, self._voxels)
        return self._selection.lesions


class VisitsJob(Job[VisitComparison]):
    """Comparison of two visits."""

    def __init__(
        self, earlier: vtkMRMLSegmentationNode, later: vtkMRMLSegmentationNode, model: ModelInfo, *, register: bool
    ) -> None:
        super().__init__()
        self._visits, self._model, self._register = (earlier, later), model, register

    def request(self) -> dict[str, Any]:
        """Return the request, with each labelmap on the grid of its own volume."""
        from KDNetSegmentationLib.ArrayTransfer import send_segmentation, send_volumes  # noqa: PLC0415 - needs numpy

        if self._visits[0] is self._visits[1]:
            raise KDNetError(_("Both visits are the same segmentation: select that of an earlier visit."))
        scans = [scan_of(node) for node in self._visits]
        pairs = zip(("earlier", "later"), self._visits, scans, strict=True)
        sent = {name: send_segmentation(node, self._model, scan, self.folder) for name, node, scan in pairs}
        registers = self._register and scans[0] is not scans[1]
        return {
            "task": "visits",
            "labels": self._model.labels.to_json(),
            "scans": send_volumes(scans, self.folder) if registers else [],
            **sent,
        }

    def result(self, answer: Mapping[str, Any]) -> VisitComparison:
        """Return the comparison."""
        return VisitComparison.from_json(answer["visits"])


class FileJob(Job[Path]):
    """Writing of a file about a segmentation as it is now."""

    needsScene = False  # it has everything when it starts

    def __init__(
        self, path: Path, node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode, model: ModelInfo
    ) -> None:
        super().__init__()
        self._path, self._node, self._volumeNode, self._model = path, node, volumeNode, model

    def request(self) -> dict[str, Any]:
        """Return the part of the request that all files need."""
        from KDNetSegmentationLib.ArrayTransfer import send_segmentation  # noqa: PLC0415 - needs numpy

        return {
            "path": str(self._path),
            "labelmap": send_segmentation(self._node, self._model, self._volumeNode, self.folder),
            "labels": self._model.labels.to_json(),
            "model": str(self._model.path),
            "files": dicom_files(self._volumeNode),
        }

    def result(self, answer: Mapping[str, Any]) -> Path:
        """Return the path of the file."""
        return Path(answer["path"])


class ReportJob(FileJob):
    """Writing of a report."""

    def request(self) -> dict[str, Any]:
        """Return the request, with the volume, what was done to it, and warnings about it."""
        from KDNetSegmentationLib.ArrayTransfer import send_volumes  # noqa: PLC0415 - needs numpy
        from KDNetSegmentationLib.Volumes import warnings_for  # noqa: PLC0415 - needs numpy

        doubts = warnings_for(self._volumeNode, self._model.modalities[0], self._model)
        return {
            **super().request(),
            "task": "report",
            "volume": send_volumes([self._volumeNode], self.folder)[0],
            "preparation": list(preparation_of(self._node)),
            "warnings": [*doubts, *warnings_of(self._node)],
        }


class DicomSegJob(FileJob):
    """Writing of a DICOM SEG."""

    def request(self) -> dict[str, Any]:
        """Return the request, with the segmentation where the series lies, without transforms of the scene."""
        from KDNetLib.Geometry import local_affine_of  # noqa: PLC0415 - needs numpy

        request = {**super().request(), "task": "dicom_seg"}
        request["labelmap"]["affine"] = local_affine_of(self._volumeNode).tolist()
        return request


def scan_of(node: vtkMRMLSegmentationNode) -> vtkMRMLScalarVolumeNode:
    """Return the volume that a segmentation was made from.

    Raises:
        KDNetError: if it is not in the scene.
    """
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    volume = node.GetNodeReference(role)
    if volume is None or volume.GetImageData() is None:  # type: ignore[attr-defined]
        text = _("The volume of {name} is not in the scene: load it, and set it as the source volume in Segment Editor.")
        raise KDNetError(text.format(name=node.GetName()))
    return volume  # type: ignore[return-value]
