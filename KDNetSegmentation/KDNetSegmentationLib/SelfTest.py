"""The module's self-tests, for Slicer and for the testbed; they do not touch the user's models and settings."""

import unittest
from pathlib import Path

import slicer
from kdnet.shared_files import shared_resource
from KDNetLib.Dependencies import missing_packages

from KDNetSegmentationLib.Logic import SegmentationLogic

PHANTOM = "Phantom_002_t1ce.nii.gz"


class SelfTest(unittest.TestCase):
    """The first steps of a new user: phantom volume, demo model, Segment."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()
        if missing_packages():
            self.fail("install the Python packages that the panel asks for, then run the tests again")
        self.logic = SegmentationLogic()
        self.addCleanup(self.logic.cleanup)

    def test_segment_the_phantom_with_the_demo_model(self) -> None:
        """Check that the tumor is found, on exactly the grid of the volume."""
        volume = slicer.util.loadVolume(str(Path(shared_resource("SampleData")) / PHANTOM))
        result = self.logic.segment(volume, "Phantom demo")
        assert result.volumes["WT"] > 5.0
        assert result.segmentationNode.GetSegmentation().GetNumberOfSegments() == 3

    def test_a_missing_model_is_reported_in_one_sentence(self) -> None:
        """Check that nothing is added to the scene."""
        volume = slicer.util.loadVolume(str(Path(shared_resource("SampleData")) / PHANTOM))
        with self.assertRaisesRegex(RuntimeError, "no model"):  # noqa: PT027 - no pytest in Slicer
            self.logic.segment(volume, "Not there")
        assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
