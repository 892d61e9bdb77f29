"""Preprocessed cases on disk: each combination of file content and settings is preprocessed once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from kdnet.data.dataset import Case
from kdnet.data.preprocessing.prepare import prepare_image, prepare_labelmap
from kdnet.data.references import read_reference
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from kdnet.files import atomic_write, writable_folder
from kdnet.schema.labels import IGNORED, LabelTable
from kdnet.schema.preprocessing import Preprocessing

VERSION = 3  # incremented when preprocessing changes its result


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """A preprocessed case, as training reads it.

    It holds paths, not open files: each memory map costs a file descriptor, of which a process may have only 256, and a
    map sent to another process is sent as its content.

    Attributes:
        name: name of the case.
        image_source: the image, or the ``.npy`` file that holds it.
        labelmap_source: likewise for the labelmap.
        lacking: channels of the image without a scan, which are 0.
    """

    name: str
    image_source: NDArray[np.float32] | Path
    labelmap_source: NDArray[np.uint8] | Path
    lacking: frozenset[int] = frozenset()

    @property
    def image(self) -> NDArray[np.float32]:
        """Image as float32 ``[modality, i, j, k]`` in the data set's modality order, memory-mapped while in use."""
        source = self.image_source
        return open_memmap(source, mode="r") if isinstance(source, Path) else source

    @property
    def labelmap(self) -> NDArray[np.uint8]:
        """Labelmap as uint8 ``[i, j, k]`` in values of the label table, memory-mapped likewise."""
        source = self.labelmap_source
        return open_memmap(source, mode="r") if isinstance(source, Path) else source


class CaseCache:
    """Preprocesses cases and caches the result.

    An entry is a folder named by a digest of the case's file content and the settings. Its files are written atomically,
    and every process writes the same content for a case, so several processes can fill one cache at once without
    coordination.

    Args:
        folder: cache folder; created when first needed.
        preprocessing: the settings.
        labels: the label table that references are mapped to.
        modalities: of the data set, in channel order, where cases may lack some; those of each case if empty.
    """

    def __init__(
        self, folder: Path, preprocessing: Preprocessing, labels: LabelTable, modalities: Sequence[str] = ()
    ) -> None:
        self.modalities = tuple(modalities)
        self.folder = folder
        self.preprocessing = preprocessing
        self.labels = labels

    def get(self, case: Case, digests: Mapping[str, str] | None = None) -> PreparedCase:
        """Return the preprocessed ``case``, from disk if it is there and complete; without a reference, it is unlabeled.

        Args:
            case: case to preprocess.
            digests: result of :func:`case_digests` for the case, if already known.

        Raises:
            DataError: naming the file that cannot be preprocessed.
        """
        entry = self.folder / self._key(case, case_digests(case) if digests is None else digests)
        prepared = _read(case.name, entry)
        if prepared is None:
            self._prepare(case, entry)
            prepared = _read(case.name, entry)
        if prepared is None:
            raise DataError(f"the preprocessed case {entry} cannot be read back: check the disk.")
        return replace(prepared, lacking=self._lacking(case))

    def _lacking(self, case: Case) -> frozenset[int]:
        return frozenset(index for index, name in enumerate(self.modalities) if name not in case.images)

    def _prepare(self, case: Case, entry: Path) -> None:
        names = [str(image.path) for image in case.images.values()]
        volumes = [read_volume(image.path, image.component) for image in case.images.values()]
        image, transform = prepare_image(volumes, self.preprocessing, names)
        if lacking := self._lacking(case):
            present = [index for index in range(len(self.modalities)) if index not in lacking]
            complete = np.zeros((len(self.modalities), *image.shape[1:]), dtype=np.float32)
            complete[present] = image
            image = complete
        if case.reference is None:
            labelmap = np.full(transform.shape, IGNORED, dtype=np.uint8)
        else:
            labelmap = prepare_labelmap(read_reference(case, self.labels), transform)
        writable_folder(entry)
        for name, array in (("image.npy", image), ("labelmap.npy", labelmap)):
            with atomic_write(entry / name) as temporary:
                np.save(temporary, array, allow_pickle=False)

    def _key(self, case: Case, digests: Mapping[str, str]) -> str:
        digest = hashlib.blake2b(digest_size=16)
        settings: dict[str, object] = {
            "version": VERSION,
            "preprocessing": self.preprocessing.to_json(),
            "labels": self.labels.to_json(),
            "values": sorted(case.value_map.items()),
        }
        if self._lacking(case):
            settings["modalities"] = list(self.modalities)
        digest.update(json.dumps(settings, sort_keys=True).encode())
        for modality, image in [*case.images.items(), ("reference", case.reference)]:
            digest.update(f"{modality} {image.component if image else None}".encode())
            if image is not None:
                digest.update(bytes.fromhex(digests[modality]))
        return digest.hexdigest()


def case_digests(case: Case) -> dict[str, str]:
    """Return a content digest of each file of ``case`` by modality and ``"reference"``, independent of paths and names.

    Raises:
        DataError: naming a file that cannot be read.
    """
    files = [*case.images.items(), *([("reference", case.reference)] if case.reference else [])]
    by_path = {path: _file_digest(path) for path in dict.fromkeys(image.path for _, image in files)}
    return {modality: by_path[image.path] for modality, image in files}


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "blake2b").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the file.") from error


def _read(name: str, entry: Path) -> PreparedCase | None:
    prepared = PreparedCase(name, entry / "image.npy", entry / "labelmap.npy")
    try:
        image, labelmap = prepared.image, prepared.labelmap
    except (FileNotFoundError, ValueError):  # missing, truncated or something else
        return None
    except OSError as error:
        raise DataError(f"{entry} cannot be read ({error.strerror or error}): check the disk.") from error
    fits = image.dtype == np.float32 and labelmap.dtype == np.uint8 and image.ndim == 4
    return prepared if fits and image.shape[1:] == labelmap.shape else None
