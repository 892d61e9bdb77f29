"""NRRD: headers are judged before ITK reads them, and all voxels must be there."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from made_images import noise, nrrd

PACKED = gzip.compress(noise().T.tobytes())


@pytest.mark.parametrize("name", ["scan.nrrd", "SCAN.NRRD", "scan.nhdr", "SCAN.NHDR"])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_either_suffix_is_read_in_either_case(tmp_path: Path, name: str, encoding: str) -> None:
    content = PACKED if encoding == "gzip" else noise().T.tobytes()
    if name.lower().endswith(".nhdr"):
        (tmp_path / "voxels").write_bytes(content)
        path = nrrd(tmp_path / name, b"", encoding=encoding, data_file="voxels")
    else:
        path = nrrd(tmp_path / name, content, encoding=encoding)
    assert np.array_equal(read_volume(path).voxels, noise())


@pytest.mark.parametrize(
    "fields",
    [
        {"dimension": -1},
        {"dimension": 0},
        {"dimension": 2},
        {"dimension": 17},
        {"sizes": "12 14"},
        {"sizes": "12 14 0"},
        {"sizes": "12 14 -10"},
        {"sizes": "12 14 11"},
        {"sizes": "99999 99999 99999"},
        {"type": "block"},
        {"type": "float"},
        {"type": "quaternion"},
        {"encoding": "bzip2"},
        {"encoding": "hex"},
        {"encoding": "gzip"},
        {"endian": None},
        {"space_directions": "none (0,2,0) (0,0,3)"},
        {"space_directions": "(nan,nan,nan) (0,2,0) (0,0,3)"},
        {"space_directions": "(nan,0,0) (0,2,0) (0,0,3)"},
        {"space_directions": "(2,0,0) (0,2,0) (0,0,inf)"},
        {"space_directions": "(2,0,0) (1,2,0) (0,0,3)"},
        {"space_directions": "(2,0,0) (0.1,2,0) (0,0,3)"},
        {"space_directions": "(2,0,0) (2,1e-17,0) (0,0,3)"},
        {"space_directions": "(2,0,0) (0,0,0) (0,0,3)"},
        {"space_directions": "(2,0,0) (0,2,0)"},
        {"space_directions": "(2,0) (0,2) (0,3)"},
        {"space_directions": None},
        {"space_directions": None, "space": None, "spacings": "nan 2 3"},
        {"space_directions": None, "space": None, "spacings": "-2 2 3"},
        {"space_directions": None, "space": None, "spacings": "0 2 3"},
        {"space_directions": None, "space": None, "spacings": "2 3"},
        {"space_origin": "(nan,0,0)"},
        {"space_origin": "(inf,0,0)"},
        {"space_origin": "(1e300,0,0)"},
        {"space": "left-sideways-superior"},
        {"space_units": '"um" "um" "um"'},
        {"byte_skip": -2},
        {"byte_skip": 10},
        {"line_skip": 999999},
        {"line_skip": -1},
        {"data_file": "/dev/stdin"},
        {"data_file": "../voxels.raw"},
        {"data_file": "missing.raw"},
        {"data_file": "LIST"},
        {"data_file": "%03d.raw 1 10 1"},
    ],
)
def test_an_impossible_header_is_refused_in_a_sentence(tmp_path: Path, fields: dict[str, object]) -> None:
    with pytest.raises(DataError, match=r"scan\.nrrd.*: .*\.$"):
        read_volume(nrrd(tmp_path / "scan.nrrd", **fields))


@pytest.mark.parametrize("content", [PACKED[:-10], gzip.compress(noise().T.tobytes()[:999]), b"", b"\x1f\x8b"])
def test_compressed_voxels_that_are_not_all_there_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="truncated"):
        read_volume(nrrd(tmp_path / "scan.nrrd", content, encoding="gzip"))


def test_voxels_behind_foreign_lines_and_bytes_are_read(tmp_path: Path) -> None:
    (tmp_path / "voxels").write_bytes(b"one\ntwo\nxyz" + noise().T.tobytes())
    for fields in ({"line_skip": 2, "byte_skip": 3}, {"byte_skip": 11}, {"byte_skip": -1}):
        path = nrrd(tmp_path / "scan.nhdr", b"", data_file="voxels", **fields)
        assert np.array_equal(read_volume(path).voxels, noise())


def test_big_endian_and_text_voxels_are_read(tmp_path: Path) -> None:
    big = noise(kind=">i2").T.tobytes()
    for content, fields in (
        (big, {"endian": "big"}),
        (gzip.compress(big), {"endian": "big", "encoding": "gz"}),
        (" ".join(map(str, noise().T.ravel())).encode(), {"encoding": "ascii"}),
    ):
        assert np.array_equal(read_volume(nrrd(tmp_path / "scan.nrrd", content, **fields)).voxels, noise())


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
        ("right-anterior-superior", (1, 1, 1)),
        ("RAS", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
    ],
)
def test_the_space_says_where_left_is(tmp_path: Path, space: str, signs: tuple[int, int, int]) -> None:
    volume = read_volume(nrrd(tmp_path / "scan.nrrd", space=space, space_origin="(10,20,30)"))
    assert np.allclose(volume.grid.affine[:3, :3], np.diag(signs) * [2, 2, 3])
    assert np.allclose(volume.grid.affine[:3, 3], np.multiply(signs, (10, 20, 30)))
    assert not volume.warnings


@pytest.mark.parametrize(
    "fields",
    [
        {"space": "scanner-xyz"},
        {"space": None, "space_directions": None, "space_origin": None, "spacings": "2 2 3"},
    ],
)
def test_a_header_without_orientation_is_read_with_a_warning(tmp_path: Path, fields: dict[str, object]) -> None:
    volume = read_volume(nrrd(tmp_path / "scan.nrrd", **fields))
    assert volume.grid.spacing == pytest.approx((2, 2, 3))
    assert "left and right" in volume.warnings[0]


@pytest.mark.parametrize("first", [True, False])
def test_a_list_of_one_volume_is_read(tmp_path: Path, first: bool) -> None:
    directions = "(2,0,0) (0,2,0) (0,0,3)"
    path = nrrd(
        tmp_path / "scan.nrrd",
        dimension=4,
        sizes="1 12 14 10" if first else "12 14 10 1",
        kinds="list domain domain domain" if first else "domain domain domain list",
        space_directions=f"none {directions}" if first else f"{directions} none",
    )
    assert np.array_equal(read_volume(path).voxels, noise())
