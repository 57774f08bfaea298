"""How figures look: colours, sizes, fonts, and texts that are shown as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from lrp2_bench.data import language_table
from lrp2_bench.render.text import one_line

# Okabe and Ito's colours, which are distinct with any colour vision.
BLUE, ORANGE, VERMILLION, GREEN, SKY, PURPLE = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#56B4E9", "#CC79A7"
GREY, PALE, INK = "#555555", "#C4C4C4", "#1A1A1A"
#: Red (loss) over white to blue (gain); ColorBrewer lists it as safe for colour-blind readers.
DIVERGING = "RdBu"

FONT = "DejaVu Sans"  # comes with matplotlib, so no machine lacks it
TITLE, TEXT, SMALL = 10.0, 8.0, 6.5  # points

_HINTING = 1.02  # what fitting letters to pixels may add to a text's width

_RC: dict[Any, Any] = {  # matplotlib types its keys one by one, and not in every version
    "font.family": FONT,
    "font.size": TEXT,
    # Names come from data: a dollar sign in one is no formula.
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.0,
    "ytick.major.size": 2.0,
    "xtick.major.pad": 2.0,
    "ytick.major.pad": 2.0,
    "legend.frameon": False,
    "legend.fontsize": TEXT,
    "legend.borderpad": 0.0,
    "pdf.fonttype": 42,  # text stays text; publishers refuse the default, Type 3
}


@contextmanager
def house_style() -> Iterator[None]:
    """Inside, matplotlib's own defaults and ours hold, whatever the user's matplotlibrc says; outside, nothing changes.

    Figures must be made *and* saved inside: matplotlib reads its settings at both times.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


def language_name(code: str) -> str:
    """German for ``de``; a language that the benchmark does not know keeps the name its manifest gives."""
    return shown(language_table.language_name(code), 60)


def shown(text: str, longest: int = 200) -> str:
    """On one line of at most ``longest`` characters; what the font lacks is spelled as code points (U+4E2D)."""
    return "".join(c if ord(c) in _characters() else f"U+{ord(c):04X}" for c in one_line(text, longest))


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """In inches, for text of ``size`` points that :func:`shown` has passed."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, _font(size, weight), False)
    return float(width) * _HINTING / 72


def fitted(text: str, inches: float, size: float, weight: str = "normal") -> str:
    """``text``, its end cut for an ellipsis where it is wider than ``inches``."""
    if text_width(text, size, weight) <= inches:
        return text
    while text and text_width(f"{text}…", size, weight) > inches:
        text = text[:-1]
    return f"{text.rstrip()}…"


def wrapped(text: str, inches: float, size: float, weight: str = "normal") -> list[str]:
    """``text`` in lines no wider than ``inches``, broken between words; a word that is wider by itself is cut."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= inches:
            lines[-1] = longer
        else:
            lines.append(fitted(word, inches, size, weight))
    return lines


def signed(points: float) -> str:
    """A change in points with its sign, two decimals; nothing is ``-0.00``."""
    text = f"{points:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", "\N{MINUS SIGN}")


@cache
def _font(size: float, weight: str) -> FontProperties:
    return FontProperties(family=FONT, size=size, weight=weight)


@cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(_font(TEXT, "normal"))).get_charmap())
