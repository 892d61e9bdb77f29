"""Installing what is missing, without freezing and without leaving Slicer unusable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def install(panel: Any) -> Iterator[Any]:
    """The panel's frame, with a package missing and steps that a test chooses."""
    from KDNetLib.Dependencies import Installation, Package

    frame = panel.install
    kept = frame._find, frame._begin
    frame.steps = []
    frame._find = lambda: (Package("torch>=2.5", 2500), Package("monai>=1.5", 5))
    frame._begin = lambda _packages, said, finished: Installation(frame.steps, said, finished)
    frame.check()
    panel.update()
    yield frame
    frame.cleanup()
    frame._find, frame._begin = kept
    frame.check()
    panel.update()


def test_it_says_what_is_missing_and_how_large_it_is(install: Any, panel: Any, phantom_volume: Any) -> None:
    assert install.ui.installFrame.visible
    assert "torch>=2.5, monai>=1.5" in install.ui.installLabel.text
    assert "2.5 GB" in install.ui.installLabel.text
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    assert not panel.ui.applyButton.enabled
    assert "Install" in panel.ui.applyButton.toolTip


def test_the_frame_goes_when_all_is_there(install: Any, wait: Wait) -> None:
    install.steps[:] = [("-c", "print('Collecting torch')"), ("-c", "print('Collecting monai')")]
    install.ui.installButton.click()
    assert install.ui.installCancelButton.visible
    wait(lambda: "torch" in install.ui.installLog.plainText)
    install._find = lambda: ()
    wait(lambda: install._installation is None)
    assert "monai" in install.ui.installLog.plainText
    assert not install.ui.installFrame.visible


def test_a_failure_shows_the_last_lines_of_pip_and_can_be_tried_again(install: Any, wait: Wait) -> None:
    script = "import sys; print('Collecting torch'); print('ERROR: No matching distribution found for torch'); sys.exit(1)"
    install.steps[:] = [("-c", script), ("-c", "print('never')")]
    install.ui.installButton.click()
    wait(lambda: install._installation is None)
    assert "No matching distribution found for torch" in install.ui.installLabel.text
    assert "Collecting torch" in install.ui.installLog.plainText
    assert "never" not in install.ui.installLog.plainText
    assert install.ui.installButton.visible


def test_cancel_ends_pip_and_its_children_at_once(install: Any, wait: Wait, tmp_path: Path) -> None:
    child = f"import time; time.sleep(1); open({str(tmp_path / 'done')!r}, 'w')"
    script = f"import subprocess, sys; print('go'); subprocess.run([sys.executable, '-c', {child!r}])"
    install.steps[:] = [("-c", script)]
    install.ui.installButton.click()
    wait(lambda: "go" in install.ui.installLog.plainText)
    started = time.monotonic()
    install.ui.installCancelButton.click()
    assert time.monotonic() - started < 0.5
    time.sleep(1.5)
    assert not (tmp_path / "done").exists()


def test_packages_of_slicer_keep_their_versions(tmp_path: Path, module: Any) -> None:
    import numpy
    from KDNetLib.Dependencies import Package, install_steps, kept_versions, missing_packages

    assert f"numpy=={numpy.__version__}" in kept_versions()
    steps = install_steps((Package("torch>=2.5", 1), Package("monai>=1.5", 1)), tmp_path / "c.txt")
    assert [step[1] for step in steps] == ["pip", "light_the_torch", "pip"]
    assert all("--constraint" in step for step in steps)
    assert missing_packages() == ()


@pytest.mark.parametrize(("installed", "wanted", "enough"), [("2.13.0+cpu", "2.5", True), ("2.4.1", "2.5", False)])
def test_versions_are_compared_by_number(module: Any, installed: str, wanted: str, enough: bool) -> None:
    from KDNetLib.Dependencies import _release

    assert (_release(installed) >= _release(wanted)) is enough
