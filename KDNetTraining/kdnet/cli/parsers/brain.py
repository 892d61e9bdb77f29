"""Parsers of ``kdnet train-brain`` and ``kdnet test-brain``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_out

CASES = "CSV file with the columns person, modality, scan, mask, held_out"


def add_parsers(commands: Any) -> None:
    """Add the commands to the ``kdnet`` parser."""
    train = add_command(
        commands,
        "train-brain",
        "kdnet.cli.brain:run_train",
        "Train the network that extracts brains from whole heads. The same command continues an interrupted training.",
        "kdnet train-brain cases.csv -o brain.safetensors",
    )
    train.add_argument("cases", type=Path, metavar="CASES", help=CASES)
    add_out(train, "model file to write; its .checkpoint is kept beside it", metavar="FILE")
    train.add_argument("--steps", type=int, metavar="N", help="training steps (default: as for the bundled model)")
    train.add_argument("--rate", type=float, metavar="RATE", help="learning rate (default: as for the bundled model)")
    train.add_argument("--seed", type=int, metavar="N", help="random seed (default: 0)")
    train.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: %(default)s)")
    train.add_argument("--start", type=Path, metavar="FILE", help="initialize with the weights of this model file")
    train.add_argument("--summary", default="", metavar="TEXT", help="summary of the training data, for the model card")
    train.add_argument("--all", action="store_true", help="train on held-out people too")
    test = add_command(
        commands,
        "test-brain",
        "kdnet.cli.brain:run_test",
        "Compare extracted brains with the masks of held-out people.",
        "kdnet test-brain brain.safetensors cases.csv",
    )
    test.add_argument("model", type=Path, metavar="MODEL", help="model file of kdnet train-brain")
    test.add_argument("cases", type=Path, metavar="CASES", help=CASES)
    add_out(test, "CSV file to write, with a row per scan", metavar="TABLE", required=False)
    test.add_argument("--update", action="store_true", help="write the metrics to the model card")
    test.add_argument("--threads", type=int, default=2, metavar="N", help="CPU threads (default: %(default)s)")
