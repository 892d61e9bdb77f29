"""The longest time for which the training panel holds up Slicer's event loop while it has most to do.

    python Testing/benchmarks/bench_training_panel.py [CASES [EVENTS]]

500 cases are inspected, while a run writes its events as fast as it can and its charts are drawn; a run with a long record
is opened at the same time. A timer of 1 ms tells how late the event loop comes back to it, and how much of that
its thread worked: the rest it waited for a core that other processes had, or for another thread.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "testbed")]

from standin.application import REPOSITORY, Application  # noqa: E402

NETWORKS = ["fold0/seed0/teacher", "fold0/seed0/baseline-t1ce", "fold0/seed0/student-t1ce"]
WRITER = """
import sys, time
from pathlib import Path
from kdnet.runs.events import EventKind, EventWriter
from kdnet.runs.lock import exclusive
folder, seconds, names = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
with exclusive(folder):
    events, until, step = EventWriter(folder / "events.jsonl"), time.monotonic() + seconds, 0
    events.write(EventKind.STUDY_STARTED, networks=names, steps=10**6)
    while time.monotonic() < until:
        step += 1
        losses = {"total": 1 / step, "segmentation": 1 / step, "soft_target": 1 / step, "latent": 1 / step}
        network = names[min(step // 5000, len(names) - 1)]
        events.write(EventKind.STEP, network, step=step, steps=10**6, losses=losses, study_seconds_left=60.0)
        if step % 20 == 0:
            dice = {region: 1 - 1 / step for region in ("ET", "TC", "WT")}
            events.write(EventKind.VALIDATION, network, step=step, loss=1 / step, dice=dice)
    print(step)
"""


class LateTimer:
    """Remembers how long the event loop did not come back."""

    def __init__(self) -> None:
        import qt

        self.gaps: list[float] = []
        self.work: list[float] = []
        self._last, self._used = time.perf_counter(), time.thread_time()
        self._timer = qt.QTimer()
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now, used = time.perf_counter(), time.thread_time()
        self.gaps.append(now - self._last)
        self.work.append(used - self._used)
        self._last, self._used = now, used

    def restart(self) -> None:
        """Forget what was before."""
        self.gaps.clear()
        self.work.clear()
        self._last, self._used = time.perf_counter(), time.thread_time()

    def told(self) -> str:
        """The longest time and how the others are spread."""
        gaps = sorted(self.gaps)
        late, worked = ([round(1000 * part) for part in sorted(parts)[-5:]] for parts in (self.gaps, self.work))
        most = 1000 * gaps[int(0.99 * (len(gaps) - 1))]
        return f"late by {late} ms at most, of it own work {worked} ms, 99 % below {most:.0f} ms, {len(gaps)} ticks"


def cases(folder: Path, count: int) -> None:
    """So many cases, all links to one; they are read and checked like others."""
    from kdnet.data.phantom import write_phantom

    write_phantom(folder / "one", cases=1, shape=(56, 66, 52), spacing=3.0)
    (source,) = (item for item in (folder / "one").iterdir() if item.is_dir())
    for index in range(count):
        target = folder / "many" / f"Case_{index:03d}"
        target.mkdir(parents=True)
        for file in source.iterdir():
            (target / file.name.replace(source.name, target.name)).hardlink_to(file)


def run_folder(folder: Path, data: Path) -> Path:
    """A run folder that a process can write events into."""
    folder.mkdir()
    study = {"schema": 1, "data": str(data), "command": "kdnet study"}
    (folder / "study.json").write_text(json.dumps(study))
    return folder


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    length = int(sys.argv[2]) if len(sys.argv) > 2 else 50_000
    folder = Path(tempfile.mkdtemp(prefix="kdnet-"))
    cases(folder, count)
    application = Application(folder / "settings")
    modules = [application.open_module(name, REPOSITORY / name) for name in ("KDNetSegmentation", "KDNetTraining")]
    panel = modules[1].panel
    modules[1].parent.resize(470, 1400)
    modules[1].parent.show()
    while panel.experiment.config.capabilities is None:
        application.process_events()
    panel.monitor.showCharts()
    timer = LateTimer()

    busy = run_folder(folder / "busy", folder / "many")
    arguments = [sys.executable, "-c", WRITER, str(busy), "20", *NETWORKS]
    writer = subprocess.Popen(arguments, stdout=subprocess.PIPE, encoding="utf-8")
    panel.runs.refill(panel.logic.open(busy).root)
    panel.ui.dataFolderEdit.currentPath = str(folder / "many")
    started = time.monotonic()
    while panel.data.selection.summary is None or writer.poll() is None:
        application.process_events()
    print(
        f"{count} cases and {writer.communicate()[0].strip()} steps in {time.monotonic() - started:.0f} s: {timer.told()}"
    )

    long = run_folder(folder / "long", folder / "many")
    lines = []
    for step in range(1, length + 1):
        losses = {"total": 1 / step, "segmentation": 1 / step, "soft_target": 0.0, "latent": 0.0}
        event = {"time": 0.0, "event": "step", "network": NETWORKS[0], "step": step, "steps": length, "losses": losses}
        lines.append(json.dumps(event))
    (long / "events.jsonl").write_text("\n".join(lines) + "\n")
    timer.restart()
    started = time.monotonic()
    panel.runs.refill(panel.logic.open(long).root)
    while not panel.monitor.curves.losses or panel.monitor.curves.losses[NETWORKS[0]].steps[-1] < length - 100:
        application.process_events()
    panel.monitor.draw()
    print(f"a run of {length} steps opened in {time.monotonic() - started:.1f} s: {timer.told()}")
    for module in modules:
        module.cleanup()


if __name__ == "__main__":
    main()
