"""How many translations are found by their states, layer by layer, a panel per language."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from lrp2_bench.render.figures.by_layer import Panel, draw_panel, handles_of, mean_panel, share_scale
from lrp2_bench.render.figures.panels import Gaps, Texts, make_page


def retrieval_by_layer(subtitle: str, panels: Sequence[Panel]) -> Figure:
    """A panel per language, before several their mean, all on one scale in percent. Call it inside ``house_style``."""
    shown = [*([mean_panel(panels)] if len(panels) > 1 else []), *panels]
    gaps = Gaps(left=0.56, below=0.38, above=0.2, between=0.17, footer=0.42)
    page = make_page(len(shown), Texts("Translations found by their states", subtitle), gaps, shape=0.8)
    for position, panel in enumerate(shown):
        axes = page.panels[position]
        draw_panel(axes, panel, page)
        axes.tick_params(labelbottom=page.is_lowest(position), labelleft=page.is_leftmost(position))
    share_scale(page.panels, shown, floor=0.0)
    page.label_axes("layer", "found, %")
    page.place_legend(handles_of(shown), 0.06, 2)
    return page.figure
