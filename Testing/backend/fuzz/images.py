"""Small images in all formats, and copies of them with mutated headers."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk
from itk_series import write_series

from .extremes import NUMBERS, TEXTS, Random, mutated_bytes

SHAPE = (12, 10, 9)
NIFTI = ("plain.nii", "packed.nii.gz", "second.nii")
TEXT = ("plain.nrrd", "packed.nrrd", "apart.nhdr", "plain.mha", "packed.mha", "apart.mhd")
DICOM = "series"


def write_images(folder: Path) -> None:
    """Write a sound image of each kind."""
    voxels = np.random.default_rng(0).integers(0, 1000, SHAPE).astype(np.int16)
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    for name in NIFTI:
        kind = nibabel.Nifti2Image if name.startswith("second") else nibabel.Nifti1Image
        nibabel.save(kind(voxels, affine), folder / name)
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    image.SetSpacing((2.0, 2.0, 3.0))
    for name in TEXT:
        sitk.WriteImage(image, str(folder / name), useCompression=name.startswith("packed"))
    write_series(folder / DICOM, voxels, (2.0, 2.0, 3.0), tags={"0008|0008": "ORIGINAL\\PRIMARY"})


def mutated_image(sound: Path, folder: Path, random: Random) -> Path:
    """Write a mutated copy of one of the sound images into ``folder``; return the path to be read."""
    kind = int(random.integers(0, 4))
    if kind == 3:
        return _mutated_series(sound / DICOM, folder / DICOM, random)
    names = NIFTI if kind == 0 else [name for name in TEXT if name.endswith((".nrrd", ".nhdr")) == (kind == 1)]
    name = str(random.choice(names))
    for partner in sound.glob("apart.*"):
        shutil.copy(partner, folder)
    data = (sound / name).read_bytes()
    (folder / name).write_bytes(_mutated_nifti(data, random) if kind == 0 else _mutated_lines(data, random))
    return folder / name


def _mutated_nifti(data: bytes, random: Random) -> bytes:
    packed = data[:2] == b"\x1f\x8b"
    if packed and random.random() < 0.2:
        return mutated_bytes(data, random)
    content = bytearray(gzip.decompress(data) if packed else data)
    header = nibabel.Nifti2Header if content[0] == 540 % 256 else nibabel.Nifti1Header
    if random.random() < 0.75:
        fields = header().structarr.dtype
        for _ in range(int(random.integers(1, 4))):
            name = str(random.choice(list(fields.names or ())))
            base, offset = fields.fields[name][:2]
            item = base.base if base.shape else base
            at = offset + item.itemsize * int(random.integers(base.itemsize // item.itemsize))
            content[at : at + item.itemsize] = _extreme_of(item, random)
    else:
        content = bytearray(mutated_bytes(bytes(content), random, 560))
    return gzip.compress(bytes(content), 1) if packed else bytes(content)


def _extreme_of(kind: np.dtype, random: Random) -> bytes:  # type: ignore[type-arg]
    if kind.kind == "f":
        values = [np.nan, np.inf, -np.inf, 0, -1, 1e38, -1e38, 1e-38, 3e9, 0.5, 352, 1e5]
    elif kind.kind in "iu":
        limits = np.iinfo(kind)
        values = [limits.min, limits.max, 0, 1, 2, 3, 4, 7, 8, 16, 64, 255 % limits.max]
    else:
        return random.bytes(kind.itemsize)
    with np.errstate(all="ignore"):
        return np.array(values[int(random.integers(len(values)))]).astype(kind).tobytes()


def _mutated_lines(data: bytes, random: Random) -> bytes:
    """Mutate the text header of NRRD or MetaImage."""
    marks = [at for at in (data.find(b"\n\n"), _after(data, b"ElementDataFile")) if at > 0]
    end = min(marks) if marks else len(data)
    if random.random() < 0.25:
        return mutated_bytes(data[:end], random) + data[end:]
    lines = data[:end].split(b"\n")
    for _ in range(int(random.integers(1, 3))):
        at = int(random.integers(len(lines)))
        choice = random.random()
        if choice < 0.75:
            lines[at] = _mutated_line(lines[at], random)
        elif choice < 0.85:
            lines.insert(at, lines[int(random.integers(len(lines)))])
        elif len(lines) > 1:
            del lines[at]
    rest = data[end:]
    return b"\n".join(lines) + (rest[: int(random.integers(len(rest) + 1))] if random.random() < 0.1 else rest)


def _mutated_line(line: bytes, random: Random) -> bytes:
    separator = b"=" if b"=" in line else b":"
    name, _, value = line.partition(separator)
    parts = value.split(b" ")
    choices = NUMBERS if random.random() < 0.6 else TEXTS
    new = choices[int(random.integers(len(choices)))].encode("utf-8", "surrogateescape")
    if random.random() < 0.5:
        parts[int(random.integers(len(parts)))] = new
    else:
        parts = [b"", new]
    return name + separator + b" ".join(parts)


def _after(data: bytes, name: bytes) -> int:
    at = data.find(name)
    return data.find(b"\n", at) if at >= 0 else -1


def _mutated_series(sound: Path, folder: Path, random: Random) -> Path:
    shutil.copytree(sound, folder)
    files = sorted(folder.iterdir())
    count = int(random.choice([1, 1, 2, len(files)]))
    chosen = [files[int(index)] for index in random.permutation(len(files))[:count]]
    if random.random() < 0.08:
        for path in chosen[: len(files) - 1]:
            path.unlink()
        return folder
    data = chosen[0].read_bytes()
    elements = _elements(data)
    tag = elements[int(random.integers(len(elements)))][0]
    choice = random.random()
    for path in chosen:
        data = path.read_bytes()
        found = [element for element in _elements(data) if element[0] == tag]
        if choice < 0.2 or not found:
            path.write_bytes(mutated_bytes(data, random, 1200))
        else:
            path.write_bytes(_mutated_element(data, *found[0][1:], choice, random))
    return folder


def _mutated_element(data: bytes, start: int, value: int, length: int, choice: float, random: Random) -> bytes:
    """Give an element another value (of any length), another length, or remove it."""
    end = value + length
    if choice < 0.3:
        return data[:start] + data[end:]
    if choice < 0.4:
        wrong = struct.pack("<H", int(random.choice([0, 1, length + 2, 65535])) & 0xFFFF)
        return data[: value - 2] + wrong + data[value:]
    if data[start + 4 : start + 6] in (b"US", b"UL", b"SS"):
        return data[:value] + random.choice([b"\0", b"\xff", b"\x01"]) * length + data[end:]
    choices = NUMBERS if random.random() < 0.6 else TEXTS
    old = data[value:end].split(b"\\")
    old[int(random.integers(len(old)))] = choices[int(random.integers(len(choices)))].encode("utf-8", "surrogateescape")
    new = b"\\".join(old)
    new += b" " * (len(new) % 2)
    if value - start != 8:  # a long form, whose length has four bytes
        return data[:value] + new[:length].ljust(length) + data[end:]
    return data[: value - 2] + struct.pack("<H", len(new)) + new + data[end:]


def _elements(data: bytes) -> list[tuple[int, int, int, int]]:
    """Tag, start, start of value, and length of the elements of an explicit little endian file, pixels left out."""
    found, at = [], 132
    while at + 8 <= len(data):
        group, element = struct.unpack_from("<HH", data, at)
        if data[at + 4 : at + 6] in (b"OB", b"OW", b"UN", b"SQ", b"UT"):
            (length,), value = struct.unpack_from("<I", data, at + 8), at + 12
        else:
            (length,), value = struct.unpack_from("<H", data, at + 6), at + 8
        if group == 0x7FE0 or value + length > len(data):
            break
        found.append((group << 16 | element, at, value, length))
        at = value + length
    return found
