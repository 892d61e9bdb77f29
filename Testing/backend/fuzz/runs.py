"""Run folders with mutated files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .extremes import Random, mutated_bytes, mutated_text

LEFT_ALONE = {"lock", "reserve"}


def mutated_run(sound: Path, folder: Path, random: Random) -> Path:
    """Copy the run ``sound`` to ``folder`` and mutate one or two of its records."""
    shutil.copytree(sound, folder, ignore=shutil.ignore_patterns("cache", "report", "predictions"))
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in LEFT_ALONE)
    records = [path for path in files if path.suffix in (".json", ".jsonl")]
    for _ in range(int(random.integers(1, 3))):
        kind = records if random.random() < 0.9 else files
        path = kind[int(random.integers(len(kind)))]
        if path.is_file() and path.read_bytes() == (sound / path.relative_to(folder)).read_bytes():
            _mutate(path, random)
    return folder


def _mutate(path: Path, random: Random) -> None:
    choice = random.random()
    if choice < 0.05:
        path.unlink()
    elif choice < 0.1:
        path.unlink()
        path.mkdir()
    elif choice < 0.3 or path.suffix not in (".json", ".jsonl"):
        path.write_bytes(mutated_bytes(path.read_bytes(), random))
    elif path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines()
        at = int(random.integers(len(lines)))
        lines[at] = mutated_text(json.loads(lines[at]), random)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogatepass")
    else:
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(mutated_text(content, random), encoding="utf-8", errors="surrogatepass")
