"""The ``--labels`` option: the meaning of reference label values."""

from __future__ import annotations

from kdnet.errors import SettingsError
from kdnet.schema.labels import LabelTable, brats_labels, exclusive_labels, pediatric_labels, post_treatment_labels
from kdnet.text import one_line

LABELS_HELP = "auto, brats, brats-2024, brats-ped, or VALUE=NAME,... for exclusive labels (default: auto)"


def brats_tables() -> dict[str, LabelTable]:
    """Return the BraTS label tables by their ``--labels`` names."""
    return {"brats": brats_labels(), "brats-2024": post_treatment_labels(), "brats-ped": pediatric_labels()}


def parse_labels(text: str) -> LabelTable | None:
    """Parse the ``--labels`` option; None means the table implied by the data format.

    Raises:
        SettingsError: if it is invalid.
    """
    if text == "auto":
        return None
    if text in (tables := brats_tables()):
        return tables[text]
    choices = f"auto, {', '.join(tables)}, or pairs such as 1=Lesion,2=Core"
    names: dict[int, str] = {}
    try:
        for value, _, name in (part.partition("=") for part in text.split(",")):
            number, plain = int(value), " ".join(name.split())
            if number in names:
                raise SettingsError(f'--labels gives {number} two names, "{names[number]}" and "{plain}": give it one.')
            if not plain:
                raise SettingsError(f"--labels gives {number} no name: write it as in {number}=Lesion.")
            if plain.casefold() in (known.casefold() for known in names.values()):
                raise SettingsError(f'--labels gives two values the name "{plain}": give each a name of its own.')
            names[number] = plain
        return exclusive_labels(names)
    except ValueError as error:
        raise SettingsError(f'--labels is "{one_line(text, 80)}": give {choices}.') from error
