"""Write files as an older version of kdnet writes them: ``python generate.py CHECKOUT FOLDER`` (see README.md).

Everything is trained by the older version, on phantom cases. Only then is the run stripped: the case cache, the pictures of
the report and the lock are removed, each tensor is filled with its mean so that it compresses to a few hundred bytes, and
paths of this machine are replaced.
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save

RECIPE = {
    **{"steps": 30, "validation_every": 10, "checkpoint_seconds": 0, "spacing": [9, 9, 9], "patch": [16, 16, 16]},
    **{"batch": 1, "network": "segresnet-4", "warm_start": False, "precision": "float32"},
}
DATA = "/data/phantom"


def main(checkout: Path, target: Path) -> None:
    """Write the runs ``finished`` and ``paused``, the shipped recipes, and the cards of the shipped models to ``target``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kdnet = _Kdnet(checkout, folder)
        kdnet.run("phantom", "phantom", "--cases", "6", "--size", "16", "18", "16", "--spacing", "9")
        settings = [f"--set={key}={json.dumps(value)}" for key, value in RECIPE.items()]
        study = ["study", "phantom", "--recipe", "demo", "--folds", "0", "--student", "t1ce", "--threads", "1", *settings]
        kdnet.run(*study, "--device", "cpu", "--out", "finished")
        kdnet.pause_at_the_baseline(folder / "paused", *study, "--device", "cpu", "--out", "paused")
        for run in ("finished", "paused"):
            shutil.rmtree(target / run, ignore_errors=True)
            _strip(folder / run, target / run, folder)
    shutil.copytree(checkout / "KDNetTraining/kdnet/training/recipes", target / "recipes", dirs_exist_ok=True)
    for model in (checkout / "Resources/Models").glob("*.safetensors"):
        (target / "cards").mkdir(exist_ok=True)
        with safe_open(model, framework="pt") as stream:
            content = save({"weight": torch.zeros(1)}, metadata=stream.metadata())
        (target / "cards" / f"{model.stem}.safetensors").write_bytes(content)


class _Kdnet:
    """The command line of the older version."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.environment = {**os.environ, "PYTHONPATH": str(checkout / "KDNetTraining"), "PYTHONSAFEPATH": "1"}
        self.folder = folder

    def run(self, *arguments: str) -> None:
        """Run a command to its end."""
        if self.start(*arguments).wait():
            sys.exit(f"failed: {arguments}")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command."""
        return subprocess.Popen([sys.executable, "-m", "kdnet", *arguments], cwd=self.folder, env=self.environment)

    def pause_at_the_baseline(self, run: Path, *study: str) -> None:
        """Pause a study, or terminate it where the version has no pause, when its second network has a checkpoint."""
        process = self.start(*study)
        while not (run / "fold0/seed0/teacher/scores.json").exists():
            time.sleep(0.005)
        if (run / "process.json").exists():
            (run / "control.json").write_text('{"intent": "pause"}')
        else:
            while not (run / "fold0/seed0/baseline-t1ce/checkpoint.safetensors").exists():
                time.sleep(0.005)
            process.terminate()
        process.wait()
        if not (run / "fold0/seed0/baseline-t1ce/checkpoint.safetensors").exists():
            sys.exit("the study was not paused in the baseline: try again")


def _strip(source: Path, target: Path, private: Path) -> None:
    for path in sorted(source.rglob("*")):
        inner = path.relative_to(source)
        if not path.is_file() or inner.parts[0] in ("cache", "lock") or path.suffix in (".html", ".png"):
            continue
        copy = target / inner
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".safetensors":
            copy.with_name(copy.name + ".xz").write_bytes(lzma.compress(_flat(path)))
        elif path.suffix == ".gz":
            shutil.copyfile(path, copy)
        else:
            text = path.read_text(encoding="utf-8").replace(str(private / "phantom"), DATA)
            copy.write_text(text.replace(os.uname().nodename, "workstation"), encoding="utf-8")


def _flat(path: Path) -> bytes:
    """Return the file with each floating-point tensor filled with its mean, and a hash that fits."""
    with safe_open(path, framework="pt") as stream:
        header = json.loads(stream.metadata()["kdnet"])
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    flat = {
        name: torch.full_like(value, float(value.mean())) if value.is_floating_point() else value
        for name, value in tensors.items()
    }
    if "sha256" in header:
        header["sha256"] = _weights_hash(flat)
    return save(flat, metadata={"kdnet": json.dumps(header)})


def _weights_hash(tensors: dict[str, torch.Tensor]) -> str:
    from kdnet.model_file import weights_hash

    return weights_hash(tensors)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
