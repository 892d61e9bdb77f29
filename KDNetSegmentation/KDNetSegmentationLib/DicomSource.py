"""The DICOM series that a volume of the scene was loaded from, as Slicer's DICOM module records it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from KDNetSegmentationLib.Hierarchy import series_uid

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode

INSTANCES = "DICOM.instanceUIDs"  # attribute of a volume


def dicom_value(node: vtkMRMLScalarVolumeNode, tag: str) -> str:
    """Return a DICOM value of the first file that the volume was loaded from; empty if there is none."""
    identifiers = (node.GetAttribute(INSTANCES) or "").split()
    database = _database()
    return str(database.instanceValue(identifiers[0], tag)) if identifiers and database is not None else ""


def dicom_files(node: vtkMRMLScalarVolumeNode, most: int | None = None) -> list[str]:
    """Return the files that the volume was loaded from, as the DICOM database knows them; empty if there are none.

    Args:
        node: the volume.
        most: number of files after which to stop.
    """
    database = _database()
    if database is None:
        return []
    identifiers = (node.GetAttribute(INSTANCES) or "").split()
    if identifiers:
        return [str(file) for file in map(database.fileForInstance, identifiers[:most]) if file]
    series = series_uid(node)
    return [str(file) for file in database.filesForSeries(series)][:most] if series else []


def dicom_problem(node: vtkMRMLScalarVolumeNode) -> str:
    """Return why a volume cannot be referred to as a DICOM series, with a remedy; empty if it can.

    Only the first file is looked at, because the database answers each question by itself.
    """
    files = dicom_files(node, most=1)
    if not files:
        return _("The volume was not loaded from the DICOM database. Import its series there and load it from there.")
    if not Path(files[0]).is_file():
        return _("{file} is missing. Import the DICOM series again.").format(file=files[0])
    return ""


def _database() -> Any:
    return getattr(slicer, "dicomDatabase", None)
