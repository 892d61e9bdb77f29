"""The available models: those that ship with the extension and those that the user imported."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from kdnet.errors import KDNetError, ModelFileError
from kdnet.files import atomic_write, writable_folder
from kdnet.schema.former_names import current_file
from kdnet.shared_files import BRAIN_STUDENT, shared_resource

from KDNetLib.ModelInfo import ModelInfo, read_model_info
from KDNetLib.Translation import _

SUFFIX = ".safetensors"
MOST_VOLUMES = 4  # number of inputs in the panel


def check_offered(model: ModelInfo) -> None:
    """Reject a model with more modalities than the panel has inputs.

    Raises:
        ModelFileError: in one sentence.
    """
    count = len(model.modalities)
    if count > MOST_VOLUMES:
        raise ModelFileError(
            _("{file} needs {count} volumes, but the panel has {most} inputs: use kdnet segment instead.").format(
                file=model.path, count=count, most=MOST_VOLUMES
            )
        )


class ModelLibrary:
    """Lists, imports and removes model files.

    Args:
        folder: folder of imported models, created on the first import.
        bundled: folder of the models that ship with the extension.
    """

    def __init__(self, folder: Path, bundled: Path | None = None) -> None:
        self.folder = folder
        self.bundled = bundled or shared_resource("Models")

    def models(self) -> tuple[ModelInfo, ...]:
        """Return all readable models: imported ones first, then those of the extension, each sorted by name."""
        imported = _read_all(self.folder, bundled=False)
        shipped = [model for model in _read_all(self.bundled, bundled=True) if model.path.name != BRAIN_STUDENT]
        found = (*imported, *shipped)
        return tuple(model for model in found if len(model.modalities) <= MOST_VOLUMES)

    def find(self, name: str) -> ModelInfo:
        """Return the model whose file name is ``name`` (with or without suffix; a former file name is accepted).

        Raises:
            ModelFileError: if there is none.
        """
        wanted = current_file(name.removesuffix(SUFFIX) + SUFFIX)
        for model in self.models():
            if model.path.name == wanted:
                return model
        message = _('There is no model "{name}": select one from the list or import its file.')
        raise ModelFileError(message.format(name=name))

    def target(self, name: str) -> Path:
        """Return the path that :meth:`add` would use; it never matches another model or a name of a shipped one."""
        stem, number = name.removesuffix(SUFFIX), 1
        target = self.folder / f"{stem}{SUFFIX}"
        while target.exists() or (self.bundled / current_file(target.name)).exists():
            number += 1
            target = self.folder / f"{stem} {number}{SUFFIX}"
        return target

    def add(self, path: Path, name: str = "") -> ModelInfo:
        """Copy the model file ``path`` into the library. Validate it first (worker task ``validate``).

        Args:
            path: the file.
            name: name of the copy, by default that of the file.

        Raises:
            KDNetError: if the file is not a model or the folder cannot be written.
        """
        check_offered(read_model_info(path))
        writable_folder(self.folder)
        target = self.target(name or path.name)
        with atomic_write(target) as temporary:
            shutil.copyfile(path, temporary)
        return read_model_info(target)

    def remove(self, model: ModelInfo) -> None:
        """Delete an imported model.

        Raises:
            ModelFileError: if it ships with the extension or cannot be deleted.
        """
        if model.bundled:
            message = _("{name} is included with the extension and cannot be removed: select an imported model.")
            raise ModelFileError(message.format(name=model.name))
        try:
            model.path.unlink()
        except OSError as error:
            message = _("{file} cannot be deleted ({reason}): check its permissions.")
            raise ModelFileError(message.format(file=model.path, reason=error.strerror)) from error


def _read_all(folder: Path, *, bundled: bool) -> Sequence[ModelInfo]:
    models = []
    for path in folder.glob(f"*{SUFFIX}") if folder.is_dir() else ():
        if path.name.startswith("."):
            continue
        try:
            models.append(read_model_info(path, bundled=bundled))
        except KDNetError:
            continue  # another file in the folder is not a model; importing it would report the reason
    return sorted(models, key=lambda model: model.title)
