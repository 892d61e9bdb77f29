"""A study that is killed at random instants, in whatever way, ends with the weights of an undisturbed one."""

from __future__ import annotations

import json
import random
import signal
import sys
from pathlib import Path

import pytest
from kdnet.cli import main
from kdnet.runs.events import EventKind
from made_runs import events, hashes, study
from run_kills import TINY, Kind, kill_until_finished

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

KILL, TERM = signal.SIGKILL, signal.SIGTERM
NETWORKS = {"teacher", "baseline-t1ce", "student-t1ce"}


@pytest.fixture(scope="module")
def undisturbed(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, str]]:
    """Number of ranks to the weights of a study that nobody disturbs, made when first asked for."""
    return Undisturbed(phantom, tmp_path_factory.mktemp("undisturbed"))


class Undisturbed(dict[int, dict[str, str]]):
    def __init__(self, data: Path, folder: Path) -> None:
        super().__init__()
        self.data, self.folder = data, folder

    def __missing__(self, ranks: int) -> dict[str, str]:
        run = self.folder / f"ranks{ranks}"
        if ranks == 1:  # in this process, which has torch already
            assert main(study(self.data, run, *TINY)) == 0
        else:
            kill_until_finished(self.data, run, Kind(KILL, True, ranks=ranks), 0, random.Random())
        self[ranks] = hashes(run)
        assert self[ranks].keys() == NETWORKS
        return self[ranks]


def check(phantom: Path, undisturbed: dict[int, dict[str, str]], run: Path, kind: Kind, most: int, seed: int) -> int:
    killed = kill_until_finished(phantom, run, kind, most, random.Random(seed))
    assert hashes(run) == undisturbed[kind.ranks], killed.told
    if kind.ranks == 1:  # torchrun prints the tracebacks of its own
        assert "Traceback" not in killed.told
    assert {event.network.rpartition("/")[2] for event in events(run, EventKind.NETWORK_FINISHED)} == NETWORKS
    assert not [*run.rglob(".partial-*"), *run.rglob("checkpoint.safetensors"), *run.rglob("scores-part-*")]
    for path in run.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    return killed.kills


@pytest.mark.parametrize("kind", [Kind(KILL, False), Kind(TERM, True, workers=2)], ids=str)
def test_a_study_survives_two_kills(
    phantom: Path, undisturbed: dict[int, dict[str, str]], tmp_path: Path, kind: Kind
) -> None:
    check(phantom, undisturbed, tmp_path / "run", kind, 2, seed=1)


@pytest.mark.timeout(3600)
@pytest.mark.exhaustive
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("group", [False, True], ids=["one", "group"])
@pytest.mark.parametrize("number", [KILL, TERM], ids=["9", "15"])
def test_a_study_survives_many_kills(
    phantom: Path,
    undisturbed: dict[int, dict[str, str]],
    tmp_path: Path,
    number: signal.Signals,
    group: bool,
    ranks: int,
    workers: int,
) -> None:
    kind = Kind(number, group, workers, ranks)
    kills = check(phantom, undisturbed, tmp_path / "run", kind, 3, seed=100 * ranks + 10 * workers + number)
    print(f"{kind}: {kills} kills")
