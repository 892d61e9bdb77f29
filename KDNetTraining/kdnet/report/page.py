"""Build the report as one HTML file that opens offline."""

from __future__ import annotations

from html import escape

from kdnet.report import sections
from kdnet.report.content import ReportData
from kdnet.report.sentences import format_key
from kdnet.report.style import STYLE

CITATIONS = (
    "M. Hu, M. Maillard, Y. Zhang, T. Ciceri, G. La Barbera, I. Bloch, P. Gori: Knowledge distillation from multi-modal to "
    "mono-modal segmentation networks. MICCAI 2020, LNCS 12261, pp. 772-781 (arXiv:2106.09564).",
    "For data of BraTS: Menze et al. 2015 (10.1109/TMI.2014.2377694); Bakas et al. 2017 (10.1038/sdata.2017.117); Bakas et "
    "al. 2018 (arXiv:1811.02629); Baid et al. 2021 (arXiv:2107.02314).",
)


def html_page(content: ReportData) -> str:
    """Return the whole page."""
    title = (
        f"KD-Net study: {', '.join(format_key(modality_key) for modality_key in content.description.student_modalities)}"
    )
    body = "".join(
        section(content)
        for section in (
            sections.opening,
            sections.networks,
            sections.comparison,
            sections.groups,
            sections.cases,
            sections.examples,
            sections.training,
            sections.reproducibility,
        )
    )
    sources = "".join(f"<li>{escape(text)}</li>" for text in CITATIONS)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f'<body><main>{body}<h2>Please cite</h2><ul class="sources">{sources}</ul>'
        "<footer><strong>For research use only; not a medical device.</strong></footer></main></body></html>\n"
    )
