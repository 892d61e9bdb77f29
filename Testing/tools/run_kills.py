"""Killing a tiny study again and again, at random instants, until it has ended by itself."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kdnet.runs.events import EventKind, read_events
from made_runs import study
from waiting import PATIENCE, wait_until

TINY = ("--set", "steps=8", "--set", "validation_every=4", "--set", "patch=[8,8,8]", "--set", "batch=2")
EVENTS = 30  # of an undisturbed study, about half


@dataclass(frozen=True)
class Kind:
    """How a study runs and how it is killed.

    Attributes:
        number: of the signal.
        group: whether all processes get it, or one that chance chooses.
        workers: processes of each rank that prepare patches.
        ranks: processes that train together.
    """

    number: signal.Signals
    group: bool
    workers: int = 0
    ranks: int = 1

    def __str__(self) -> str:
        return f"{self.number.name}-{'group' if self.group else 'one'}-{self.workers}workers-{self.ranks}ranks"


@dataclass(frozen=True)
class Killed:
    """What came of it: the number of kills, and what the processes wrote to stderr."""

    kills: int
    told: str


def start(data: Path, run: Path, kind: Kind, log: Path) -> subprocess.Popen[bytes]:
    """The study in a session of its own, so that a signal to its group reaches nobody else."""
    several = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(kind.ranks), "-m"] if kind.ranks > 1 else []
    arguments = study(data, run, *TINY, "--set", f"workers={kind.workers}")
    if (run / "splits.json").exists():  # only then every run is known to have a record to resume from
        arguments = ["resume", str(run)]
    command = [sys.executable, "-m", *several, "kdnet", *arguments]
    with log.open("ab") as stream:
        return subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=stream,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


def kill_until_finished(data: Path, run: Path, kind: Kind, most: int, chance: random.Random) -> Killed:
    """Start the study; kill it up to ``most`` times; let it end."""
    log, kills = run.with_suffix(".log"), 0
    while True:
        process = start(data, run, kind, log)
        try:
            if kills < most and _wait_for_an_instant(process, run, chance):
                _send(process.pid, kind, chance)
                kills += 1
            finished = process.wait(timeout=PATIENCE) == 0
        finally:
            _end_session(process.pid)
            process.wait()
        if finished and _done(run):
            return Killed(kills, log.read_text(encoding="utf-8", errors="replace"))
        assert kills <= most
        if kills == most and process.returncode not in (0, 130, 143, -9, -15, 1, 2):
            raise AssertionError(f"exit code {process.returncode}: {log.read_text()[-2000:]}")


def session(leader: int) -> list[int]:
    """The processes of the session that ``leader`` began."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(path.parent.name))
    return sorted(found)


def _wait_for_an_instant(process: subprocess.Popen[bytes], run: Path, chance: random.Random) -> bool:
    """Wait for a random number of new events and a random time more; tell whether the study still runs."""
    before = len(read_events(run / "events.jsonl")[0])
    wanted = before + chance.randrange(EVENTS)
    wait_until(lambda: len(read_events(run / "events.jsonl")[0]) >= wanted or process.poll() is not None)
    if process.poll() is not None:
        return False
    time.sleep(chance.uniform(0, 0.3))
    return process.poll() is None


def _send(leader: int, kind: Kind, chance: random.Random) -> None:
    alive = session(leader)
    for pid in alive if kind.group else [chance.choice(alive)] if alive else []:
        try:
            os.kill(pid, kind.number)
        except ProcessLookupError:
            continue


def _end_session(leader: int) -> None:
    """Wait until all processes have ended, as they must when one was killed; end those that do not."""
    with suppress(AssertionError):
        wait_until(lambda: not session(leader), seconds=20)
    for pid in session(leader):
        os.kill(pid, signal.SIGKILL)


def _done(run: Path) -> bool:
    events = read_events(run / "events.jsonl")[0]
    return bool(events) and events[-1].event is EventKind.STUDY_FINISHED
