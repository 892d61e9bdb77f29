"""The folder of training cases, which both modules use and which is remembered across restarts, and its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kdnet.schema.collection import CollectedCase, CollectionContent
from kdnet.schema.formatting import plural
from kdnet.schema.modalities import format_modalities

from KDNetLib.Command import Command, json_answer
from KDNetLib.Translation import _
from KDNetLib.Worker import Failure

KEY = "KDNet/TrainingCases"  # in Slicer's settings
PATIENT_DIGITS = 6


def remembered_collection() -> Path:
    """Return the folder that was used last, or a default one."""
    stored = str(_settings().value(KEY) or "")
    return Path(stored) if stored else Path.home() / "KDNet training cases"


def remember_collection(folder: Path) -> None:
    """Use ``folder`` from now on."""
    _settings().setValue(KEY, str(folder))


def query_collection(
    folder: Path,
    onFinished: Callable[[CollectionContent], None],
    onFailed: Callable[[Failure], None],
    remove: Sequence[str] = (),
) -> Command:
    """List the cases of a collection in a separate process, because the folder may be on a slow disk.

    Args:
        folder: folder of the collection; it need not exist.
        onFinished: called with its content.
        onFailed: called with the reason on failure.
        remove: names of cases to remove before.
    """
    arguments = collection_arguments(folder, remove)
    return Command(arguments, read=read_collection, onFinished=onFinished, onFailed=onFailed).start()


def collection_arguments(folder: Path, remove: Sequence[str] = ()) -> list[str]:
    """Return the arguments of ``kdnet`` to remove cases of a collection and list the others."""
    return ["collection", str(folder), "--json", *(part for name in remove for part in ("--remove", name))]


def read_collection(answer: str) -> CollectionContent:
    """Read what ``kdnet collection`` printed."""
    return CollectionContent.from_json(json_answer(answer))


def collection_rows(content: CollectionContent) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return header and rows: case, patient, modalities, changed mL of each region, and date."""
    regions = _region_keys(content)
    header = (
        _("Case"),
        _("Patient"),
        _("Modality"),
        *(_("{region} mL").format(region=name) for name in regions),
        _("Date"),
    )
    return header, [_row(case, list(regions.values())) for case in content.cases]


def collection_text(content: CollectionContent) -> str:
    """Return how many cases and patients there are, and what cannot be read."""
    cases = plural(len(content.cases), _("{count} case"), _("{count} cases"))
    patients = plural(len({case.patient for case in content.cases}), _("of {count} patient."), _("of {count} patients."))
    return " ".join([f"{cases} {patients}", *content.problems]) if content.cases else " ".join(content.problems)


def _region_keys(content: CollectionContent) -> dict[str, str]:
    """Map each region to the name under which its change is recorded, which for a region of one label is the label's."""
    if content.labels is None:
        return {}
    names = {label.value: label.name for label in content.labels.labels}
    return {
        region.name: region.name if len(region.values) > 1 else names[region.values[0]] for region in content.labels.regions
    }


def _row(case: CollectedCase, keys: Sequence[str]) -> tuple[str, ...]:
    if case.no_tumor:
        changed = [_("no tumor"), *([""] * (len(keys) - 1))][: len(keys)]
    else:
        changed = [f"{case.changed_ml[key]:.1f}" if key in case.changed_ml else "" for key in keys]
    return case.name, case.patient[:PATIENT_DIGITS], format_modalities(case.modalities), *changed, case.date


def _settings() -> Any:
    import qt  # noqa: PLC0415 - not there without the application

    return qt.QSettings()
