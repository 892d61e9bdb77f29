"""Damaged headers of every format: each is read or refused in a sentence, and none ends or hangs the process."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zlib
from pathlib import Path

from .images import metaimage, nifti, noise, nrrd, series

COUNT = int(os.environ.get("KDNET_FUZZ_COUNT", "560"))
PRELUDE = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_every_damaged_header_is_read_or_refused_in_a_sentence(tmp_path: Path) -> None:
    packed, zipped = zlib.compress(noise().T.tobytes()), gzip.compress(noise().T.tobytes())
    nifti(tmp_path / "first.nii")
    nifti(tmp_path / "second.nii", version=2)
    metaimage(tmp_path / "raw.mha")
    metaimage(tmp_path / "packed.mha", packed, CompressedData=True, CompressedDataSize=len(packed))
    nrrd(tmp_path / "raw.nrrd")
    nrrd(tmp_path / "packed.nrrd", zipped, encoding="gzip")
    series(tmp_path / "series", count=5)
    script = Path(__file__).with_name("fuzz_readers.py")
    command = [sys.executable, *(["-c", PRELUDE] if sys.platform == "linux" else []), str(script), str(tmp_path)]
    done = subprocess.run(
        [*command, "0", str(COUNT)],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=60 + COUNT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    *faults, counts = done.stdout.strip().splitlines()
    assert not faults
    assert counts.startswith("{'read'")
