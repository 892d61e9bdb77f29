"""The module's self-tests, for Slicer and for the test bed; they leave the user's runs and settings unchanged."""

import shutil
import unittest

import slicer
from kdnet.runs.status import RunState
from KDNetLib.Command import Command
from KDNetLib.Dependencies import missing_packages
from KDNetLib.TemporaryFolders import make_temporary_folder

from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.Request import ExperimentRequest
from KDNetTrainingLib.Runs import InMemorySettings, RunRegistry

TINY = {
    "steps": 6,
    "validation_every": 3,
    "network": "segresnet-4",
    "patch": [16, 16, 16],
    "spacing": [6.0, 6.0, 6.0],
}


class SelfTest(unittest.TestCase):
    """A study of a few steps on phantom data, from start to results."""

    def setUp(self) -> None:
        """Create a phantom."""
        slicer.mrmlScene.Clear()
        if missing_packages():
            self.fail("install the Python packages that the panel asks for, then run the tests again")
        self.folder = make_temporary_folder()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = self.folder / "data"
        drawing = ["phantom", str(self.data), "--cases", "6", "--size", "28", "33", "26", "--spacing", "6"]
        Command(drawing).wait()
        self.logic = TrainingLogic(RunRegistry(InMemorySettings()))

    def test_a_study_is_run_and_its_results_are_read(self) -> None:
        """Train teacher, baseline and student in a separate process."""
        request = ExperimentRequest(self.data, (("t1ce",),), self.folder / "run", recipe="demo", folds=(0,), settings=TINY)
        run = self.logic.start(request)
        status = self.logic.wait(run)
        assert status.state is RunState.FINISHED, status.reason
        results = self.logic.results(run)
        assert results.report is not None
        assert results.report.is_file()
        assert results.student.model is not None

    def test_a_folder_without_cases_is_reported_in_one_sentence(self) -> None:
        """Check that the run ends at once and says why."""
        empty = self.folder / "empty"
        empty.mkdir()
        run = self.logic.start(ExperimentRequest(empty, (("t1ce",),), self.folder / "run", recipe="demo"))
        status = self.logic.wait(run)
        assert status.state is RunState.FAILED
        assert "does not contain cases" in status.reason, status.reason
