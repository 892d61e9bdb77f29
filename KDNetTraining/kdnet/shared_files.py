"""Files that come with the extension, wherever it lies: in the source tree, or installed side by side in one folder."""

from __future__ import annotations

from pathlib import Path

BRAIN_STUDENT = "Brain.safetensors"
"""The model in ``Models`` that extracts brains; it serves the others and is not offered beside them."""

BACKEND = Path(__file__).resolve().parents[1]
"""The folder that holds the package ``kdnet``."""


def shared_resource(name: str) -> Path:
    """The path of a file or folder in ``Resources`` of the extension, for example ``"Models"``.

    Raises:
        FileNotFoundError: when it is not there.
    """
    candidates = [BACKEND.parent / "Resources" / name, BACKEND / "Resources" / "KDNet" / name]
    for path in candidates:
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is missing from the extension: install it again.")
