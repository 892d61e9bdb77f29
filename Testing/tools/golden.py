"""Files that older versions of kdnet wrote (``Testing/backend/golden``), unpacked for a test."""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

from kdnet.data.phantom import write_phantom

GOLDEN = Path(__file__).resolve().parents[1] / "backend" / "golden"
VERSIONS = ("6363dff", "ed329a6")  # the last and the first commit of 0.1.0 that trains a study


def unpack_run(version: str, name: str, target: Path) -> Path:
    """Copy the run ``name`` (``finished`` or ``paused``) to ``target``, with its weights; return its folder."""
    run = Path(shutil.copytree(GOLDEN / version / name, target))
    for packed in list(run.rglob("*.xz")):
        packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
        packed.unlink()
    return run


def golden_data(folder: Path) -> Path:
    """Draw the cases that the runs were trained on."""
    write_phantom(folder, cases=6, shape=(16, 18, 16), spacing=9.0)
    return folder
