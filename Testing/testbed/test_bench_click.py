"""The benchmark of a click runs: what the panel's logic offers it changes now and then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")
def test_one_round_of_clicks_gives_a_page(tmp_path: Path) -> None:
    script = REPOSITORY / "Testing" / "benchmarks" / "bench_click.py"
    model = REPOSITORY / "Resources" / "Models" / "Phantom demo.safetensors"
    scan = REPOSITORY / "Resources" / "SampleData" / "Phantom_002_t1ce.nii.gz"
    arguments = ["--runs", "1", "--model", str(model), "--volume", str(scan), "--write", str(tmp_path)]
    subprocess.run([sys.executable, str(script), *arguments], check=True, stdout=subprocess.DEVNULL)
    text = (tmp_path / "click.md").read_text(encoding="utf-8")
    assert "| stage | cold | first after opening | warm |" in text
