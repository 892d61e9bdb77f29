"""The data of the training tutorial, in Slicer's Sample Data module: synthetic cases that are drawn on this computer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

CATEGORY = "KDNet"
MODULE = "KDNetTraining"


def register_sample_data() -> None:
    """Register the data when Slicer has started; nothing is drawn until the user asks for it."""
    import SampleData  # noqa: PLC0415 - a module of Slicer, loaded after this one

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName="KDNetTrainingPhantom",
        uris=["kdnet:phantom"],  # only the function below knows what it means
        fileNames=["KDNet phantom"],
        nodeNames=["KDNet phantom"],
        thumbnailFileName=str(Path(__file__).resolve().parents[1] / "Resources" / "Icons" / f"{MODULE}.png"),
        customDownloader=open_phantom,
    )


def open_phantom(_source: Any = None) -> None:
    """Open KDNetTraining with a folder of synthetic cases, which is drawn if it is not there."""
    slicer.util.selectModule(MODULE)
    slicer.util.getModuleWidget(MODULE).panel.data.drawPhantom(phantom_folder())


def phantom_folder() -> Path:
    """Return the folder of the synthetic cases."""
    return Path.home() / "KDNet phantom"
