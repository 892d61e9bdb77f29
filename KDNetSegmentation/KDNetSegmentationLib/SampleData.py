"""Data for trying out the module, in Slicer's Sample Data module."""

from pathlib import Path
from typing import Any

import slicer
from kdnet.shared_files import shared_resource

CATEGORY = "KDNet"
RELEASE = "https://github.com/lassoan/SlicerMONAIAuto3DSeg/releases/download/TestingData/"
BRATS = {
    "t1c": "4399faadcc45c8a4541313cdf88aced7d835ed59ac3078d950e0eac293d603f5",
    "t1n": "e860924b936e301ddeba20409fbb59dde322475cb49328f1b46a9235c792e73e",
    "t2f": "82aed8546af5e6d8d94fd91c56227abdcf6120130390d1556c4342a208980604",
    "t2w": "4cd389cc57d12134a30a898c66532228126b9a7d0600ee578e82a32144528b51",
}
PHANTOM = "Phantom_002_t1ce.nii.gz"


def load_phantom() -> Any:
    """Load the synthetic head that is included, and return its volume."""
    return slicer.util.loadVolume(str(shared_resource("SampleData") / PHANTOM), {"name": "Phantom T1ce"})


def register_sample_data() -> None:
    """Register sample data when Slicer has started; nothing is downloaded until the user requests it."""
    import SampleData  # noqa: PLC0415 - a module of Slicer, loaded after this one

    icons = Path(__file__).resolve().parents[1] / "Resources" / "Icons"
    register = SampleData.SampleDataLogic.registerCustomSampleDataSource
    register(
        category=CATEGORY,
        sampleName="KDNetPhantom",
        thumbnailFileName=str(icons / "KDNetPhantom.png"),
        uris=[(shared_resource("SampleData") / PHANTOM).as_uri()],
        fileNames=[PHANTOM],
        nodeNames=["Phantom T1ce"],
        loadFileTypes=["VolumeFile"],
    )
    names = [f"BraTS-GLI-00001-000-{part}.nii.gz" for part in BRATS]
    register(
        category=CATEGORY,
        sampleName="KDNetBraTS",
        thumbnailFileName=str(icons / "KDNetBraTS.png"),
        uris=[RELEASE + name for name in names],
        fileNames=names,
        nodeNames=["T1ce", "T1", "FLAIR", "T2"],
        loadFileTypes=["VolumeFile"] * len(names),
        checksums=[f"SHA256:{checksum}" for checksum in BRATS.values()],
    )
