"""The job that adds a corrected segmentation to the training cases; see ``kdnet.segmentation.worker_collect``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdnet.schema.collection import COLLECTION_FILE, BrainMask, CollectedCase, read_header

from KDNetSegmentationLib.CaseSource import brain_of, scans_of, set_training_case, training_case
from KDNetSegmentationLib.DicomSource import dicom_value
from KDNetSegmentationLib.Jobs import Job
from KDNetSegmentationLib.Originals import original_of
from KDNetSegmentationLib.Provenance import made_by, preparation_of

if TYPE_CHECKING:
    from kdnet.schema.labels import LabelTable
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

PATIENT_ID = "0010,0020"


@dataclass(frozen=True, eq=False)
class Correction:
    """A corrected segmentation of the scene.

    Attributes:
        segmentation: the corrected segmentation.
        result: the segmentation of the model, which may be the same node.
        volume: the scan.
        model: model whose labels and modalities they have.
        patient: text that is equal for scans of one patient, of which only a hash is kept; by default, the patient ID in
            DICOM.
        noTumor: the user confirms that there is nothing to segment.
        replaced: name of the case to replace, with its scans; by default, the case that the result is, without them.
    """

    segmentation: vtkMRMLSegmentationNode
    result: vtkMRMLSegmentationNode
    volume: vtkMRMLScalarVolumeNode
    model: ModelInfo
    patient: str = ""
    noTumor: bool = False
    replaced: str = ""


@dataclass(frozen=True)
class Collected:
    """What became of a correction.

    Attributes:
        case: what is recorded of the case; None if nothing was changed.
        known: name of the case that has the scan already; empty if there was none.
    """

    case: CollectedCase | None
    known: str = ""


class CollectJob(Job[Collected]):
    """Adding or replacing of a training case."""

    needsScene = False  # it has everything when it starts

    def __init__(self, folder: Path, correction: Correction) -> None:
        super().__init__()
        self._root, self._correction = folder, correction

    def request(self) -> dict[str, Any]:
        """Return the request, with scans and labelmaps in files in the folder."""
        from KDNetSegmentationLib.ArrayTransfer import send_array  # noqa: PLC0415 - needs numpy
        from KDNetSegmentationLib.Corrections import corrected_labelmap  # noqa: PLC0415 - needs numpy

        given, labels = self._correction, self._labels()
        opened = "" if given.replaced else training_case(given.result, self._root)
        voxels = corrected_labelmap(given.segmentation, labels, given.volume)
        request = {
            "task": "collect",
            "collection": str(self._root),
            "case": given.replaced or opened,
            "corrected": send_array("corrected", voxels, given.volume, self.folder),
            "labels": labels.to_json(),
            "no_tumor": given.noTumor,
            "scans": {},
        }
        return request if opened else {**request, **self._source()}

    def result(self, answer: Mapping[str, Any]) -> Collected:
        """Return what became of it, and record the case in the segmentation."""
        if "known" in answer:
            return Collected(None, str(answer["known"]))
        case = CollectedCase.from_json(answer["case"])
        set_training_case(self._correction.result, self._root, case.name)
        return Collected(case)

    def _labels(self) -> LabelTable:
        """Return the labels of the collection, or those of the model if it is new."""
        known = (self._root / COLLECTION_FILE).is_file()
        return read_header(self._root).labels if known else self._correction.model.labels

    def _source(self) -> dict[str, Any]:
        """Return the part of the request about what was segmented, by what, and how it was prepared."""
        from KDNetSegmentationLib.ArrayTransfer import send_array, send_volumes  # noqa: PLC0415 - needs numpy

        given = self._correction
        scans = scans_of(given.result, given.volume, given.model)
        brain, origin, segment = brain_of(given.result, given.volume)
        original = original_of(given.result, given.volume.GetImageData().GetDimensions()[::-1])
        made = made_by(given.result, [given.model])
        return {
            "scans": dict(zip(scans, send_volumes(list(scans.values()), self.folder), strict=True)),
            "original": send_array("original", original, given.volume, self.folder) if original is not None else None,
            "brain": self._brain(brain, segment, origin),
            "brain_mask": origin.value,
            "model": str(made.path) if made is not None else "",
            "preparation": " ".join(preparation_of(given.result)),
            "patient": given.patient.strip() or dicom_value(given.volume, PATIENT_ID),
        }

    def _brain(self, node: vtkMRMLNode | None, segment: str, origin: BrainMask) -> dict[str, Any] | None:
        from KDNetSegmentationLib.ArrayTransfer import send_array  # noqa: PLC0415 - needs numpy
        from KDNetSegmentationLib.BrainMask import mask_of  # noqa: PLC0415 - needs numpy

        if node is None or origin is BrainMask.NONE:
            return None
        volume = self._correction.volume
        return send_array("brain", mask_of(node, segment, volume), volume, self.folder)
