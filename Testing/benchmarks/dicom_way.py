"""The whole way of a DICOM series: segment it, write report, lesions and DICOM SEG, and read the SEG back by two readers.

    python Testing/benchmarks/dicom_way.py MODEL SCAN OUT [--force]

SCAN is a DICOM folder, or an image file, of which a series with the header of a clinical scan is written first. The places of
all labeled voxels of the SEG, as highdicom reads it, are compared with those of the labelmap on the series, as SimpleITK places
it. The largest distance is printed, and must be under 0.001 mm.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import highdicom
import numpy as np
import SimpleITK as sitk
from kdnet.cli import main as kdnet
from kdnet.data.volumes.dicom import series_stack
from kdnet.data.volumes.io import read_volume
from kdnet.schema.model_card import read_card
from scipy.spatial import cKDTree

sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))
from made_series import dicom_series

MOST_MM = 1e-3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("scan", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--force", action="store_true", help="as of kdnet segment")
    args = parser.parse_args()
    args.out.mkdir(parents=True)
    series = args.scan
    if series.is_file():
        volume = read_volume(args.scan)
        series = dicom_series(args.out / "series", volume)
    files = {
        name: args.out / f"result{suffix}"
        for name, suffix in (("report", ".html"), ("dicom-seg", ".dcm"), ("lesions", ".csv"))
    }
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    code = kdnet(
        ["segment", str(args.model), str(series), "-o", str(args.out / "out"), *options, *["--force"] * args.force]
    )
    if code:
        return code
    distance, count = largest_distance(files["dicom-seg"], args.out / "out", series, args.model)
    print(f"{count} labeled voxels, largest distance {distance:.2g} mm; {', '.join(path.name for path in files.values())}")
    return 0 if distance < MOST_MM else 1


def largest_distance(seg: Path, folder: Path, series: Path, model: Path) -> tuple[float, int]:
    """Return the largest distance in mm between a voxel of the SEG and the nearest of the same label in the labelmap."""
    read = highdicom.seg.segread(seg)
    volume = read.get_volume(combine_segments=True)
    names = {label.name: label.value for label in read_card(model).labels.labels}
    values = [0, *(names[read.get_segment_description(number).segment_label] for number in read.segment_numbers)]
    labelmap = np.asarray(read_volume(next(folder.glob("*_seg.nii.gz"))).voxels)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(header.path) for header in series_stack(series).headers])
    image = reader.Execute()
    matrix = np.reshape(image.GetDirection(), (3, 3)) @ np.diag(image.GetSpacing())
    found = np.asarray(values)[volume.array]
    if np.count_nonzero(found) != np.count_nonzero(labelmap):
        raise SystemExit(f"{np.count_nonzero(found)} voxels in the SEG, but {np.count_nonzero(labelmap)} in the labelmap")
    largest = 0.0
    for value in np.unique(labelmap[labelmap > 0]):
        one = np.argwhere(found == value) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        other = np.argwhere(labelmap == value) @ matrix.T + np.array(image.GetOrigin())
        largest = max(largest, *(float(cKDTree(b).query(a)[0].max()) for a, b in ((one, other), (other, one))))
    return largest, int(np.count_nonzero(labelmap))


if __name__ == "__main__":
    sys.exit(main())
