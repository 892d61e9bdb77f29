"""What the panel says about a model and a scan, in a sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdnet.schema.modalities import display_name, format_modalities
from slicer.i18n import tr as _

from KDNetSegmentationLib.ModelRanking import ScanKind, suits, suits_together

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo

ENHANCING = "enhancing tumor"  # label
WITHOUT_CONTRAST = frozenset({"t1", "t2", "flair"})


def figures_text(model: ModelInfo) -> str:
    """Return the mean Dice by region and on what it was measured; empty if that is not known."""
    dice = ", ".join(f"{region} {value:.2f}" for region, value in model.dice.items())
    if not dice:
        return ""
    if model.testedCases:
        return _("{dice} on {count} test cases").format(dice=dice, count=model.testedCases)
    return _("{dice} on validation cases").format(dice=dice)


def reason_text(model: ModelInfo, models: Sequence[ModelInfo], scans: Sequence[ScanKind]) -> str:
    """Return why a suggested model is the best of the pairs of model and loaded scan; empty without a scan that fits."""
    if suits_together(model, scans):
        named = format_modalities(model.modalities)
        return _("Suggested because {scans} of this patient are loaded: together they score best.").format(scans=named)
    if not any(suits(model, scan) for scan in scans):
        return ""
    named = display_name(model.modalities[0])
    rest = len([scan for scan in scans if not suits(model, scan) and any(suits(each, scan) for each in models)])
    text = _("Suggested for {scan}.").format(scan=named)
    return f"{text} {_count(rest)}".strip()


def _count(rest: int) -> str:
    if not rest:
        return ""
    if rest == 1:
        return _("1 other scan has a model that scored lower.")
    return _("{count} other scans have models that scored lower.").format(count=rest)


def enhancement_note(model: ModelInfo) -> str:
    """Return that enhancement cannot be seen on the inputs of a model that segments it; empty if it can."""
    shows = {region.name for region in model.labels.regions} | {label.name.casefold() for label in model.labels.labels}
    if not shows & {"ET", ENHANCING} or not model.modalities or not WITHOUT_CONTRAST.issuperset(model.modalities):
        return ""
    names = ", ".join(display_name(modality) for modality in model.modalities)
    text = _("Enhancement is not visible on {scan}: do not rely on enhancing tumor and tumor core.")
    return text.format(scan=names)


def kind_warning(model: ModelInfo, name: str, *, synthetic: bool) -> str:
    """Return that model and scan are of different kinds; empty if they are not.

    Args:
        model: the model.
        name: name of the scan.
        synthetic: whether the scan is a phantom.
    """
    if model.synthetic and not synthetic:
        text = _("{model} was trained on synthetic heads and finds nothing useful in a patient: select another model.")
        return text.format(model=model.name)
    if synthetic and not model.synthetic:
        text = _("{scan} is synthetic, but {model} was trained on patients: select a model for phantoms.")
        return text.format(scan=name, model=model.name)
    return ""
