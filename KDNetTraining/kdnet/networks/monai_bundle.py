"""Reading the network of a MONAI bundle: its description and weights, without running any of its code.

Only ``network_def`` is read from a bundle's configuration, and only a class name and plain arguments from that. Format:
https://docs.monai.io/en/stable/mb_specification.html
"""

from __future__ import annotations

import importlib
import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from kdnet.errors import ModelFileError, PackageError, SettingsError
from kdnet.foreign import parse_json, reading
from kdnet.networks.plain_values import check_plain

CLASSES = ("SegResNet", "DynUNet", "UNet", "BasicUNet", "AttentionUnet", "VNet", "UNETR", "SwinUNETR")

CONFIGURATIONS = ("inference", "train", "network", "metadata")

SUFFIXES = (".json", ".yaml", ".yml")

WEIGHTS = (".safetensors", ".pt", ".pth")

SCRIPTED = ".ts"

PACKAGE = "monai.networks.nets"

NESTED = ("state_dict", "model_state_dict", "model", "network", "net")

MOST_CONFIGURATION_BYTES = 4 << 20

MOST_YAML_VALUES = 20_000

SOUND_UNPICKLER = (2, 10)  # older torch may run code despite weights_only (CVE-2025-32434, CVE-2026-24747)


@dataclass(frozen=True, eq=False)
class Bundle:
    """A network trained with MONAI.

    Attributes:
        path: its folder.
        name: display name.
        network: class in ``monai.networks.nets``.
        arguments: of the class, plain values.
        weights: state dict.
        inputs: names of the input channels in its metadata; empty if they are not named.
        outputs: likewise for the output channels.
    """

    path: Path
    name: str
    network: str
    arguments: Mapping[str, Any]
    weights: Mapping[str, torch.Tensor]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def bundle_folder(path: Path) -> Path | None:
    """Return the bundle folder that ``path`` (the folder or a file in its ``models``) belongs to, or None."""
    folders = [path] if path.is_dir() else [path.parent, path.parent.parent]
    return next((folder for folder in folders if any(_configurations(folder))), None)


def read_bundle(folder: Path, weights: Path | None = None) -> Bundle:
    """Read the bundle in ``folder``.

    Args:
        folder: with ``configs/inference.json`` (or ``.yaml``, ``train``, ``metadata``).
        weights: one of its weight files; by default the one in ``models`` or in the folder itself.

    Raises:
        ModelFileError: when it is damaged or its network is described by more than a class and plain values.
    """
    path, definition = _definition(folder)
    target = definition.get("_target_")
    arguments = {name: value for name, value in definition.items() if name not in ("_target_", "_desc_")}
    name = _class_name(target)
    if name is None:
        raise ModelFileError(f'{path} asks for "{target}": only {", ".join(CLASSES)} of {PACKAGE} are supported.')
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
    """Read the state dict from a safetensors file, or from a PyTorch file that contains only tensors.

    No code in the file is run: TorchScript is rejected, and PyTorch files are read only by a version of torch whose
    weights reader is safe.

    Raises:
        ModelFileError: when the file is damaged or would require running code.
    """
    with reading(path, "export it again", ModelFileError):
        content: Any = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
        for name in NESTED:
            if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
                content = content[name]
        if not isinstance(content, Mapping) or not all(map(_is_plain_tensor, content.values())):
            raise ModelFileError(f"{path} does not contain a state dict: save the network's state_dict() alone.")
        return {str(name).removeprefix("module."): value for name, value in content.items()}


def _unpickled(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [name.split("/")[1:] for name in archive.namelist()]
            packed = any(item.compress_type != zipfile.ZIP_STORED for item in archive.infolist())
        if any(parts[:1] in (["code"], ["constants.pkl"]) for parts in names):
            raise ModelFileError(
                f"{path} is TorchScript, which runs code when it is loaded: save its state_dict() as model.safetensors."
            )
        if packed:  # torch.save does not compress; a compressed file may unpack to any size
            raise ModelFileError(f"{path} is a compressed archive, which torch.save does not write: export it again.")
    if torch_version() < SOUND_UNPICKLER:
        least = ".".join(map(str, SOUND_UNPICKLER))
        raise ModelFileError(
            f"{path} is a pickled PyTorch file, which torch {torch.__version__} cannot read safely: save its state_dict() "
            f"as model.safetensors, or install torch {least} or newer."
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelFileError(
            f"{path} contains more than weights, which could run code: save only its state dict."
        ) from error


def torch_version() -> tuple[int, ...]:
    """Return the major and minor version of torch."""
    return tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])


def _is_plain_tensor(value: object) -> bool:
    """Check whether it is a numeric tensor whose elements are all in its storage, and no larger than that."""
    if not isinstance(value, torch.Tensor) or value.layout is not torch.strided or value.is_quantized or value.is_meta:
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


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
    raise ModelFileError(
        f"{folder} does not define network_def in configs/inference.json: add it, or choose another bundle."
    )


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
    """Return the names in ``{"image": {"channel_def": {"0": "T1c", ...}}}``; empty if any is missing."""
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
    scripted = [path for parent in (folder / "models", folder) for path in parent.glob(f"*{SCRIPTED}")]
    if not found and scripted:
        raise ModelFileError(
            f"{scripted[0]} is TorchScript, which runs code when it is loaded: put the state_dict() of its network next to "
            "it as model.safetensors."
        )
    if not named and len(found) != 1:
        problem = f"contains {len(found)} weight files" if found else "does not contain weights"
        raise ModelFileError(f"{folder} {problem}: put one model.safetensors or model.pt into its models folder.")
    return (named or found)[0]


def _read(path: Path) -> Mapping[str, Any]:
    with reading(path, "correct it", ModelFileError):
        if path.stat().st_size > MOST_CONFIGURATION_BYTES:
            raise ModelFileError(f"{path} is larger than {MOST_CONFIGURATION_BYTES >> 20} MiB: choose another bundle.")
        text = path.read_text(encoding="utf-8-sig")
        content = parse_json(text) if path.suffix == ".json" else _yaml(path, text)
    if not isinstance(content, Mapping):
        raise ModelFileError(f"{path} does not describe a bundle: correct it.")
    return content


def _yaml(path: Path, text: str) -> Any:
    try:
        yaml = importlib.import_module("yaml")
    except ImportError as error:
        raise PackageError(f"{path} needs the package PyYAML to be read: install it, or save it as JSON.") from error
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None:
        _unfolded(root, {}, yaml.MappingNode)
    return yaml.safe_load(text)


def _unfolded(node: Any, counts: dict[int, int], mapping: type) -> int:
    """Count the values in a node with every alias expanded, because a YAML bomb is short as text.

    Raises:
        ValueError: when there are too many, or a node contains itself.
    """
    known = counts.get(id(node))
    if known is not None:
        if not known:
            raise ValueError("it contains an alias to itself")
        return known
    counts[id(node)] = 0  # being counted
    children: Sequence[Any] = node.value if not isinstance(node.value, str) else ()
    if isinstance(node, mapping):  # a list of node pairs
        children = [part for pair in children for part in pair]
    total = 1 + sum(_unfolded(child, counts, mapping) for child in children)
    if total > MOST_YAML_VALUES:
        raise ValueError(f"it expands to more than {MOST_YAML_VALUES} values")
    counts[id(node)] = total
    return total
