"""Image contrast from the DICOM header of a series."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from kdnet.schema.series_names import Contrast, Description, describe

NO_AGENT = {"", "no", "none", "n", "na", "not", "nil", "null", "false", "0", "unknown"}

NO_AGENT_PREFIXES = ("without", "nocontrast", "none", "notgiven", "noncontrast")

DERIVED_TYPES = {"ADC", "TRACEW", "FA", "DIFFUSION", "PERFUSION", "ASL", "PHASE", "P", "SWI", "MNIP", "SUBTRACTION"}

ENHANCED_SEQUENCE = {"0018,9009": "IR", "0018,9018": "EP"}  # Inversion Recovery, Echo Planar Pulse Sequence

NOTHING = Description(False, False, False, False, Contrast.UNKNOWN, False)

LONG_INVERSION_MS = 1500.0  # cerebrospinal fluid is nulled at 1700 (1.5 T) to 2900 ms (3 T), fat at 130 to 250

SHORT_INVERSION_MS = 400.0

T1_ECHO_MS, T2_ECHO_MS = 30.0, 60.0  # maximum for T1-weighted, minimum for T2-weighted images

T1_REPETITION_MS, T2_REPETITION_MS = 1000.0, 2000.0  # for spin echo without inversion


@dataclass(frozen=True)
class SeriesHeader:
    """The DICOM attributes that determine the contrast; empty or None if the header lacks them.

    Attributes:
        modality: ``"MR"``, ``"CT"``, ...
        description: Series Description.
        protocol: Protocol Name.
        agent: Contrast/Bolus Agent.
        scanning_sequence: for example ``"SE"`` or ``"GR\\IR"``.
        image_type: for example ``"DERIVED\\SECONDARY\\ADC"``; with the Acquisition Contrast of Enhanced MR, such as
            ``"DIFFUSION"``.
        repetition_ms, echo_ms, inversion_ms: times in milliseconds.
    """

    modality: str = ""
    description: str = ""
    protocol: str = ""
    agent: str = ""
    scanning_sequence: str = ""
    image_type: str = ""
    repetition_ms: float | None = None
    echo_ms: float | None = None
    inversion_ms: float | None = None

    @classmethod
    def read(cls, value: Callable[[str], str]) -> SeriesHeader:
        """Read a header.

        Args:
            value: function that returns the text of a tag such as ``"0008,103e"`` (lowercase), empty if there is none.
        """
        return cls(
            modality=value("0008,0060").strip(),
            description=value("0008,103e").strip(),
            protocol=value("0018,1030").strip(),
            agent=value("0018,0010").strip(),
            scanning_sequence=value("0018,0020").strip() or _enhanced_sequence(value),
            image_type="\\".join(text for tag in ("0008,0008", "0008,9209") if (text := value(tag).strip())),
            repetition_ms=_number(value("0018,0080")),
            echo_ms=_number(value("0018,0081")),
            inversion_ms=_number(value("0018,0082")),
        )

    @property
    def has_agent(self) -> bool:
        """Whether a contrast agent is named; entries such as "NONE" do not count."""
        word = "".join(character for character in self.agent.lower() if character.isalnum())
        return word not in NO_AGENT and not word.startswith(NO_AGENT_PREFIXES)


def guess_series(header: SeriesHeader, name: str = "") -> str:
    """Guess the modality of a series.

    The description has priority, then the protocol, then ``name``; the sequence timing confirms or refutes the text,
    and decides if the text says nothing.

    Args:
        header: header of the series; its numbers may be missing.
        name: volume name in the program, which may be the user's choice.

    Returns:
        ``"t1"``, ``"t1ce"``, ``"t2"``, ``"flair"``, or empty if uncertain.
    """
    if header.modality and header.modality != "MR":
        return ""
    texts = [describe(text) for text in (header.description, header.protocol, name)]
    telling = next((text for text in texts if _tells(text)), NOTHING)
    measured = _measured(header)
    if telling.other or measured == "other":
        return ""
    contrast = next((text.contrast for text in texts if text.contrast is not Contrast.UNKNOWN), Contrast.UNKNOWN)
    named = telling.modality or ("t1" if telling.t1 and not telling.t2 else "")
    weighting = _agreed("t1" if named == "t1ce" else named, measured, header.echo_ms)
    return _with_agent(contrast, header.has_agent) if weighting == "t1" else weighting


def is_other_kind(header: SeriesHeader, name: str = "") -> bool:
    """Return whether a series is a map, diffusion, perfusion or the like, by its first informative text.

    Args:
        header: header of the series.
        name: name of the volume in the program, or of the folder.
    """
    texts = (describe(text) for text in (header.description, header.protocol, name))
    return next((text for text in texts if _tells(text)), NOTHING).other or _measured(header) == "other"


def _enhanced_sequence(value: Callable[[str], str]) -> str:
    """Return the Scanning Sequence of Enhanced MR, which has an attribute for each of its parts."""
    pulses = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}.get(value("0018,9008").strip().upper(), [])
    others = [name for tag, name in ENHANCED_SEQUENCE.items() if value(tag).strip().upper() == "YES"]
    return "\\".join([*pulses, *others])


def _tells(text: Description) -> bool:
    return text.t1 or text.t2 or text.fluid_attenuated or text.other


def _agreed(named: str, measured: str, echo_ms: float | None) -> str:
    """Return the weighting on which text and timing agree; either alone is enough, a contradiction gives none."""
    if not named:
        return measured
    if {named, measured} == {"t2", "flair"}:
        return "flair"  # fluid attenuation is often missing from the text, and the inversion time from the header
    if (named, measured) == ("flair", "t1"):
        return "t1"  # T1 FLAIR
    short_echo = named != "t1" and echo_ms is not None and echo_ms <= T1_ECHO_MS
    return "" if short_echo or measured not in ("", named) else named


def _with_agent(contrast: Contrast, has_agent: bool) -> str:
    if contrast is Contrast.CONTRADICTORY or (has_agent and contrast is Contrast.NOT_GIVEN):
        return ""
    return "t1ce" if has_agent or contrast is Contrast.GIVEN else "t1"


def _measured(header: SeriesHeader) -> str:
    """Return what the timing alone implies: a weighting, ``"other"``, or empty."""
    sequence = header.scanning_sequence.upper().replace("/", "\\").split("\\")
    types = {part.strip().upper() for part in header.image_type.split("\\")}
    if "EP" in sequence or types & DERIVED_TYPES or any("MAP" in part for part in types):
        return "other"
    repetition, echo, inversion = header.repetition_ms, header.echo_ms, header.inversion_ms
    if echo is None or repetition is None:
        return ""
    if inversion:
        return _measured_inversion(echo, inversion)
    if "GR" in sequence:
        return ""  # depends on the flip angle; T2*, angiography and others also share these times
    if echo <= T1_ECHO_MS and repetition <= T1_REPETITION_MS and "SE" in sequence:
        return "t1"
    return "t2" if echo >= T2_ECHO_MS and repetition >= T2_REPETITION_MS else ""


def _measured_inversion(echo: float, inversion: float) -> str:
    if inversion >= LONG_INVERSION_MS:
        return "flair" if echo >= T2_ECHO_MS else ""
    if inversion <= SHORT_INVERSION_MS:
        return "other" if echo >= T1_ECHO_MS else ""
    return "t1" if echo <= T1_ECHO_MS else ""


def _number(text: str) -> float | None:
    """Return the first number of a value, None if there is none; several are separated by a backslash."""
    try:
        number = float(text.split("\\", maxsplit=1)[0])
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
