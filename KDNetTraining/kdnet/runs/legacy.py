"""Reading what runs of version 0.1.0 recorded: they named networks by their folders alone, and gave
neither labels nor the intent of a stop.

Nothing else in kdnet takes the path of a network apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kdnet.schema.folds import fold_number
from kdnet.schema.model_header import parse_header, read_header_text
from kdnet.schema.network_id import NetworkId, Role

MODEL_FILES = "*/seed*/*/model.safetensors"

TEACHER_FILES = "*/seed*/teacher/model.safetensors"


def network_of_path(path: str) -> NetworkId:
    """Return the network whose folder was ``path``, such as ``"fold0/seed0/student-t1ce"``.

    A teacher's modalities are not part of its path: they are left empty (see :func:`with_teacher_modalities`).

    Raises:
        ValueError: if the path is not that of a network.
    """
    fold, seed, kind = path.split("/")
    role, _, modality_key = kind.partition("-")
    modalities = tuple(modality_key.split("+")) if modality_key else ()
    return NetworkId(Role(role), modalities, fold_number(fold), int(seed.removeprefix("seed")))


def with_teacher_modalities(network: NetworkId, modalities: tuple[str, ...]) -> NetworkId:
    """Return the network with its modalities filled in if it is a teacher that was recorded without them."""
    if network.role is Role.TEACHER and not network.modalities:
        return replace(network, modalities=modalities)
    return network


def teacher_modalities(root: Path) -> tuple[str, ...]:
    """Return the teacher's modalities from a model file of the run in ``root``; empty if there is none."""
    for path in (root / "teacher.safetensors", *sorted(root.glob(TEACHER_FILES))):
        if path.exists():
            return tuple(_card(path)["modalities"])
    return ()


def labels(root: Path) -> Mapping[str, Any] | None:
    """Return the label table, as JSON values, from a model file of the run in ``root``; None if there is none."""
    for path in sorted(root.glob(MODEL_FILES)):
        labels: Mapping[str, Any] = _card(path)["labels"]
        return labels
    return None


def was_paused(reason: str) -> bool:
    """Check whether a run that recorded no intent ended on a signal, so that it was paused."""
    return reason.startswith("stopped by SIG")


def _card(path: Path) -> Mapping[str, Any]:
    return parse_header(path, read_header_text(path)).card
