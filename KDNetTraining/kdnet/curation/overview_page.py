"""The page of a prepared folder: a picture of every case to look through, and what could not be prepared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from kdnet.curation.record import EXTRACTED, PICTURE, CaseRecord
from kdnet.report.elements import details
from kdnet.report.style import STYLE
from kdnet.schema.formatting import plural
from kdnet.schema.modalities import display_name
from kdnet.schema.raw_studies import AUTO, CurationSettings

LEGEND = (
    "Yellow: extracted brain on the reference scan. Colors: expert segmentation. Check that the brain is complete, that no "
    "skull is left, that all scans show the same anatomy, and that the labels fit."
)
CASE_STYLE = """
main { max-width: 78rem; } article { border-top: 1px solid var(--line); margin: 1.6rem 0; padding-top: .8rem; }
article h3 { margin: 0 0 .4rem; }
article img { width: 100%; max-width: 62rem; height: auto; display: block; background: #000;
  border-radius: 8px; }
.titles { display: grid; max-width: 62rem; text-align: center; color: var(--muted); font-size: .88rem; }
.warnings { border-left: 4px solid var(--bad); padding: .2rem .2rem .2rem 1.6rem; margin: .4rem 0; }
td.reason { text-align: left; white-space: normal; } .facts { font-size: .92rem; }
"""


def overview_page(
    prepared: Sequence[CaseRecord], failures: Sequence[tuple[str, str]], stale: Sequence[str], settings: CurationSettings
) -> str:
    """Return the page as HTML that opens offline; pictures lie in the folders of the cases.

    Args:
        prepared: records of the prepared cases.
        failures: name and reason of what could not be prepared.
        stale: prepared cases that the raw folder no longer has.
        settings: the user's choices.
    """
    warned = sum(bool(record.warnings) for record in prepared)
    count = plural(len(prepared), "{count} case prepared", "{count} cases prepared")
    lead = f"{count}, {len(failures)} not prepared, {warned} with warnings."
    body = "".join(
        (
            f'<p class="above">kdnet prepare</p><h1>Prepared cases</h1><p class="lead">{escape(lead)}</p>',
            f"<p>{escape(_settings(settings))}</p>",
            _stale(stale),
            _failures(failures),
            f"<h2>Cases</h2><p>{escape(LEGEND)}</p>",
            *(_case(record) for record in sorted(prepared, key=lambda record: (not record.warnings, record.case))),
            "<footer><strong>For research use only; not a medical device.</strong></footer>",
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Prepared cases</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}{CASE_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )


def _settings(settings: CurationSettings) -> str:
    grid = f"{settings.spacing:g} mm isotropic" if settings.spacing else "that of the reference scan"
    reference = "automatic" if settings.reference == AUTO else display_name(settings.reference)
    modalities = ", ".join(map(display_name, settings.modalities))
    return f"Modalities: {modalities}. Reference: {reference}. Grid: {grid}. Brain extraction: {settings.brain}."


def _stale(names: Sequence[str]) -> str:
    if not names:
        return ""
    text = f"The raw folder no longer contains {', '.join(names[:10])}: remove their folders if you do not need them."
    return f'<ul class="warnings"><li>{escape(text)}</li></ul>'


def _failures(failures: Sequence[tuple[str, str]]) -> str:
    if not failures:
        return ""
    rows = "".join(f'<tr><th>{escape(name)}</th><td class="reason">{escape(reason)}</td></tr>' for name, reason in failures)
    return (
        f'<h2>Not prepared</h2><div class="scroll"><table><thead><tr><th>Case or file</th><th class="text">Reason</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _case(record: CaseRecord) -> str:
    titles = [f"{display_name(record.reference)}, brain outlined"] if _extracted(record) else []
    titles += [display_name(name) for name in record.scans]
    columns = "".join(f"<span>{escape(title)}</span>" for title in titles)
    address = f"{quote(record.case)}/{PICTURE}"
    return (
        f'<article id="{escape(record.case)}"><h3>{escape(record.case)}</h3>{_list("warnings", record.warnings)}'
        f'<div class="titles" style="grid-template-columns: repeat({len(titles)}, 1fr)">{columns}</div>'
        f'<img loading="lazy" src="{escape(address)}" alt="{escape(record.case)} in three planes">'
        f'<p class="facts">{escape(_facts(record))}</p>{details("Series", _series(record))}</article>'
    )


def _extracted(record: CaseRecord) -> bool:
    return any(text.startswith(EXTRACTED) for text in record.done)


def _facts(record: CaseRecord) -> str:
    size = " x ".join(map(str, record.shape))
    spacing = " x ".join(f"{step:.3g}" for step in record.spacing)
    labels = ", ".join(f"label {value}: {amount:.1f} mL" for value, amount in record.labels_ml.items())
    segmentation = f"Segmentation: {labels or 'empty'}." if record.segmentation else "No expert segmentation."
    return " ".join((f"{size} voxels of {spacing} mm.", *record.done, segmentation))


def _series(record: CaseRecord) -> str:
    used = [f"{display_name(name)}: {source}" for name, source in record.scans.items()]
    used += [f"Segmentation: {record.segmentation}"] if record.segmentation else []
    unused = [f"Not used: {name}: {why}" for name, why in record.skipped]
    return _list("facts", [*used, *unused])


def _list(kind: str, items: Iterable[str]) -> str:
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<ul class="{kind}">{lines}</ul>' if lines else ""
