"""Reading the network of a MONAI bundle: its description and weights, without running anything that it holds.

Of a bundle's configuration only ``network_def`` is read, and of that only a class name and plain arguments. Format:
https://docs.monai.io/en/stable/mb_specification.html
"""

from __future__ import annotations

import importlib
import json
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from kdnet.errors import ModelFileError, SettingsError
from kdnet.networks.external import CLASSES, check_plain

CONFIGURATIONS = ("inference", "train", "network", "metadata")
SUFFIXES = (".json", ".yaml", ".yml")
WEIGHTS = (".safetensors", ".pt", ".pth", ".ts")
PACKAGE = "monai.networks.nets"
NESTED = ("state_dict", "model_state_dict", "model", "network", "net")


@dataclass(frozen=True, eq=False)
class Bundle:
    """A network trained with MONAI.

    Attributes:
        path: of its folder.
        name: shown to users.
        network: class in ``monai.networks.nets``.
        arguments: of the class, plain values.
        weights: state dict.
        inputs: what its metadata calls the input channels; empty when they are not named.
        outputs: likewise of the output channels.
    """

    path: Path
    name: str
    network: str
    arguments: Mapping[str, Any]
    weights: Mapping[str, torch.Tensor]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def bundle_folder(path: Path) -> Path | None:
    """The bundle that ``path``, a folder or a file in its ``models`` folder, belongs to; None for anything else."""
    folders = [path] if path.is_dir() else [path.parent, path.parent.parent]
    return next((folder for folder in folders if any(_configurations(folder))), None)


def read_bundle(folder: Path, weights: Path | None = None) -> Bundle:
    """Read the bundle in ``folder``.

    Args:
        folder: with ``configs/inference.json`` (or ``.yaml``, ``train``, ``metadata``).
        weights: one of its files of weights; by default the one in ``models`` or in the folder itself.

    Raises:
        ModelFileError: when it is damaged, or its network is described by more than a class and plain values.
    """
    path, definition = _definition(folder)
    target = definition.get("_target_")
    arguments = {name: value for name, value in definition.items() if name not in ("_target_", "_desc_")}
    name = _class_name(target)
    if name is None:
        raise ModelFileError(f'{path} asks for "{target}": only {", ".join(CLASSES)} of {PACKAGE} are built.')
    try:
        check_plain(arguments)
    except SettingsError as error:
        raise ModelFileError(f"{path} cannot be used: {error}") from error
    metadata = _metadata(folder)
    formats = metadata.get("network_data_format")
    formats = formats if isinstance(formats, Mapping) else {}
    return Bundle(
        folder,
        str(metadata.get("name", folder.resolve().name)),
        name,
        arguments,
        read_weights(weights or _weights_file(folder)),
        _channel_names(formats.get("inputs")),
        _channel_names(formats.get("outputs")),
    )


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The state dict in a safetensors file, a TorchScript archive, or a PyTorch file that holds nothing but tensors.

    Raises:
        ModelFileError: when the file is damaged or would have to run code.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        if _is_torchscript(path):
            return dict(torch.jit.load(path, map_location="cpu").state_dict())  # type: ignore[no-untyped-call]
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelFileError(f"{path} holds more than weights, which could run code: save its state dict alone.") from error
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise ModelFileError(f"{path} is damaged or no file of weights ({_first_line(error)}): export it again.") from error
    for name in NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise ModelFileError(f"{path} holds no state dict: save the network's state_dict() alone.")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _configurations(folder: Path) -> Iterator[Path]:
    for parent in (folder / "configs", folder):
        for stem in CONFIGURATIONS:
            yield from (path for suffix in SUFFIXES if (path := parent / f"{stem}{suffix}").is_file())


def _definition(folder: Path) -> tuple[Path, Mapping[str, Any]]:
    for path in _configurations(folder):
        content = _read(path)
        for key in ("network_def", "network"):
            definition = content.get(key)
            if isinstance(definition, Mapping) and "_target_" in definition:
                return path, definition
    raise ModelFileError(f"{folder} describes no network_def in configs/inference.json: add it, or choose another bundle.")


def _class_name(target: object) -> str | None:
    if not isinstance(target, str):
        return None
    package, _, name = target.rpartition(".")
    ours = package in ("", PACKAGE) or package.rpartition(".")[0] == PACKAGE
    name = {"Unet": "UNet", "DynUnet": "DynUNet", "Dynunet": "DynUNet", "BasicUnet": "BasicUNet"}.get(name, name)
    return name if ours and name in CLASSES else None


def _metadata(folder: Path) -> Mapping[str, Any]:
    for path in (folder / "configs" / "metadata.json", folder / "metadata.json"):
        if path.is_file():
            return _read(path)
    return {}


def _channel_names(described: object) -> tuple[str, ...]:
    """Names in ``{"image": {"channel_def": {"0": "T1c", ...}}}``; empty when they are not all there."""
    if not isinstance(described, Mapping) or len(described) != 1:
        return ()
    only = next(iter(described.values()))
    names = only.get("channel_def") if isinstance(only, Mapping) else None
    if not isinstance(names, Mapping) or set(names) != {str(index) for index in range(len(names))}:
        return ()
    return tuple(str(names[str(index)]) for index in range(len(names)))


def _weights_file(folder: Path) -> Path:
    found = [path for parent in (folder / "models", folder) for path in sorted(parent.glob("*")) if path.suffix in WEIGHTS]
    named = [path for suffix in WEIGHTS for path in found if path.name == f"model{suffix}"]
    if not named and len(found) != 1:
        told = f"holds {len(found)} files of weights" if found else "holds no weights"
        raise ModelFileError(f"{folder} {told}: put one model.safetensors or model.pt into its models folder.")
    return (named or found)[0]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else _yaml(path, text)
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read ({_first_line(error)}): correct it.") from error
    if not isinstance(content, Mapping):
        raise ModelFileError(f"{path} describes no bundle: correct it.")
    return content


def _yaml(path: Path, text: str) -> Any:
    try:
        yaml = importlib.import_module("yaml")
    except ImportError as error:
        raise ModelFileError(f"{path} needs the package PyYAML to be read: install it, or save it as JSON.") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(_first_line(error)) from error


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.split("/")[1:2] == ["code"] for name in archive.namelist())


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
