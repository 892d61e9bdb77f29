"""Draw figures as inline SVG with colors from the page, so that one picture works in light, dark and print."""

from __future__ import annotations

import io
import re
from html import escape

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from kdnet.schema.network_id import Role
from kdnet.text import one_line

INK, MUTED, LINE = "#1b2430", "#5d6876", "#d9dfe6"

ROLE_COLORS = {Role.TEACHER: "#2f6fb0", Role.BASELINE: "#868e99", Role.CONTROL: "#b08d3c", Role.STUDENT: "#c8472f"}

VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    **{color: f"--{role.value}" for role, color in ROLE_COLORS.items()},
}
"""Colors of figures and the variables of the page's style sheet that stand for them."""


def inline_svg(figure: Figure, *, name: str, description: str) -> str:
    """Draw ``figure`` as an ``<svg>`` element without a fixed size, which scales with the page.

    Args:
        figure: figure drawn with the colors of this module.
        name: makes the identifiers of its parts unique in the page.
        description: alternative text for screen readers.
    """
    stream = io.StringIO()
    for item in figure.findobj(Text):
        item.set_parse_math(False)  # a region may be called "a$_{$b"
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "text.parse_math": False}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    opening, _, rest = text.partition(">")
    view = re.search(r'viewBox="[^"]*"', opening)
    box = view[0] if view else ""
    text = f'<svg {box} role="img" aria-label="{escape(one_line(description, 2000))}">{rest}'
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    for color, variable in VARIABLES.items():
        text = text.replace(color, f"var({variable})")
    return re.sub(r"font: ([\d. a-z]*px) [^;\"]*", r"font: \1 system-ui, sans-serif", text).strip()


def drawn(text: str) -> str:
    """Return external text fit for a figure: one line, printable, not too long."""
    return one_line(text, 40)


def tidy(axes: Axes, *, title: str = "", x_label: str = "", y_label: str = "") -> None:
    """Apply the style that all figures share."""
    axes.set_title(title, fontsize=10, color=INK, loc="left", fontweight="bold")
    axes.set_xlabel(x_label, fontsize=9, color=MUTED)
    axes.set_ylabel(y_label, fontsize=9, color=MUTED)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
