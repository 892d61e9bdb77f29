"""Preprocessing happens once for each content and choice of settings, whoever asks, and survives damage."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kdnet.data.dataset import Case, Dataset, ImageFile
from kdnet.data.formats.detect import read_dataset
from kdnet.data.preprocessing.case_cache import CaseCache
from kdnet.data.references import read_reference
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.errors import DataError, KDNetError
from kdnet.schema.labels import brats_labels, exclusive_labels
from kdnet.schema.preprocessing import Preprocessing
from waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("file_rules")

COARSE = Preprocessing((8.0, 8.0, 8.0))


@pytest.fixture(scope="module")
def dataset(phantom: Path) -> Dataset:
    return read_dataset(phantom)


@pytest.fixture
def case(dataset: Dataset) -> Case:
    return dataset.cases[0]


@pytest.fixture
def cache(tmp_path: Path) -> CaseCache:
    return CaseCache(tmp_path / "cache", COARSE, brats_labels())


def stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")}


def entries(cache: CaseCache) -> int:
    return len(list(cache.folder.iterdir()))


def copied(case: Case, folder: Path) -> Case:
    """The same case in files of its own."""
    folder.mkdir()
    images = {name: ImageFile(folder / image.path.name) for name, image in case.images.items()}
    for name, image in case.images.items():
        images[name].path.write_bytes(image.path.read_bytes())
    return replace(case, images=images)


def test_it_gives_float_images_and_canonical_labels_on_one_grid(cache: CaseCache, case: Case, dataset: Dataset) -> None:
    prepared = cache.get(case)
    assert prepared.name == case.name
    assert (prepared.image.dtype, prepared.labelmap.dtype) == (np.float32, np.uint8)
    assert prepared.image.shape == (len(dataset.modalities), *prepared.labelmap.shape)
    assert set(np.unique(prepared.labelmap)) <= {0, 1, 2, 3}
    assert isinstance(prepared.image, np.memmap)


def test_it_prepares_once(cache: CaseCache, case: Case) -> None:
    cache.get(case)
    before = stamps(cache.folder)
    cache.get(case)
    assert stamps(cache.folder) == before


def test_the_key_is_the_content_and_not_the_place(cache: CaseCache, case: Case, tmp_path: Path) -> None:
    cache.get(case)
    cache.get(copied(case, tmp_path / "elsewhere"))
    assert entries(cache) == 1


def test_one_changed_voxel_is_prepared_anew_although_size_and_time_are_as_before(
    cache: CaseCache, case: Case, tmp_path: Path
) -> None:
    own = copied(case, tmp_path / "own")
    path = own.images["t2"].path.with_suffix("").with_suffix(".nii")  # uncompressed: the size stays
    own = replace(own, images={**own.images, "t2": ImageFile(path)})
    volume = read_volume(case.images["t2"].path)
    write_volume(path, volume)
    first = np.array(cache.get(own).image)
    stat = path.stat()
    voxels = volume.voxels.copy()
    voxels[tuple(size // 2 for size in voxels.shape)] += 1000
    write_volume(path, Volume(voxels, volume.grid))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    assert not np.array_equal(cache.get(own).image, first)


@pytest.mark.parametrize(
    "change",
    [
        lambda cache: CaseCache(cache.folder, Preprocessing((9.0, 9.0, 9.0)), cache.labels),
        lambda cache: CaseCache(cache.folder, Preprocessing((8.0, 8.0, 8.0), margin=9.0), cache.labels),
        lambda cache: CaseCache(cache.folder, COARSE, exclusive_labels({1: "a", 2: "b", 3: "c"})),
    ],
    ids=["spacing", "margin", "labels"],
)
def test_other_settings_get_an_entry_of_their_own(cache: CaseCache, case: Case, change: object) -> None:
    cache.get(case)
    change(cache).get(case)  # type: ignore[operator]
    assert entries(cache) == 2


@pytest.mark.parametrize("file", ["image.npy", "labelmap.npy"])
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "foreign", "other"])
def test_a_damaged_entry_is_made_again(cache: CaseCache, case: Case, file: str, damage: str) -> None:
    prepared = cache.get(case)
    wanted = np.array(prepared.image), np.array(prepared.labelmap)
    del prepared
    path = min(cache.folder.rglob(file))
    content = path.read_bytes()
    path.unlink()
    if damage == "other":
        np.save(path, np.zeros((3, 3, 3)))
    elif damage != "missing":
        path.write_bytes({"empty": b"", "truncated": content[:-100], "foreign": b"PK\x03\x04 no array"}[damage])
    again = cache.get(case)
    assert np.array_equal(again.image, wanted[0])
    assert np.array_equal(again.labelmap, wanted[1])
    assert not list(cache.folder.rglob(".partial*"))


FILL = """
import sys, time
import numpy as np
from pathlib import Path
from kdnet.data.preprocessing.case_cache import CaseCache
from kdnet.data.formats.detect import read_dataset
from kdnet.schema.preprocessing import Preprocessing
dataset = read_dataset(Path(sys.argv[1]))
cache = CaseCache(Path(sys.argv[2]), Preprocessing((8.0, 8.0, 8.0)), dataset.labels)
print("ready", flush=True)
sys.stdin.readline()
save = np.save
def half(file, array, **options):
    if array.dtype == np.uint8:
        Path(file).write_bytes(b"half")
        print("stuck", flush=True)
        time.sleep(3600)
    save(file, array, **options)
if len(sys.argv) > 3:
    np.save = half
for case in dataset.cases:
    prepared = cache.get(case)
    print(float(prepared.image.sum()), int(prepared.labelmap.sum()), flush=True)
"""


def started(phantom: Path, folder: Path, *stuck: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FILL, str(phantom), str(folder), *stuck]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")


@pytest.mark.slow
def test_two_processes_fill_one_cache_at_once(phantom: Path, dataset: Dataset, tmp_path: Path) -> None:
    both = [started(phantom, tmp_path / "cache") for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:  # let them run at the same time
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=PATIENCE)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert told[0] == told[1]
    assert len(list((tmp_path / "cache").iterdir())) == len(dataset.cases)
    assert not list((tmp_path / "cache").rglob(".partial*"))


@pytest.mark.slow
def test_a_process_killed_while_it_prepares_leaves_nothing_that_is_taken_for_whole(
    phantom: Path, dataset: Dataset, tmp_path: Path
) -> None:
    process = started(phantom, tmp_path / "cache", "stuck")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    assert [process.stdout.readline() for _ in range(2)] == ["ready\n", "stuck\n"]
    process.kill()
    process.communicate()
    assert [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.stem.startswith(".partial")] == [b"half"]
    for case in dataset.cases:
        there = CaseCache(tmp_path / "cache", COARSE, dataset.labels).get(case)
        wanted = CaseCache(tmp_path / "other", COARSE, dataset.labels).get(case)
        assert np.array_equal(there.image, wanted.image)
        assert np.array_equal(there.labelmap, wanted.labelmap)


def test_a_cache_folder_that_cannot_be_written_is_named(case: Case, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(KDNetError, match="taken"):
        CaseCache(tmp_path / "taken", COARSE, brats_labels()).get(case)


def test_a_modality_on_another_grid_is_named_by_its_file(cache: CaseCache, case: Case, tmp_path: Path) -> None:
    own = copied(case, tmp_path / "own")
    volume = read_volume(own.images["t2"].path)
    moved = volume.grid.affine.copy()
    moved[0, 3] += 30
    write_volume(own.images["t2"].path, Volume(volume.voxels, replace(volume.grid, affine=moved)))
    with pytest.raises(DataError, match=r"_t2\.nii\.gz has a different geometry"):
        cache.get(own)


@pytest.mark.parametrize(
    ("values", "told"), [([1, 7], "unknown label 7"), ([0, -1], "unknown label -1"), ([1, 0.5], r"unknown label 0\.5")]
)
def test_a_reference_with_values_beyond_the_table_is_refused(
    case: Case, dataset: Dataset, tmp_path: Path, values: list[float], told: str
) -> None:
    grid = read_volume(case.images["t1"].path).grid
    voxels = np.zeros(grid.shape, np.float32)
    voxels.flat[: len(values)] = values
    write_volume(tmp_path / "odd_seg.nii.gz", Volume(voxels, grid))
    with pytest.raises(DataError, match=told):
        read_reference(replace(case, reference=ImageFile(tmp_path / "odd_seg.nii.gz")), dataset.labels)


def test_a_case_without_reference_is_named(case: Case, dataset: Dataset) -> None:
    with pytest.raises(DataError, match=f"{case.name} has no reference"):
        read_reference(replace(case, reference=None), dataset.labels)


def test_prepared_cases_hold_no_descriptor(cache: CaseCache, case: Case) -> None:
    """Thousands of cases train where a process may open 256 files."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("counts descriptors in /proc")
    cache.get(case)
    before = len(list(Path("/proc/self/fd").iterdir()))
    held = [cache.get(case) for _ in range(50)]
    for prepared in held:
        assert prepared.image.shape[1:] == prepared.labelmap.shape
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_prepared_case_is_sent_as_its_paths(cache: CaseCache, case: Case) -> None:
    prepared = cache.get(case)
    sent = pickle.dumps(prepared)
    assert len(sent) < 1000
    assert np.array_equal(pickle.loads(sent).image, prepared.image)


def test_a_disk_that_cannot_be_read_is_not_taken_for_a_missing_entry(
    cache: CaseCache, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.get(case)

    def broken(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("kdnet.data.preprocessing.case_cache.open_memmap", broken)
    with pytest.raises(DataError, match="Too many open files"):
        cache.get(case)
