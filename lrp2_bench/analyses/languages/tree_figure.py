"""Hierarchical clustering of languages at a few layers, as trees side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram

from lrp2_bench.analyses.languages.figure_kinds import colour_of, family_colours, family_key
from lrp2_bench.analyses.languages.table import DrawnLayer
from lrp2_bench.render.figures.panels import PAGE, Gaps, Texts, make_page
from lrp2_bench.render.figures.style import GREY, INK, SMALL, TEXT, fitted, language_name, shown, text_width

_ROW = 0.135  # inches from one language to the next
_NAMES = 0.95  # the widest a name may be, inches
_COLUMNS = 3
_ENTRIES = 7  # of the legend in a row


def language_tree(model: str, corpus: str, codes: Sequence[str], drawn: Sequence[DrawnLayer], clusters: int) -> Figure:
    """A tree per layer, names coloured by family; dashed: where it is cut into ``clusters``.

    Call it inside ``house_style``.
    """
    colours = family_colours(codes)
    key = family_key(codes, colours)
    names = {code: fitted(language_name(code), _NAMES, SMALL) for code in codes}
    room = max(text_width(name, SMALL) for name in names.values()) + 0.1
    columns = min(len(drawn), _COLUMNS)
    texts = Texts(
        "Languages clustered by their vectors",
        f"{shown(model, 60)}, sentences of {shown(corpus, 60)}: Ward's clustering of language vectors minus their "
        f"mean, by direction. Colour: family. Dashed: the cut into {clusters}, as many as there are families.",
    )
    footer = 0.04 + 0.17 * math.ceil(len(key) / _ENTRIES)
    gaps = Gaps(left=room, below=0.4, above=0.24, between=room + 0.06, footer=footer)
    wide = (PAGE - 0.24 - _COLUMNS * (room + 0.06)) / _COLUMNS
    page = make_page(len(drawn), texts, gaps, size=(wide, len(codes) * _ROW), columns=columns)
    for axes, one in zip(page.panels, drawn, strict=True):
        shape = dendrogram(one.linked, no_plot=True)
        for across, up in zip(shape["dcoord"], shape["icoord"], strict=True):
            axes.plot(across, up, color=INK, linewidth=0.7, solid_joinstyle="miter")
        order = [codes[leaf] for leaf in shape["leaves"]]
        axes.set_yticks([10 * place + 5 for place in range(len(order))], [names[code] for code in order], size=SMALL)
        for label, code in zip(axes.get_yticklabels(), order, strict=True):
            label.set_color(colour_of(code, colours))
        heights = [0.0, *one.linked[:, 2].tolist()]
        if 1 < clusters < len(codes):
            axes.axvline(
                (heights[-clusters] + heights[-clusters + 1]) / 2, color=GREY, linewidth=0.6, linestyle=(0, (3, 2)),
                gid="cut",
            )  # fmt: skip
        axes.set_ylim(0, 10 * len(codes))
        axes.set_xlim(0, 1.03 * max(heights) or 1)
        axes.tick_params(axis="y", length=0, pad=2)
        axes.tick_params(axis="x", labelsize=SMALL)
        axes.set_title(f"layer {one.layer}", size=TEXT, loc="left", pad=3)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    page.label_axes("distance at which clusters merge", "")
    page.place_legend(key, 0.06, min(len(key), _ENTRIES))
    return page.figure
