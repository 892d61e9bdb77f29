"""The meaning of BraTS reference values, decided for a data set as a whole.

The same values have meant different tissues over the years: 4 is enhancing tumor until 2021, absent in 2023, the
resection cavity after treatment (2024) and edema in children. Case names indicate year and challenge; where they do
not, the values of all cases together decide, and where these are ambiguous only the user can decide.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kdnet.schema.labels import LabelTable, brats_labels, exclusive_labels, pediatric_labels, post_treatment_labels
from kdnet.schema.labels_option import brats_tables

DECIDE = (
    "specify their meaning with --labels brats (4 is enhancing tumor, as until 2021), --labels brats-2024 (4 is the "
    "resection cavity), --labels brats-ped (1 is enhancing tumor, 4 edema), or pairs such as 1=Core,2=Edema"
)

STRAY_SHARE = 0.25  # of the cases with 4; if more of them also have 3, it is another convention, not a mistake


class Convention(StrEnum):
    """The labeling convention of a case, as implied by its name."""

    EARLY = "BraTS 2012 to 2016"
    OLD = "BraTS 2017 to 2021"
    CURRENT = "BraTS 2023"
    POST_TREATMENT = "BraTS 2024"
    PEDIATRIC = "BraTS-PED"
    GROSS_TUMOR = "BraTS-MEN-RT"
    UNNAMED = "unnamed"


class Part(StrEnum):
    """A part of a tumor that has a value in some convention."""

    CORE = "core"
    EDEMA = "edema"
    ENHANCING = "enhancing"
    CAVITY = "cavity"
    CYST = "cyst"


_STORED: Mapping[Convention, Mapping[int, Part]] = {
    Convention.EARLY: {1: Part.CORE, 2: Part.EDEMA, 3: Part.CORE, 4: Part.ENHANCING},
    Convention.OLD: {1: Part.CORE, 2: Part.EDEMA, 3: Part.ENHANCING, 4: Part.ENHANCING},
    Convention.CURRENT: {1: Part.CORE, 2: Part.EDEMA, 3: Part.ENHANCING},
    Convention.POST_TREATMENT: {1: Part.CORE, 2: Part.EDEMA, 3: Part.ENHANCING, 4: Part.CAVITY},
    Convention.PEDIATRIC: {1: Part.ENHANCING, 2: Part.CORE, 3: Part.CYST, 4: Part.EDEMA},
}

_MAPPED = {Part.CORE: 1, Part.EDEMA: 2, Part.ENHANCING: 3, Part.CYST: 1, Part.CAVITY: 0}

_PEDIATRIC = {Part.ENHANCING: 1, Part.CORE: 2, Part.CYST: 3, Part.EDEMA: 4, Part.CAVITY: 0}


def _year(last_digits: str) -> str:
    """Return a pattern for names that begin with a year; ``BraTS_13`` is the 13th case of a set, not one of 2013."""
    return rf"brats(?:{last_digits}|[ _-]?20(?:{last_digits}))[ _-].*"


_CHALLENGE = r"brats(?:[ _-]?20\d\d|\d\d)?[ _-]?"

_NAMED = (
    (Convention.GROSS_TUMOR, rf"{_CHALLENGE}men[ _-]?rt(?![a-z]).*"),
    (Convention.PEDIATRIC, rf"{_CHALLENGE}peds?(?![a-z]).*"),
    (
        Convention.POST_TREATMENT,
        rf"{_CHALLENGE}gli[ _-]\d+[ _-][1-9]\d\d(?!\d).*|{_CHALLENGE}met(?![a-z]).*|{_year('2[4-9]')}",
    ),
    (Convention.CURRENT, rf"{_CHALLENGE}(gli|ssa|men|goat|africa)(?![a-z]).*|{_year('2[23]')}"),
    (Convention.EARLY, _year("1[2-6]")),
    (Convention.OLD, rf"{_year('1[7-9]|2[01]')}|fets.*"),
)


@dataclass(frozen=True)
class Meaning:
    """The meaning of the values in a data set's references.

    Attributes:
        table: the label table that values are mapped to.
        maps: for each case, file values to different table values; 0 where the table has no such tissue.
        problems: case to the reason why its values cannot be interpreted.
        notes: notes about the data set, in sentences.
    """

    table: LabelTable
    maps: Mapping[str, Mapping[int, int]]
    problems: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def convention_of(case: str, *, gross_tumor: bool = False) -> Convention:
    """Return the convention implied by the name of a case.

    Args:
        case: name of the case, for example ``"BraTS-GLI-00005-100"``.
        gross_tumor: whether the reference is a ``_gtv`` file.
    """
    if gross_tumor:
        return Convention.GROSS_TUMOR
    return next((found for found, pattern in _NAMED if re.fullmatch(pattern, case.lower())), Convention.UNNAMED)


def decide(
    conventions: Mapping[str, Convention],
    values: Mapping[str, Collection[int]] | None = None,
    asked: LabelTable | None = None,
) -> Meaning:
    """Decide the meaning of the values in all references.

    Args:
        conventions: case to the convention implied by its name.
        values: case to the values in its reference, without background; None before any file is read.
        asked: the requested table, one of :func:`brats_tables`; None to choose by names and values.
    """
    read = values or {}
    if asked is None and (special := _single_label(conventions, read)) is not None:
        return special
    table = asked or _table(conventions, read)
    unnamed = _unnamed(conventions, read, asked)
    problems: dict[str, str] = {}
    maps: dict[str, Mapping[int, int]] = {}
    for case, named in conventions.items():
        convention = unnamed if named is Convention.UNNAMED else named
        if convention is Convention.CURRENT and asked == brats_labels():
            convention = Convention.OLD  # requested so that 4 counts as enhancing tumor
        if convention is Convention.GROSS_TUMOR:
            problems[case] = f"The reference is a gross tumor volume, but other cases label parts of tumors: {_APART}."
        elif convention is None:
            problems[case] = (
                f"The references of this data set contain both 3 and 4, and no file name states their year: {DECIDE}."
            )
        maps[case] = _map(convention or Convention.OLD, table)
    return Meaning(table, maps, problems, _notes(read, table))


_APART = "keep the two in separate folders"


def _map(convention: Convention, table: LabelTable) -> dict[int, int]:
    mapped = dict(_PEDIATRIC if table == pediatric_labels() else _MAPPED)
    if table == post_treatment_labels():
        mapped[Part.CAVITY] = 4
    stored = _STORED.get(convention, {})
    return {value: mapped[part] for value, part in stored.items() if mapped[part] != value}


def _single_label(conventions: Mapping[str, Convention], values: Mapping[str, Collection[int]]) -> Meaning | None:
    """Return the meaning of single-label references: gross tumor volumes, and masks of 0 and 1."""
    if conventions and set(conventions.values()) == {Convention.GROSS_TUMOR}:
        return Meaning(exclusive_labels({1: "Gross tumor volume"}), {case: {} for case in conventions})
    held: set[int] = set().union(*values.values()) if values else set()
    if held != {1}:
        return None
    note = "All references contain only the label 1 and are treated as whole-tumor masks: use --labels brats if 1 is core."
    return Meaning(exclusive_labels({1: "Tumor"}), {case: {} for case in conventions}, notes=(note,))


def _table(conventions: Mapping[str, Convention], values: Mapping[str, Collection[int]]) -> LabelTable:
    """Return the table with a label for every tissue in the data set and for no other."""
    kinds = set(conventions.values())
    if kinds == {Convention.PEDIATRIC}:
        return pediatric_labels()
    treated = [case for case, convention in conventions.items() if convention is Convention.POST_TREATMENT]
    cavity = any(4 in values.get(case, ()) for case in treated) if values else bool(treated)
    return post_treatment_labels() if cavity else brats_labels()


def _unnamed(
    conventions: Mapping[str, Convention], values: Mapping[str, Collection[int]], asked: LabelTable | None
) -> Convention | None:
    """Return the convention of the cases whose names imply none; None if their values are ambiguous."""
    if asked is not None:
        known = {"brats": Convention.OLD, "brats-2024": Convention.POST_TREATMENT, "brats-ped": Convention.PEDIATRIC}
        return next(known[name] for name, table in brats_tables().items() if table == asked)
    sets = [set(values.get(case, ())) for case, named in conventions.items() if named is Convention.UNNAMED]
    three, four, both = (sum(wanted <= held for held in sets) for wanted in ({3}, {4}, {3, 4}))
    stray = three == both and 0 < both <= STRAY_SHARE * four  # a few odd cases in a set with no other 3
    return None if three and four and not stray else Convention.OLD


def _notes(values: Mapping[str, Collection[int]], table: LabelTable) -> tuple[str, ...]:
    held: set[int] = set().union(*values.values()) if values else set()
    if table == brats_labels() and len(held) == 1:
        (value,) = held
        return (
            f"All references contain only the label {value}: if they are whole-tumor masks, use --labels {value}=Tumor.",
        )
    if table == brats_labels() and held == {1, 2}:
        return (
            "No reference contains enhancing tumor (3 or 4): check what 1 and 2 mean, or name them with --labels 1=A,2=B.",
        )
    return ()
