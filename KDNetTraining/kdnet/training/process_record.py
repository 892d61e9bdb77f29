"""Which process writes a run folder, so that another one can show or end it."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

from kdnet.files import write_json

FILE = "process.json"


def record_process(root: Path) -> None:
    """Note this process in the run folder ``root``, whose lock it holds."""
    write_json(root / FILE, {"pid": os.getpid(), "host": platform.node(), "started": time.time()})


def recorded_pid(root: Path) -> int | None:
    """The process noted last, None where there is none or it ran on another machine. Whether it lives the lock tells."""
    try:
        content = json.loads((root / FILE).read_text(encoding="utf-8"))
        return int(content["pid"]) if content["host"] == platform.node() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
