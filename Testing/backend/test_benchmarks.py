"""The parts of the benchmarks that decide what a page says; what they measure is not tested."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = str(Path(__file__).resolve().parents[1] / "benchmarks")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


def test_peak_of_a_command_is_its_own_and_not_that_of_the_process_that_started_it() -> None:
    from measuring import peak_mebibytes, used_by

    held = np.ones(300 << 17)  # 300 MiB
    usage = used_by([sys.executable, "-S", "-c", "import time; time.sleep(0.5); print('done')"])
    assert usage.output == "done\n"
    assert peak_mebibytes() > 300
    assert 0 < usage.peak_mib < 100
    del held


def test_failed_command_is_an_error() -> None:
    from measuring import used_by

    with pytest.raises(RuntimeError, match="ended with code 3"):
        used_by([sys.executable, "-S", "-c", "raise SystemExit(3)"])


def test_processor_time_includes_children_that_still_run() -> None:
    import os
    import subprocess

    from measuring import descendants, tree_cpu

    alone = tree_cpu(os.getpid())
    work = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in descendants(os.getpid())
        assert tree_cpu(os.getpid()) - alone >= 0.4
        child.communicate(b"\n")


def test_clock_is_left_out_where_other_programs_used_the_processor() -> None:
    from measuring import clock

    assert clock(1.5, 1.0) == "1.50"
    assert clock(2.5, 1.0) == ""


def test_growth_of_linear_time_is_1() -> None:
    from bench_volumes import Size, growing

    sizes = [Size(edge, 0.5 + 2e-8 * edge**3, 500.0, {}) for edge in (128, 256, 512)]
    assert growing(sizes) == pytest.approx([1.0])


def test_stages_of_a_study_are_read_off_at_its_events() -> None:
    from bench_many_cases import Sample, stages_of
    from kdnet.runs.events import Event, EventKind

    def preparation(time: float, what: str) -> Event:
        return Event(time, EventKind.PREPARATION, "", {"what": what, "done": 1, "total": 1})

    events = [
        Event(1.0, EventKind.STARTED, "", {}),
        preparation(2.0, "inspecting cases"),
        preparation(4.0, "checking files"),
        preparation(7.0, "preparing cases"),
        Event(8.0, EventKind.STEP, "teacher", {"step": 1}),
        Event(10.0, EventKind.STUDY_FINISHED, "", {}),
    ]
    samples = [Sample(0.0, 0.0, 5), Sample(10.0, 20.0, 6)]
    assert stages_of(events, samples) == pytest.approx(
        {"start": 2.0, "inspection": 2.0, "digests": 4.0, "preparation": 6.0, "training and tests": 2.0, "report": 4.0}
    )


def test_made_set_is_read_by_kdnet_with_the_labels_of_brain_tumors(tmp_path: Path) -> None:
    from kdnet.data.formats.detect import read_dataset
    from kdnet.schema.labels import brats_labels
    from made_sets import write_set

    dataset = read_dataset(write_set(tmp_path, 2, ("t1ce", "flair"), shape=(16, 18, 16), spacing=10.0))
    assert dataset.modalities == ("t1ce", "flair")
    assert dataset.labels == brats_labels()
    assert len(dataset.cases) == 2
    assert all(case.reference is not None and not case.value_map for case in dataset.cases)


def test_speed_says_how_much_of_it_is_bfloat16() -> None:
    from bench_training import NNUNET, SIDES, Rate, speed_section

    usual, plain = SIDES
    text = "\n".join(speed_section({usual: Rate(1.0, 2.0), plain: Rate(2.0, 4.0), NNUNET: Rate(3.0, 6.0)}))
    assert "Measured by the clock: 3.00 times, met." in text
    assert "factor of 2.00" in text
    busy = "\n".join(speed_section({usual: Rate(9.0, 2.0), plain: Rate(9.0, 4.0), NNUNET: Rate(3.0, 6.0)}))
    assert "Measured in CPU time, because other programs used the processor: 3.00 times, met." in busy


def test_cases_of_brats_are_linked_into_a_set_that_kdnet_reads(tmp_path: Path) -> None:
    from kdnet.data.formats.detect import read_dataset
    from kdnet.data.phantom import write_phantom
    from made_sets import link_set

    write_phantom(tmp_path / "brats", cases=2, shape=(16, 18, 16), spacing=10.0)
    dataset = read_dataset(link_set(tmp_path, sorted((tmp_path / "brats").iterdir()), ("t1", "t1ce")))
    assert dataset.modalities == ("t1", "t1ce")
    assert [label.value for label in dataset.labels.labels] == [1, 2, 3, 4]
    assert all(case.reference is not None and len(case.images) == 2 for case in dataset.cases)
