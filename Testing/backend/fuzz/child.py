"""The process that reads what was mutated: one line in, one verdict out, under a limit of memory.

A request is ``{"kind": ..., "path": ...}``; the answer is ``{"outcome": "result" | "sentence" | "failure", "text": ...}``.
Whatever is no result and no sentence is a failure; the parent judges sentences, and notices death and silence.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

SPARE_BYTES = 1 << 30


def main() -> int:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    from kdnet.errors import KDNetError

    readers = _readers()
    _limit_memory()
    print(json.dumps({"outcome": "ready"}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            readers[request["kind"]](Path(request["path"]))
            answer = {"outcome": "result", "text": ""}
        except KDNetError as error:
            answer = {"outcome": "sentence", "text": str(error)}
        except BaseException:  # noqa: BLE001 - that is what is looked for
            answer = {"outcome": "failure", "text": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)
    return 0


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    limit = pages * resource.getpagesize() + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _readers() -> dict[str, Callable[[Path], None]]:
    import torch
    from kdnet.data.volumes.grid import Grid, Volume
    from kdnet.data.volumes.io import check_volume, read_volume
    from kdnet.errors import KDNetError
    from kdnet.inference.predictor import Predictor
    from kdnet.model_file import load_model
    from kdnet.runs.status import read_status
    from kdnet.schema.model_card import describe, read_card
    from kdnet.schema.model_header import parse_header, read_header_text
    from kdnet.study.export import export_model
    from kdnet.study.results import read_results

    torch.set_num_threads(1)

    def image(path: Path) -> None:
        volume = read_volume(path)
        assert volume.voxels.shape == volume.grid.shape
        assert np.isfinite(volume.grid.affine).all()
        assert abs(np.linalg.det(volume.grid.affine[:3, :3])) > 0
        assert np.isfinite(np.asarray(volume.voxels, np.float64)).all()
        check_volume(volume, str(path))

    def model(path: Path) -> None:
        parse_header(path, read_header_text(path))
        read_card(path)
        describe(path)
        found = load_model(path)
        card = found.card
        if min(card.preprocessing.spacing) >= 1:
            voxels = np.random.default_rng(0).normal(100, 20, (12, 12, 12)).astype(np.float32)
            volume = Volume(voxels, Grid((12, 12, 12), np.diag([3.0, 3.0, 3.0, 1.0])))
            Predictor(found, torch.device("cpu")).predict([volume] * len(card.modalities))

    def run(path: Path) -> None:
        problems = []
        for look in (
            read_status,
            lambda root: json.dumps(read_results(root).to_json()),
            lambda root: export_model(root, "fold0/seed0/student-t1ce", root / "export.safetensors"),
        ):
            try:
                look(path)
            except KDNetError as error:
                problems.append(error)
        if problems:
            raise problems[-1]

    return {"image": image, "model": model, "run": run}


if __name__ == "__main__":
    sys.exit(main())
