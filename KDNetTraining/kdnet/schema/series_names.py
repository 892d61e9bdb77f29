"""Image contrast inferred from a scanner's series description.

Descriptions are free text: vendor sequence names, planes, words for contrast agents in the hospital's language.
They are split into words; letters inside a longer word are ignored, so that patient numbers such as ``PT2034`` are
harmless. If the words are contradictory or insufficient, the result is empty: choosing the wrong model is worse
than choosing none.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum


class Contrast(Enum):
    """Contrast agent status according to a description."""

    UNKNOWN = "unknown"
    GIVEN = "given"
    NOT_GIVEN = "not given"
    CONTRADICTORY = "contradictory"


@dataclass(frozen=True)
class Description:
    """The information extracted from a description.

    Attributes:
        t1, t2: whether it names this weighting, directly or through a sequence that always has it.
        fluid_attenuated: whether it names FLAIR.
        inversion: whether it names a turbo inversion recovery (TIRM) without saying which.
        contrast: contrast agent status.
        other: whether it names images other than structural T1, T2 or FLAIR: maps, diffusion, perfusion, T2*, ...
    """

    t1: bool
    t2: bool
    fluid_attenuated: bool
    inversion: bool
    contrast: Contrast
    other: bool

    @property
    def modality(self) -> str:
        """``"t1"``, ``"t1ce"``, ``"t2"``, ``"flair"``, or empty if unclear."""
        if self.other or (self.t1 and self.t2):
            return ""
        if self.t1:  # also with fluid attenuation: T1 FLAIR is a T1 contrast
            contrasts = {Contrast.GIVEN: "t1ce", Contrast.CONTRADICTORY: ""}
            return contrasts.get(self.contrast, "t1")
        if self.fluid_attenuated or (self.t2 and self.inversion):
            return "flair"
        return "t2" if self.t2 else ""


def guess_modality(name: str) -> str:
    """Guess the modality from a series description or the name of a volume.

    Returns:
        ``"t1"``, ``"t1ce"``, ``"t2"``, ``"flair"``, or empty if unclear.

    Example:
        >>> guess_modality("AX T1 W/O CONTRAST"), guess_modality("t1_mprage_sag_KM"), guess_modality("AX T2* GRE")
        ('t1', 't1ce', '')
    """
    return describe(name).modality


def describe(name: str) -> Description:
    """Parse a series description."""
    plain = _plain(name)
    words = _words(plain)
    found = {kind for word in words for kind in _kinds(word)}
    t1 = "t1" in found or ("t1 sequence" in found and "t2" not in found)
    dark = re.search(r"\b(dark fl|da fl|fluid att)", " ".join(words)) is not None
    gradient_t2 = "t2" in found and "gradient echo" in found  # T2-weighted gradient echo is T2*
    return Description(
        t1=t1,
        t2="t2" in found,
        fluid_attenuated="flair" in found or dark,
        inversion="tirm" in found,
        contrast=_contrast(words),
        other="other" in found or gradient_t2 or _names_subtraction(words) or "t2*" in plain or "t2 *" in plain,
    )


# Sets of words by meaning; words outside these sets are ignored.
_OTHER = re.compile(
    r"""t2s|t2star\w*|star|decay|relaxation|r2s?|r1|t1rho|\w*map(s|ping|pe[dr])?|molli|shmolli|quant\w*|relaxometr\w*|synthetic|qsm
    |swi\w*|swan|swp|swip|venbold|susc\w*|ha?emo|\w*adc|adcs?|dwi\w*|\w*diff\w*|dti|dki|ivim|hardi|noddi|tensor|trace\w*|b\d+\w*|fa|colfa|exp
    |\w*perf\w*|pwi|dsc|dce|\w*asl|cbf|cbv|rcbv|rcbf|mtt|ttp|tmax|ktrans|dyn\w*|twist|tricks|tof\w*|mra|mrv|angio\w*|veno\w*
    |ph|phase|pc|mip|minip|ep2d\w*|epi|bold|fmri|resting|loc|locali[sz]er\w*|scout\w*|aahscout|survey|topogram|calib\w*|fieldmap
    |field|mrs|svs|csi|spectro\w*|pd|pdw|proton|ciss|fiesta\w*|trufi\w*|bffe|btfe|balance|subtra\w*|subtracted|stir|mt|mtc|mtr
    |seg|segm|segmentation|mask|label|labelmap|labels|pred|prediction|gtv|report|screen\w*|ct|pet|suv|inv[12]|dir|psir|mrf""",
    re.VERBOSE,
)

_GRADIENT_ECHO = re.compile(r"gre|ffe|flash|fl[23]d|merge|medic|mpgr|grass|hemo|swi")

_T1_SEQUENCE = re.compile(r"mp2?rage|bravo|f?spgr\w?|efgre3d|tfl[23]?d?|vibe|thrive|lava|mprage\w*")

_TIRM = re.compile(r"tirm")

_PLANE = r"(?:[23]d|ax|axial|sag|sagittal|cor|coronal|tra|trans|transversal|obl|[sdv](?=t[12]w))"

_ENDING = (
    r"(?:w|wi|ir|weighted|n|c|ce|gd|gad|gado|km|pre|post|native?|contrast|flair|tirm|mprage|bravo|f?spgr|vibe|t?fse|tse|se"
    r"|tfe|ffe|gre|space|spc|cube|blade|prop(?:eller)?|vista|haste|fs|dixon|iso|[23]d|ax|axial|sag|cor|tra|star|map)"
)

_COMPOUND = re.compile(rf"{_PLANE}*(?P<base>t1|t2|flair|mprage|bravo|f?spgr|vibe)(?P<rest>{_ENDING}*)f?")

_BIDS_PERSON = re.compile(r"\b(sub|ses)-[a-z0-9]+|\bspace-[a-z0-9]+|\bce-(?:none|no)\b")


def _plain(name: str) -> str:
    """Convert to lower case without accents; turn abbreviations with punctuation into words."""
    text = name.lower().replace("pós", "post")
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = _BIDS_PERSON.sub(" ", text)
    text = text.replace("增强", " contrast ").replace("造影", " contrast ").replace("平扫", " native ")
    text = text.replace("контраст", " contrast ").replace("k.m.", "km").replace("m.d.c.", "mdc")
    for pattern, word in _ABBREVIATIONS:
        text = pattern.sub(f" {word} ", text)
    return text


_ABBREVIATIONS = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"(?<![a-z])w\s?/\s?w?o(?![a-z])\s?(?=[^a-z]*(?:and|&|\+|/)\s*w(?:ith)?\b)", "without with"),
        (r"(?<![a-z])w\s?/\s?wo(?![a-z])", "with without"),
        (r"(?<![a-z])w\s?/\s?o(?:ut)?(?![a-z])", "without"),
        (r"(?<![a-z])w\s?/", "with"),
        (r"(?<![a-z])s\s?/\s?(?:c|ctr|cte)(?![a-z])", "without contrast"),
        (r"(?<![a-z])c\s?/\s?(?:c|ctr|cte)(?![a-z])", "with contrast"),
        (r"(?<![a-z])s\s?/(?=\s?[a-z])", "without"),
        (r"(?<![a-z])c\s?/(?=\s?[a-z])", "with"),
        (r"\+\s?/\s?-|±", "with without contrast"),
        (r"(?<![a-z])(?:c|gd|km)\s?\+", "contrast"),
        (r"(?<![a-z])(?:c|gd|km)-(?![a-z0-9])", "without contrast"),
        (r"\s-(?:c|gd|km)(?![a-z])", "with without contrast"),
        (r"(?<![a-z])(?:non|wo)[\s-]con(?![a-z])", "without contrast"),
        (r"(?<=t1)\s?w?\+(?!\s?[a-z0-9])", "contrast"),
        (r"\+\s?(?:c|mc|gd|gad|km|k)(?![a-z])", "contrast"),
    )
)


def _words(plain: str) -> list[str]:
    """Return the words of a description; compounds such as ``t1mprage`` or ``axt2flair`` are split."""
    words: list[str] = []
    for token in re.findall(r"[a-z0-9]+", plain):
        match = _COMPOUND.fullmatch(token)
        if match is None:
            words.append(token)
        elif token.endswith("t2f"):
            words += ["t2", "flair"]
        else:
            words += [match["base"], *re.findall(_ENDING, match["rest"])]
    return words


def _kinds(word: str) -> set[str]:
    kinds = {"flair"} if word == "darkfluid" else {word} & {"t1", "t2", "flair"}
    tests = (("t1 sequence", _T1_SEQUENCE), ("gradient echo", _GRADIENT_ECHO), ("tirm", _TIRM), ("other", _OTHER))
    return kinds | {kind for kind, pattern in tests if pattern.fullmatch(word)}


def _names_subtraction(words: list[str]) -> bool:
    """Check whether ``sub`` means subtraction; before a number it means subject."""
    return any(
        word in ("sub", "subs") and at > 0 and not (words[at + 1 : at + 2] or ["x"])[0].isdigit()
        for at, word in enumerate(words)
    )


_WITH = {"with", "w", "mit", "con", "com", "avec", "met", "med", "po", "nach", "apres", "dopo", "after", "na"}

_WITHOUT = {
    *("without", "wo", "non", "no", "not", "sans", "ohne", "senza", "sin", "sem", "zonder", "bez", "utan", "uden", "uten"),
    *("vor", "avant", "prima", "before", "antes", "przed", "voor", "pre", "0", "minus", "kein", "keine"),
}

_NATIVE = {
    *("pre", "native", "nativ", "nativo", "nativa", "natif", "plain", "unenhanced", "basale", "basal", "blanco", "simple"),
    *("noncontrast", "nonenhanced", "nocontrast", "precontrast", "unenh", "kontrastsiz", "precon", "nc", "ncontrast"),
}

_GIVEN = re.compile(
    r"""c|ce|gd|gad|gado\w*|gadavist|dotarem|clariscan|magnevist|multihance|prohance|omniscan|vueway|elucirem|artirem|primovist
    |eovist|dotagraf|cyclolux|km|kontr\w*|contr\w*|mdc|civ|inj\w*|enh\w*|nachkm|post(?:con\w*|gd|gad\w*|km|c|inj\w*)?|postk""",
    re.VERBOSE,
)

_CLINICAL = re.compile(  # what follows "post" and "pre" when they refer to a disease course or processing
    r"op|ops|oper\w*|surg\w*|chir\w*|rt|xrt|rad\w*|chemo\w*|treat\w*|therap\w*|tx|biops\w*|resec\w*|proc\w*|crani\w*|trauma\w*"
    r"|tumou?r|partum|mortem|ictal|stroke|scan|norm\w*|discharge|day|week|month"
)

_LINKS = {"iv", "i", "v", "the", "any", "agent", "produit", "de", "mezzo", "di", "medio", "meio"}

_DENIALS = {"none", "no", "free", "frei", "nein", "negative", "neg", "absent"}


def _contrast(words: list[str]) -> Contrast:
    """Return the contrast agent status; a negation applies to the next word that names one."""
    given = native = both = False
    at = 0
    while at < len(words):
        word, following = words[at], words[at + 1 : at + 4]
        if word in ("pre", "post") and following and _CLINICAL.fullmatch(following[0]):
            at += 2
            continue
        if word in _WITHOUT | _NATIVE:
            both = both or _alternative(words, at)
            reach = _named_next(following)
            native = native or reach > 0 or word in _NATIVE
            at += 1 + reach
            continue
        if _GIVEN.fullmatch(word) and not (word == "c" and not _stands_for_contrast(words, at)):
            denied = bool(following) and following[0] in _DENIALS
            given, native = given or not denied, native or denied
        at += 1
    if both or (given and native):
        return Contrast.CONTRADICTORY
    return Contrast.GIVEN if given else Contrast.NOT_GIVEN if native else Contrast.UNKNOWN


def _named_next(following: list[str]) -> int:
    """Return the number of words after a negation through those for a contrast agent; 0 if none follow."""
    reach = 0
    while reach < len(following) and following[reach] in _LINKS:
        reach += 1
    start = reach
    while reach < len(following) and _GIVEN.fullmatch(following[reach]) and not following[reach].startswith("post"):
        reach += 1
    return reach if reach > start else 0


def _alternative(words: list[str], at: int) -> bool:
    """Check whether a word such as "with" is next to the negation: "with and without", "w wo"."""
    beside = {*words[max(0, at - 2) : at], *words[at + 1 : at + 3]}
    return words[at] not in ("pre", "0") and bool(beside & _WITH)


def _stands_for_contrast(words: list[str], at: int) -> bool:
    """Check whether a single "c" means contrast: right after the weighting, and not before "spine"."""
    spine = bool(words[at + 1 : at + 2]) and words[at + 1].startswith(("sp", "cerv"))
    return at > 0 and words[at - 1] in ("t1", "w", "wi", "weighted") and not spine
