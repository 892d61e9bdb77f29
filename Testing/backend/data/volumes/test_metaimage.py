"""MetaImage: headers are judged before ITK reads them, and all voxels must be there."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from made_images import SHAPE, metaimage, noise

PACKED = zlib.compress(noise().T.tobytes())


@pytest.mark.parametrize("name", ["scan.mha", "SCAN.MHA", "scan.mhd", "SCAN.MHD"])
def test_either_suffix_is_read_in_either_case(tmp_path: Path, name: str) -> None:
    if name.lower().endswith(".mhd"):
        (tmp_path / "voxels.raw").write_bytes(noise().T.tobytes())
        path = metaimage(tmp_path / name, b"", ElementDataFile="voxels.raw")
    else:
        path = metaimage(tmp_path / name)
    assert np.array_equal(read_volume(path).voxels, noise())


@pytest.mark.parametrize(
    "fields",
    [
        {"NDims": -1},
        {"NDims": 0},
        {"NDims": 2},
        {"NDims": 11},
        {"NDims": "3 3"},
        {"DimSize": "12 14"},
        {"DimSize": "12 14 -10"},
        {"DimSize": "12 14 1e3"},
        {"DimSize": "99999 99999 99999"},
        {"DimSize": "12 14 11"},
        {"ElementSpacing": "0 2 3"},
        {"ElementSpacing": "-2 2 3"},
        {"ElementSpacing": "nan 2 3"},
        {"ElementSpacing": "inf 2 3"},
        {"ElementSpacing": "2,5 2 3"},
        {"ElementSpacing": None},
        {"Offset": "nan 0 0"},
        {"Offset": "1e300 0 0"},
        {"TransformMatrix": "1 0 0 0.7071 0.7071 0 0 0 1"},
        {"TransformMatrix": "1 0 0 0.03 0.9995 0 0 0 1"},
        {"TransformMatrix": "1 0 0 1 1e-17 0 0 0 1"},
        {"TransformMatrix": "1 0 0 1 0 0 0 0 1"},
        {"TransformMatrix": "0 0 0 0 0 0 0 0 0"},
        {"TransformMatrix": "2 0 0 0 1 0 0 0 1"},
        {"TransformMatrix": "1 0 0 0 1 0 0 0 inf"},
        {"TransformMatrix": "1 0 0 0 1 0"},
        {"Orientation": "0 1 0 1 0 0 0 0 1"},
        {"ElementType": "MET_OTHER"},
        {"ElementType": "MET_STRING"},
        {"ElementType": "MET_FLOAT"},
        {"ElementNumberOfChannels": -1},
        {"ElementNumberOfChannels": 1000000000},
        {"HeaderSize": 10},
        {"HeaderSize": -2},
        {"CompressedData": "perhaps"},
        {"CompressedData": True},
        {"CompressedDataSize": 100},
        {"ElementDataFile": "/dev/stdin"},
        {"ElementDataFile": "../voxels.raw"},
        {"ElementDataFile": "missing.raw"},
        {"ElementDataFile": "LIST"},
        {"ElementDataFile": "%03d.raw 1 10 1"},
        {"ElementDataFile": "."},
        {"ElementDataFile": ""},
        {"ElementByteOrderMSB": True},
    ],
)
def test_an_impossible_header_is_refused_in_a_sentence(tmp_path: Path, fields: dict[str, object]) -> None:
    with pytest.raises(DataError, match=r"scan\.mha.*: .*\.$"):
        read_volume(metaimage(tmp_path / "scan.mha", **fields))


@pytest.mark.parametrize(("unit", "read"), [("mm", True), ("?", True), ("um", False), ("cm", False)])
def test_only_millimeters_are_read(tmp_path: Path, unit: str, read: bool) -> None:
    path = metaimage(tmp_path / "a.mha", DistanceUnits=unit)
    if read:
        assert np.array_equal(read_volume(path).voxels, noise())
    else:
        with pytest.raises(DataError, match=f"in {unit}, which is not supported"):
            read_volume(path)


def test_a_field_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    path = metaimage(tmp_path / "scan.mha")
    path.write_bytes(b"DimSize = 10 14 12\n" + path.read_bytes())
    with pytest.raises(DataError, match="DimSize twice"):
        read_volume(path)


@pytest.mark.parametrize("told", [len(PACKED), None])
def test_compressed_voxels_are_read_whether_or_not_their_size_is_given(tmp_path: Path, told: int | None) -> None:
    path = metaimage(tmp_path / "scan.mha", PACKED, CompressedData=True, CompressedDataSize=told)
    assert np.array_equal(read_volume(path).voxels, noise())


@pytest.mark.parametrize("told", [None, "whole", 100, 10**9])
def test_compressed_voxels_that_are_not_all_there_are_refused(tmp_path: Path, told: object) -> None:
    part = zlib.compress(noise().T.tobytes()[: noise().nbytes // 2])
    content = PACKED if told in (100, 10**9) else part
    size = len(content) if told == "whole" else told
    path = metaimage(tmp_path / "scan.mha", content, CompressedData=True, CompressedDataSize=size)
    with pytest.raises(DataError, match="truncated"):
        read_volume(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "scan.mha")
    for path in (metaimage(tmp_path / "scan.mhd", b"", ElementDataFile="pipe"), tmp_path / "scan.mha"):
        with pytest.raises(DataError, match="not a regular file"):
            read_volume(path)


@pytest.mark.parametrize(
    "kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_type_that_itk_writes_is_read(tmp_path: Path, kind: str, compressed: bool) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(noise(kind=kind).T), str(tmp_path / "scan.mha"), useCompression=compressed)
    read = read_volume(tmp_path / "scan.mha").voxels
    assert np.array_equal(read, noise(kind=kind))
    assert read.dtype == np.dtype(kind)


@pytest.mark.parametrize("compressed", [False, True])
def test_big_endian_voxels_are_read(tmp_path: Path, compressed: bool) -> None:
    content = noise(kind=">i2").T.tobytes()
    packed = zlib.compress(content) if compressed else content
    path = metaimage(tmp_path / "scan.mha", packed, BinaryDataByteOrderMSB=True, CompressedData=compressed)
    assert np.array_equal(read_volume(path).voxels, noise())


def test_voxels_at_the_end_of_a_file_and_behind_a_foreign_header_are_read(tmp_path: Path) -> None:
    (tmp_path / "voxels.raw").write_bytes(b"foreign" + noise().T.tobytes())
    for size in (-1, 7):
        path = metaimage(tmp_path / "scan.mhd", b"", ElementDataFile="voxels.raw", HeaderSize=size)
        assert np.array_equal(read_volume(path).voxels, noise())


def test_voxels_as_text_are_refused(tmp_path: Path) -> None:
    words = " ".join(map(str, noise().T.ravel())).encode()
    with pytest.raises(DataError, match="as text"):
        read_volume(metaimage(tmp_path / "scan.mha", words, BinaryData=False))


def test_a_header_without_orientation_is_read_with_a_warning(tmp_path: Path) -> None:
    assert "left and right" in read_volume(metaimage(tmp_path / "scan.mha", TransformMatrix=None)).warnings[0]
    assert not read_volume(metaimage(tmp_path / "scan.mha")).warnings


@pytest.mark.parametrize("suffix", ["mha", "nrrd"])
@pytest.mark.parametrize("more", [1, 2])
def test_one_volume_in_more_axes_is_read_and_several_are_refused(tmp_path: Path, suffix: str, more: int) -> None:
    image = sitk.GetImageFromArray(noise().T)
    path = tmp_path / f"scan.{suffix}"
    stacked = sitk.JoinSeries([image])
    sitk.WriteImage(stacked if more == 1 else sitk.JoinSeries([stacked]), str(path))
    assert np.array_equal(read_volume(path).voxels, noise())
    sitk.WriteImage(sitk.JoinSeries([image, image + 1]), str(path))
    assert np.array_equal(read_volume(path, 1).voxels, noise() + 1)
    assert read_volume(path, 1).grid.shape == SHAPE
    for component, told in ((None, "4D with 2 volumes"), (2, "not have channel 2"), (-1, "not have channel -1")):
        with pytest.raises(DataError, match=told):
            read_volume(path, component)


@pytest.mark.parametrize("suffix", ["mha", "nrrd"])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_channel_of_a_vector_image_is_read(tmp_path: Path, suffix: str, compressed: bool) -> None:
    channels = [sitk.GetImageFromArray(noise().T + index) for index in range(3)]
    sitk.WriteImage(sitk.Compose(channels), str(tmp_path / f"scan.{suffix}"), useCompression=compressed)
    assert np.array_equal(read_volume(tmp_path / f"scan.{suffix}", 2).voxels, noise() + 2)
    with pytest.raises(DataError, match="color"):
        read_volume(tmp_path / f"scan.{suffix}")
