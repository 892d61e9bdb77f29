"""Labelmaps become segments on exactly the grid of the volume (real MRML)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from conftest import add_volume
from kdnet.schema.labels import brats_labels, exclusive_labels
from KDNetLib.SegmentationNode import (
    LABEL_TAG,
    center_of,
    labelmap_of,
    segment_id,
    show_labelmap,
    terminology_entry,
    volumes_in_milliliters,
)
from scipy.spatial.transform import Rotation
from vtk.util import numpy_support


def random_affine(random: np.random.Generator) -> np.ndarray:
    """Oblique, anisotropic, possibly flipped, anywhere."""
    affine = np.eye(4)
    axes = Rotation.random(random_state=random).as_matrix()[:, random.permutation(3)]
    affine[:3, :3] = axes * random.uniform(0.3, 5.0, 3) * random.choice([-1.0, 1.0], 3)
    affine[:3, 3] = random.uniform(-200, 200, 3)
    return affine


def labelmap_and_volume(scene: Any, random: np.random.Generator) -> tuple[np.ndarray, Any]:
    shape = tuple(int(size) for size in random.integers(3, 12, 3))
    voxels = random.integers(0, 4, shape).astype(np.uint8)
    return voxels, add_volume(scene, random.normal(size=shape), random_affine(random))


def label_voxels(node: Any, value: int, volume: Any) -> np.ndarray:
    """What Slicer takes this segment to be, ``[k, j, i]`` on the grid of the volume."""
    image = slicer.vtkOrientedImageData()
    assert node.GetBinaryLabelmapRepresentation(f"label_{value}", image)
    wanted = volume.GetImageData().GetDimensions()[::-1]
    low_i, high_i, low_j, high_j, low_k, high_k = image.GetExtent()
    voxels = np.zeros(wanted, np.uint8)
    if image.GetNumberOfPoints():
        found = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
        found = found.reshape(image.GetDimensions()[::-1])
        voxels[low_k : high_k + 1, low_j : high_j + 1, low_i : high_i + 1] = found
    return voxels


def test_two_hundred_random_geometries_are_kept_exactly(scene: Any) -> None:
    random = np.random.default_rng(7)
    for _ in range(200):
        voxels, volume = labelmap_and_volume(scene, random)
        node = show_labelmap(voxels, brats_labels(), volume)
        image = node.GetBinaryLabelmapInternalRepresentation("label_1")
        ours, theirs = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(ours)
        volume.GetIJKToRASMatrix(theirs)
        assert np.allclose(slicer.util.arrayFromVTKMatrix(ours), slicer.util.arrayFromVTKMatrix(theirs), atol=1e-9)
        assert image.GetDimensions() == volume.GetImageData().GetDimensions()
        scene.RemoveNode(node)
        scene.RemoveNode(volume)


def test_every_label_is_found_at_its_voxels(scene: Any, random: np.random.Generator) -> None:
    voxels, volume = labelmap_and_volume(scene, random)
    node = show_labelmap(voxels, brats_labels(), volume)
    for value in (1, 2, 3):
        assert np.array_equal(label_voxels(node, value, volume) > 0, voxels == value)


def test_the_parent_transform_of_the_volume_is_taken_over(scene: Any, random: np.random.Generator) -> None:
    voxels, volume = labelmap_and_volume(scene, random)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    node = show_labelmap(voxels, brats_labels(), volume)
    assert node.GetTransformNodeID() == transform.GetID()
    volume.SetAndObserveTransformNodeID(None)
    show_labelmap(voxels, brats_labels(), volume, node)
    assert node.GetTransformNodeID() is None


def test_segments_have_names_colors_and_terminology(scene: Any, random: np.random.Generator) -> None:
    voxels, volume = labelmap_and_volume(scene, random)
    segmentation = show_labelmap(voxels, brats_labels(), volume).GetSegmentation()
    for label in brats_labels().labels:
        segment = segmentation.GetSegment(segment_id(label))
        assert segment.GetName() == label.name
        assert np.allclose(segment.GetColor(), np.array(label.color) / 255)
        text = vtk.reference("")
        assert segment.GetTag(segment.GetTerminologyEntryTagName(), text)
        assert str(text) == terminology_entry(label)


def test_what_lies_inside_is_seen_through_the_edema_in_3d(scene: Any, random: np.random.Generator) -> None:
    voxels, volume = labelmap_and_volume(scene, random)
    display = show_labelmap(voxels, brats_labels(), volume).GetDisplayNode()
    opacities = [display.GetSegmentOpacity3D(segment_id(label)) for label in brats_labels().labels]
    assert opacities == [1.0, pytest.approx(0.4), 1.0]


def test_the_center_lies_where_most_was_found_in_the_world(scene: Any, random: np.random.Generator) -> None:
    volume = add_volume(scene, random.normal(size=(6, 7, 8)), np.diag([2.0, -2.0, 3.0, 1.0]))
    voxels = np.zeros((6, 7, 8), np.uint8)
    assert center_of(voxels, volume) is None
    voxels[4, 2, 5] = 1
    assert center_of(voxels, volume) == pytest.approx((10.0, -4.0, 12.0))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 100.0)
    transform.SetMatrixTransformToParent(matrix)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    assert center_of(voxels, volume) == pytest.approx((110.0, -4.0, 12.0))


def test_the_terminology_entry_is_understood_by_slicer() -> None:
    label = brats_labels().labels[1]
    entry = slicer.vtkSlicerTerminologyEntry()
    assert slicer.vtkSlicerTerminologiesModuleLogic().DeserializeTerminologyEntry(terminology_entry(label), entry)
    assert entry.GetTypeObject().GetCodeMeaning() == "Edema"
    assert entry.GetCategoryObject().GetCodeValue() == "49755003"


def test_a_label_that_is_not_found_is_an_empty_segment(scene: Any, random: np.random.Generator) -> None:
    volume = add_volume(scene, random.normal(size=(4, 4, 4)), np.eye(4))
    node = show_labelmap(np.zeros((4, 4, 4), np.uint8), brats_labels(), volume)
    assert node.GetSegmentation().GetNumberOfSegments() == 3
    assert not label_voxels(node, 3, volume).any()


def test_replacing_leaves_one_node_with_the_new_content(scene: Any, random: np.random.Generator) -> None:
    voxels, volume = labelmap_and_volume(scene, random)
    node = show_labelmap(voxels, brats_labels(), volume, name="Tumor")
    again = show_labelmap(np.ones_like(voxels), exclusive_labels({1: "Lesion"}), volume, node)
    assert again is node
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert [node.GetSegmentation().GetNthSegment(0).GetName()] == ["Lesion"]
    assert node.GetName() == "Tumor"


def test_two_results_of_a_scan_have_names_of_their_own(scene: Any, random: np.random.Generator) -> None:
    voxels, volume = labelmap_and_volume(scene, random)
    names = [show_labelmap(voxels, brats_labels(), volume).GetName() for _again in range(3)]
    assert len(set(names)) == 3


def test_segments_of_a_scene_with_former_label_names_are_found(
    scene: Any, random: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def array(node: Any, identifier: str, volume: Any) -> np.ndarray:  # needs an application that slicer-core lacks
        return label_voxels(node, int(identifier.removeprefix("label_")), volume)

    monkeypatch.setattr(slicer.util, "arrayFromSegmentBinaryLabelmap", array)
    voxels, volume = labelmap_and_volume(scene, random)
    node = show_labelmap(voxels, brats_labels(), volume)
    edema, enhancing = (node.GetSegmentation().GetNthSegment(index) for index in (1, 2))
    edema.SetName("Oedema")
    enhancing.SetName("renamed by the user")
    enhancing.SetTag(LABEL_TAG, "Enhancing tumour")
    np.testing.assert_array_equal(labelmap_of(node, brats_labels(), volume), voxels)


def test_a_labelmap_of_another_grid_changes_nothing(scene: Any, random: np.random.Generator) -> None:
    voxels, volume = labelmap_and_volume(scene, random)
    with pytest.raises(ValueError, match="T1ce"):
        show_labelmap(voxels[1:], brats_labels(), volume)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_volumes_are_milliliters_of_labels_and_regions(scene: Any) -> None:
    voxels = np.zeros((10, 10, 10), np.uint8)
    voxels[0], voxels[1], voxels[2] = 1, 2, 3
    volume = add_volume(scene, voxels.astype(float), np.diag([2.0, -1.0, 0.5, 1.0]))
    amounts = volumes_in_milliliters(voxels, brats_labels(), volume)
    assert amounts["Edema"] == pytest.approx(0.1)
    assert amounts["TC"] == pytest.approx(0.2)
    assert amounts["WT"] == pytest.approx(0.3)


def test_a_saved_scene_gives_the_segments_back(scene: Any, random: np.random.Generator, tmp_path: Path) -> None:
    voxels, volume = labelmap_and_volume(scene, random)
    node = show_labelmap(voxels, brats_labels(), volume)
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    path = str(tmp_path / "tumor.seg.nrrd")
    storage.SetFileName(path)
    assert storage.WriteData(node)
    loaded = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "loaded")
    assert storage.ReadData(loaded)
    names = [loaded.GetSegmentation().GetNthSegment(index).GetName() for index in range(3)]
    assert names == [label.name for label in brats_labels().labels]
    for value in (1, 2, 3):
        assert np.array_equal(label_voxels(loaded, value, volume) > 0, voxels == value)


def test_volumes_count_a_scaling_parent_transform_as_the_worker_does(scene: Any) -> None:
    volume = add_volume(scene, np.zeros((4, 5, 6)), np.diag([1.0, 1.0, 1.0, 1.0]))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.diag([2.0, 2.0, 2.0, 1.0]).ravel())
    transform.SetMatrixTransformToParent(matrix)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    voxels = np.zeros((4, 5, 6), np.uint8)
    voxels[0, 0, :5] = 1
    amounts = volumes_in_milliliters(voxels, brats_labels(), volume)
    assert amounts["WT"] == pytest.approx(5 * 8 / 1000)
