"""Installing what is missing, without freezing and without leaving Slicer unusable."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import PATIENCE, is_alive

Wait = Callable[[Callable[[], bool]], None]


MISSING = (("torch>=2.5", 2500), ("monai>=1.5", 5))


@pytest.fixture
def install(panel: Any) -> Iterator[Any]:
    """The panel's frame, with packages missing and steps that a test chooses."""
    from KDNetLib.Dependencies import Package
    from KDNetLib.Installation import Installation, start_installation

    frame = panel.install
    kept, installer = frame._find, frame._installer
    frame.steps = []
    frame._find = lambda: tuple(Package(*item) for item in MISSING)
    installer.begin = lambda _packages, said, finished: Installation(frame.steps, said, finished)
    frame.check()
    panel.update()
    yield frame
    installer.cancel()
    frame._find, installer.begin = kept, start_installation
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
    wait(lambda: not install._installer.running)
    assert "monai" in install.ui.installLog.plainText
    assert not install.ui.installFrame.visible, (install.ui.installLabel.text, install._installer.failure)


def test_a_failure_shows_the_last_lines_of_pip_and_can_be_tried_again(install: Any, wait: Wait) -> None:
    script = "import sys; print('Collecting torch'); print('ERROR: No matching distribution found for torch'); sys.exit(1)"
    install.steps[:] = [("-c", script), ("-c", "print('never')")]
    install.ui.installButton.click()
    wait(lambda: not install._installer.running)
    assert "No matching distribution found for torch" in install.ui.installLabel.text
    assert "Collecting torch" in install.ui.installLog.plainText
    assert "never" not in install.ui.installLog.plainText
    assert install.ui.installButton.visible


def test_cancel_ends_pip_and_its_children_at_once(install: Any, wait: Wait) -> None:
    child = "import os, time; print(f'child {os.getpid()}.', flush=True); time.sleep(3600)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    install.steps[:] = [("-c", script)]
    install.ui.installButton.click()
    wait(lambda: "." in install.ui.installLog.plainText)
    child_pid = int(install.ui.installLog.plainText.split("child ")[1].split(".")[0])
    assert is_alive(child_pid)
    install.ui.installCancelButton.click()
    wait(lambda: not is_alive(child_pid))


def test_leaving_and_coming_back_shows_the_installation_that_runs(install: Any, panel: Any, wait: Wait) -> None:
    install.steps[:] = [("-c", "import time; print('Collecting torch', flush=True); time.sleep(3600)")]
    install.ui.installButton.click()
    wait(lambda: "Collecting torch" in install.ui.installLog.plainText)
    first = install._installer._installation
    panel.exit()
    panel.enter()
    assert install.ui.installCancelButton.visible
    assert not install.ui.installButton.visible
    assert "Collecting torch" in install.ui.installLog.plainText
    install.onInstall()
    assert install._installer._installation is first, "no second pip"
    install.ui.installCancelButton.click()
    assert not install._installer.running
    assert install.ui.installButton.visible


def test_both_modules_show_the_same_installation(install: Any, wait: Wait) -> None:
    from types import SimpleNamespace

    from KDNetLib.InstallPanel import InstallPanel

    names = ("installFrame", "installLabel", "installButton", "installCancelButton", "installLog")
    ui = SimpleNamespace(**{name: type(getattr(install.ui, name))() for name in names})
    other = InstallPanel(ui, lambda: None, install._find)
    install.steps[:] = [("-c", "import time; print('Collecting torch', flush=True); time.sleep(3600)")]
    install.ui.installButton.click()
    wait(lambda: "Collecting torch" in ui.installLog.toPlainText() if callable(ui.installLog.toPlainText) else True)
    assert install._installer.running
    other.onInstall()
    other.cleanup()
    assert install._installer.running, "the other panel still watches"
    install._installer.cancel()


VERSIONS = {"torch": "2.6.0+cu124", "numpy": "1.26.4", "monai": "1.3.0", "odd": "unknown", "typing_extensions": "4.12.2"}


def test_nothing_that_is_installed_changes_its_major_or_minor_version(module: Any) -> None:
    from KDNetLib.Dependencies import constraints

    lines = constraints(VERSIONS, ["monai"]).splitlines()
    assert lines == ["numpy>=1.26.4,==1.26.*", "torch==2.6.0+cu124", "typing_extensions>=4.12.2,==4.12.*"]


def drive(packages: Any, folder: Path, answers: Any, said: list[str]) -> list[tuple[str, ...]]:
    """Carry out a plan against answers instead of processes; return the steps."""
    from KDNetLib.Installation import install_plan

    plan, steps, sent = install_plan(packages, folder, said.append), [], None
    while True:
        try:
            step = tuple(plan.send(sent))
        except StopIteration:
            return steps
        steps.append(step)
        sent = answers(step)


def package(requirement: str) -> Any:
    from KDNetLib.Dependencies import Package

    return Package(requirement, 1)


class Pip:
    """Answers as processes would; installs what it is told to, or what ``instead`` says."""

    def __init__(self, installed: dict[str, str], gives: dict[str, str], dry: dict[str, str] | None = None) -> None:
        self.installed, self.gives, self.dry = dict(installed), gives, gives if dry is None else dry

    def __call__(self, step: tuple[str, ...]) -> list[str]:
        import json

        if step[0] == "-c":
            return ["a warning of Python", json.dumps({"installed": self.installed})]
        if "--dry-run" in step:
            items = [{"metadata": {"name": name, "version": version}} for name, version in self.dry.items()]
            Path(step[step.index("--report") + 1]).write_text(json.dumps({"install": items}))
            return []
        self.installed |= self.gives
        return ["Collecting", "ERROR: no space"]


def test_monai_is_chosen_by_the_torch_that_is_there(module: Any, tmp_path: Path) -> None:
    said: list[str] = []
    pip = Pip({"torch": "2.6.0+cu124", "numpy": "1.26.4"}, {"monai": "1.5.1"})
    steps = drive([package("monai>=1.5")], tmp_path, pip, said)
    assert "torch==2.6.0+cu124" in (tmp_path / "constraints.txt").read_text()
    assert ["--dry-run" in step for step in steps] == [False, True, False, False]
    assert said == ["Planned changes: monai 1.5.1 (new)."]


def test_a_dry_run_that_would_replace_a_package_of_slicer_changes_nothing(module: Any, tmp_path: Path) -> None:
    from kdnet.errors import KDNetError

    pip = Pip({"torch": "2.6.0+cu124"}, {"monai": "1.6.1", "torch": "2.14.1"})
    with pytest.raises(KDNetError, match=r"Nothing was installed because torch 2\.6\.0"):
        drive([package("monai>=1.5")], tmp_path, pip, [])
    assert pip.installed == {"torch": "2.6.0+cu124"}


def test_a_failed_torch_is_noticed_though_its_process_ended_well(module: Any, tmp_path: Path) -> None:
    from kdnet.errors import KDNetError

    said: list[str] = []
    with pytest.raises(KDNetError, match="no space"):
        drive([package("torch>=2.5"), package("monai>=1.5")], tmp_path, Pip({"light-the-torch": "0.7.5"}, {}), said)


def test_a_package_that_was_replaced_all_the_same_is_named(module: Any, tmp_path: Path) -> None:
    from kdnet.errors import KDNetError

    pip = Pip({"numpy": "1.26.4"}, {"monai": "1.6.1", "numpy": "2.0.0"}, dry={"monai": "1.6.1"})
    with pytest.raises(KDNetError, match=r"install numpy==1\.26\.4"):
        drive([package("monai>=1.5")], tmp_path, pip, [])


def test_a_fresh_process_reports_what_is_there(module: Any) -> None:
    import numpy
    from KDNetLib.Dependencies import missing_packages
    from KDNetLib.Installation import LIST_PACKAGES, _versions
    from KDNetLib.ProcessTree import start_python

    printed = start_python(LIST_PACKAGES, merged=True).communicate(timeout=PATIENCE)[0].splitlines()
    assert _versions(printed)["numpy"] == numpy.__version__
    assert missing_packages() == ()


def test_what_an_interrupted_pip_left_counts_as_nothing(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from KDNetLib import Dependencies
    from KDNetLib.Installation import LIST_PACKAGES, _versions
    from KDNetLib.ProcessTree import start_python

    for folder, name, version in (("first", "zzpkg-2.5.0", "2.5.0"), ("second", "zzpkg-2.4.0", "2.4.0")):
        for file in (tmp_path / folder / f"{name}.dist-info", tmp_path / "first" / "~zpkg-2.3.0.dist-info"):
            file.mkdir(parents=True, exist_ok=True)
            (file / "METADATA").write_text(f"Metadata-Version: 2.1\nName: zzpkg\nVersion: {version}\n")
    (tmp_path / "first" / "zzbare-1.0.dist-info").mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second")]))
    found = _versions(start_python(LIST_PACKAGES, merged=True).communicate(timeout=PATIENCE)[0].splitlines())
    assert {name: version for name, version in found.items() if name.startswith("zz")} == {"zzpkg": "2.5.0"}
    monkeypatch.syspath_prepend(tmp_path / "first")
    assert not Dependencies._satisfied("zzbare>=1.0")
    assert Dependencies._satisfied("zzpkg>=2.5")


@pytest.mark.parametrize(
    ("installed", "wanted", "enough"),
    [
        ("2.13.0+cpu", "2.5", True),
        ("2.4.1", "2.5", False),
        ("1.5rc1", "1.5", False),
        ("1.5.0rc1", "1.5", False),
        ("1.5.0.dev20240101", "1.5", False),
        ("1.5", "1.5.0", True),
        ("1.5.0.post1", "1.5", True),
        ("2.10.0a0+gitabc", "2.5", True),
        ("2.10", "2.9", True),
        ("", "1.5", False),
        ("unknown", "1.5", False),
    ],
)
def test_versions_are_compared_by_number(module: Any, installed: str, wanted: str, enough: bool) -> None:
    from KDNetLib.Dependencies import satisfies_minimum

    assert satisfies_minimum(installed, wanted) is enough
