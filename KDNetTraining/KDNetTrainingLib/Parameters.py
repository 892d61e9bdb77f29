"""The panel's parameters, kept in the scene so that they are saved and restored with it."""

import enum
from pathlib import Path
from typing import Annotated

from kdnet.schema.distillation_settings import DistillationSettings
from kdnet.schema.modalities import MODALITIES
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


class Labels(enum.Enum):
    """The meaning of the reference values."""

    AUTO = "auto"
    BRATS = "brats"
    OWN = "own"

    def label(self) -> str:
        """Return the text in the list."""
        return {
            Labels.AUTO: _("Detect from data set"),
            Labels.BRATS: _("BraTS regions (ET, TC, WT)"),
            Labels.OWN: _("Custom labels"),
        }[self]


class Length(enum.Enum):
    """What determines how long networks are trained."""

    RECIPE = "recipe"
    EPOCHS = "epochs"
    MINUTES = "minutes"

    def label(self) -> str:
        """Return the text in the list."""
        return {
            Length.RECIPE: _("Steps of the recipe"),
            Length.EPOCHS: _("Epochs"),
            Length.MINUTES: _("Time budget"),
        }[self]

    def unit(self) -> str:
        """Return the unit of the amount, as it follows the number."""
        return {Length.RECIPE: "", Length.EPOCHS: _(" epochs"), Length.MINUTES: _(" min")}[self]


class TeacherSource(enum.Enum):
    """Where the teacher comes from."""

    TRAIN = "train"
    FILE = "file"

    def label(self) -> str:
        """Return the text in the list."""
        return {
            TeacherSource.TRAIN: _("Train in this study"),
            TeacherSource.FILE: _("Model file or MONAI bundle"),
        }[self]


class LatentMethod(enum.Enum):
    """How the bottlenecks of student and teacher are compared; values as in a recipe."""

    DIVERGENCE = "divergence"
    PROTOTYPES = "prototypes"
    CONTRAST = "contrast"

    def label(self) -> str:
        """Return the text in the list."""
        return {
            LatentMethod.DIVERGENCE: _("Divergence (KD-Net)"),
            LatentMethod.PROTOTYPES: _("Prototypes (ProtoKD)"),
            LatentMethod.CONTRAST: _("Contrast (PMKL)"),
        }[self]


class LatentSoftmax(enum.Enum):
    """The dimension over which the softmax of the latent loss runs; values as in a recipe."""

    CHANNELS = "channels"
    FLATTENED = "flattened"

    def label(self) -> str:
        """Return the text in the list."""
        return {
            LatentSoftmax.CHANNELS: _("Channels at each location"),
            LatentSoftmax.FLATTENED: _("All channels and locations"),
        }[self]


class LatentReduction(enum.Enum):
    """What the latent loss averages; values as in a recipe."""

    DISTRIBUTION = "distribution"
    ELEMENT = "element"

    def label(self) -> str:
        """Return the text in the list."""
        return {LatentReduction.DISTRIBUTION: _("Per distribution"), LatentReduction.ELEMENT: _("Per element")}[self]


DEFAULTS = DistillationSettings()


@parameterNodeWrapper
class Parameters:
    """All choices of the panel.

    Modalities are names joined by commas, empty for what the data suggests. ``recipe``, ``network`` and ``device`` are
    names; an empty ``studentNetwork`` means the teacher's. ``adaptModel`` is the name of a file in the model library.
    """

    rawFolder: Path
    preparedFolder: Path
    rawModalities: str = ",".join(MODALITIES)
    rawIsotropic: bool = False
    rawJobs: Annotated[int, WithinRange(1, 64)] = 1
    dataFolder: Path
    labels: Labels = Labels.AUTO
    ownLabels: str
    excludedCases: list[str]
    teacherModalities: str
    studentModalities: str
    separateStudents: bool = False
    foldCount: Annotated[int, WithinRange(0, 20)] = 0
    testFolds: str
    recipe: str
    recipeFile: Path
    network: str
    studentNetwork: str
    lambda_: Annotated[float, WithinRange(0.0, 1.0)] = DEFAULTS.lambda_
    temperature: Annotated[float, WithinRange(0.1, 100.0)] = DEFAULTS.temperature
    studentTemperature: bool = DEFAULTS.student_temperature
    gamma: Annotated[float, WithinRange(0.0, 1000.0)] = DEFAULTS.gamma
    latentMethod: LatentMethod = LatentMethod(DEFAULTS.latent_method.value)
    latentSoftmax: LatentSoftmax = LatentSoftmax(DEFAULTS.latent_softmax.value)
    latentReduction: LatentReduction = LatentReduction(DEFAULTS.latent_reduction.value)
    initFromTeacher: bool = False
    control: bool = False
    length: Length = Length.RECIPE
    amount: Annotated[float, WithinRange(0.1, 100000.0)] = 60.0
    teacherSource: TeacherSource = TeacherSource.TRAIN
    teacherFile: Path
    device: str
    threads: Annotated[int, WithinRange(0, 1024)] = 0
    processes: Annotated[int, WithinRange(1, 64)] = 1
    seeds: str = "0"
    adaptModel: str
    adaptModelFile: Path
    adaptCollection: Path
    adaptUnlabeled: Path
    adaptMinutes: Annotated[float, WithinRange(0.0, 100000.0)] = 0.0
    adaptForce: bool = False
    runsFolder: Path
    runName: str
    waitForOthers: bool = True
