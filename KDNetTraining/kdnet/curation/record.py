"""What is known about a case after it was prepared, or could not be; written beside its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kdnet.errors import DataError
from kdnet.foreign import read_json, reading

SCHEMA = 1
FILE = "prepared.json"
PICTURE = "picture.jpg"
EXTRACTED = "Brain extracted"  # start of the sentence about a case whose brain was extracted


@dataclass(frozen=True)
class CaseRecord:
    """The record of a case. It holds places in the raw folder and figures; nothing of a DICOM header.

    Attributes:
        case, patient: names.
        fingerprint: of sources and settings; another one means that the case must be prepared again.
        reason: why it could not be prepared; empty if it was.
        reference: modality of the reference scan.
        scans: name of the series by modality.
        shape, spacing: of the grid, in voxels and mm.
        segmentation: file of the expert segmentation; empty without one.
        labels_ml: volume of each label.
        done: what was done, in sentences.
        warnings: what to look at, in sentences.
        skipped: name of each series that is not used, and why.
    """

    case: str
    patient: str
    fingerprint: str
    reason: str = ""
    reference: str = ""
    scans: Mapping[str, str] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    segmentation: str = ""
    labels_ml: Mapping[str, float] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def read(cls, path: Path) -> CaseRecord | None:
        """Read a record; None if it is missing, damaged or of another version, so that the case is prepared again."""
        if not path.is_file():
            return None
        try:
            content = read_json(path)
            with reading(path, "remove it"):
                return cls.from_json(content) if content["schema"] == SCHEMA else None
        except DataError:
            return None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CaseRecord:
        """Read what :meth:`to_json` returned.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: if it is something else.
        """
        texts = {
            name: str(content[name]) for name in ("case", "patient", "fingerprint", "reason", "reference", "segmentation")
        }
        return cls(
            **texts,
            scans={str(key): str(value) for key, value in content["scans"].items()},
            shape=tuple(int(size) for size in content["shape"]),
            spacing=tuple(float(step) for step in content["spacing"]),
            labels_ml={str(key): float(value) for key, value in content["labels_ml"].items()},
            done=tuple(map(str, content["done"])),
            warnings=tuple(map(str, content["warnings"])),
            skipped=tuple((str(name), str(why)) for name, why in content["skipped"]),
        )
