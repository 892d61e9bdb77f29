"""Files that ship with the extension, found in the source tree or in a flat installation folder."""

from __future__ import annotations

from pathlib import Path

BRAIN_STUDENT = "Brain.safetensors"
"""The model in ``Models`` that extracts brains; it serves the others and is not offered beside them."""

BACKEND = Path(__file__).resolve().parents[1]
"""The folder that holds the package ``kdnet``."""


def shared_resource(name: str) -> Path:
    """Return the path of a file or folder in the extension's ``Resources``, for example ``"Models"``.

    Raises:
        FileNotFoundError: if it does not exist.
    """
    candidates = [BACKEND.parent / "Resources" / name, BACKEND / "Resources" / "KDNet" / name]
    for path in candidates:
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is missing from the extension: install it again.")
