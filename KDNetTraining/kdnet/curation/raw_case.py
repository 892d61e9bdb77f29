"""A case of the raw folder: the series and expert segmentations of one examination of one patient."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = 1  # of the preparation; a new one prepares all cases again


@dataclass(frozen=True)
class Source:
    """One series as it lies in the raw folder.

    Attributes:
        name: place in the raw folder, for people.
        files: the slices of a DICOM series in any order, or one image file.
        dicom: whether it is a DICOM series.
        damaged: why a file in its folder, which may be a slice of it, cannot be read; empty if all can.
    """

    name: str
    files: tuple[Path, ...]
    dicom: bool = False
    damaged: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the series as JSON."""
        return {"name": self.name, "files": list(map(str, self.files)), "dicom": self.dicom, "damaged": self.damaged}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Source:
        """Read what :meth:`to_json` returned."""
        return cls(content["name"], tuple(map(Path, content["files"])), content["dicom"], content["damaged"])

    @property
    def folder(self) -> Path:
        """The folder of the first file."""
        return self.files[0].parent


@dataclass(frozen=True)
class RawCase:
    """What was found of one examination.

    Attributes:
        name: name of the case and of its folder.
        patient: name of the patient, the same in all their cases.
        sources: its series.
        labels: files that may hold an expert segmentation.
    """

    name: str
    patient: str
    sources: tuple[Source, ...] = ()
    labels: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the case as JSON, for the process that prepares it."""
        return {
            "name": self.name,
            "patient": self.patient,
            "sources": [source.to_json() for source in self.sources],
            "labels": list(map(str, self.labels)),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RawCase:
        """Read what :meth:`to_json` returned."""
        sources = tuple(map(Source.from_json, content["sources"]))
        return cls(content["name"], content["patient"], sources, tuple(map(Path, content["labels"])))

    def fingerprint(self, root: Path, settings: Mapping[str, Any]) -> str:
        """Return a text that changes with the files of the case, their times, and the settings.

        Args:
            root: the raw folder, which may move without a change.
            settings: settings as JSON.
        """
        files = sorted({*self.labels, *(path for source in self.sources for path in source.files)})
        damaged = [source.damaged for source in self.sources]
        lines = [json.dumps([VERSION, settings, self.name, self.patient, damaged], sort_keys=True)]
        for path in files:
            status = path.stat()
            lines.append(f"{path.relative_to(root).as_posix()} {status.st_size} {status.st_mtime_ns}")
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
