"""Scenes and models that are legal but unusual: the panel tells what is the matter, and mixes nothing up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from kdnet.errors import DataError, ModelFileError
from kdnet.model_file import save_model
from kdnet.networks.factory import build_network
from kdnet.schema.labels import brats_labels, exclusive_labels
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import Role
from kdnet.schema.networks import NetworkSpec
from kdnet.schema.preprocessing import Preprocessing


def model_file(path: Path, modalities: tuple[str, ...]) -> Path:
    table = brats_labels()
    spec = NetworkSpec("dynunet", len(modalities), table.channels, {"filters": [4, 8, 16]})
    card = ModelCard(Role.TEACHER, "Mine", spec, modalities, table, Preprocessing((4.0, 4.0, 4.0)))
    save_model(path, card, build_network(spec))
    return path


def test_a_volume_with_nan_is_reported_before_it_is_segmented(panel: Any, add_volume: Callable[..., Any]) -> None:
    voxels = np.full((20, 20, 20), np.nan, np.float32)
    voxels[5:15, 5:15, 5:15] = 100
    node = add_volume(voxels, np.diag([3.0, 3.0, 3.0, 1.0]), "case_t1ce")
    panel.ui.inputSelector1.setCurrentNode(node)
    assert "case_t1ce contains NaN or infinite values" in panel.ui.warningLabel.text
    assert panel.ui.applyButton.enabled


def test_a_result_whose_volume_lost_its_voxels_does_not_keep_the_module_from_opening(
    panel: Any, phantom_volume: Any, wait: Callable[..., None]
) -> None:
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    panel.exit()
    panel.results.clear()
    phantom_volume.SetAndObserveImageData(None)
    panel.enter()
    assert not panel.ui.resultsSection.visible


def test_a_model_of_more_volumes_than_the_panel_takes_is_refused_by_name(panel: Any, tmp_path: Path) -> None:
    before = panel.logic.models()
    with pytest.raises(ModelFileError, match=r"five\.safetensors needs 5 volumes"):
        panel.logic.library.add(model_file(tmp_path / "five.safetensors", ("a", "b", "c", "d", "e")))
    panel.logic.library.folder.mkdir(parents=True, exist_ok=True)
    model_file(panel.logic.library.folder / "six.safetensors", ("a", "b", "c", "d", "e", "f"))
    try:
        assert panel.logic.models() == before  # one that was copied by hand
    finally:
        (panel.logic.library.folder / "six.safetensors").unlink()


def test_an_imported_model_is_not_taken_for_the_shipped_one_of_its_name(panel: Any, tmp_path: Path) -> None:
    mine = panel.logic.library.add(model_file(tmp_path / "Phantom demo.safetensors", ("t1ce",)))
    try:
        assert mine.path.name == "Phantom demo 2.safetensors"
        assert panel.logic.library.find("Phantom demo").bundled
    finally:
        panel.logic.library.remove(mine)


@pytest.mark.slow
def test_maps_belong_to_their_volume_and_not_to_its_name(
    panel: Any, phantom_volume: Any, add_volume: Callable[..., Any]
) -> None:
    from KDNetSegmentationLib.Settings import Settings

    phantom_volume.SetName("T1ce")
    matrix = vtk.vtkMatrix4x4()
    phantom_volume.GetIJKToRASMatrix(matrix)
    affine = slicer.util.arrayFromVTKMatrix(matrix).copy()
    affine[:3, 3] += 500
    other = add_volume(slicer.util.arrayFromVolume(phantom_volume).copy(), affine, "T1ce")
    settings = Settings(device="cpu", probabilities=True)
    first, second = panel.logic.segmentMany([phantom_volume, other], "Phantom demo", settings=settings)
    assert not set(first.mapNodes) & set(second.mapNodes)
    assert {node.GetOrigin() for node in first.mapNodes} == {phantom_volume.GetOrigin()}
    assert {node.GetOrigin() for node in second.mapNodes} == {other.GetOrigin()}
    again = panel.logic.segment(other, "Phantom demo", settings=settings)
    assert set(again.mapNodes) == set(second.mapNodes)


def test_segments_are_not_measured_as_labels_of_another_model(panel: Any, phantom_volume: Any) -> None:
    from KDNetLib.SegmentationNode import labelmap_of, segment_id, show_labelmap

    voxels = np.ones(slicer.util.arrayFromVolume(phantom_volume).shape, np.uint8)
    table = brats_labels()
    node = show_labelmap(voxels, table, phantom_volume)
    with pytest.raises(DataError, match="MS lesion"):
        labelmap_of(node, exclusive_labels({1: "MS lesion", 2: "Ventricle"}), phantom_volume)
    node.GetSegmentation().GetSegment(segment_id(table.labels[0])).SetName("my own name")
    assert (labelmap_of(node, table, phantom_volume) == 1).all()
