"""Cosine and CKA of parallel sentences by layer, with their bands: the two measures of a language above each other."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from lrp2_bench.render.figures.by_layer import Panel, draw_panel, handles_of, mean_panel, share_scale
from lrp2_bench.render.figures.panels import Gaps, Texts, columns_for, make_page
from lrp2_bench.render.figures.style import TEXT

_GAPS = Gaps(left=0.62, below=0.38, above=0.2, between=0.17, footer=0.26)


def aligned_by_layer(title: str, subtitle: str, measures: Sequence[tuple[str, Sequence[Panel]]]) -> Figure:
    """A row of panels per measure (its name, a panel per language), in as many blocks of rows as the page's width
    takes; before several languages their mean. Call it inside ``house_style``."""
    rows = [(name, _with_mean(panels)) for name, panels in measures]
    count = len(rows[0][1])
    columns = count if count <= 4 else min(count, columns_for(len(rows) * count))
    blocks = -(-count // columns)
    page = make_page(len(rows) * blocks * columns, Texts(title, subtitle), _GAPS, shape=0.8, columns=columns)
    for number, (name, panels) in enumerate(rows):
        drawn = []
        for place in range(blocks * columns):
            block, column = divmod(place, columns)
            axes = page.panels[(block * len(rows) + number) * columns + column]
            if place >= count:
                axes.set_visible(False)
                continue
            draw_panel(axes, panels[place], page, titled=number == 0)
            # The row below has the same layers; the last panels of a short block have none below them.
            axes.tick_params(labelbottom=number == len(rows) - 1, labelleft=column == 0)
            drawn.append(axes)
            if column == 0:
                axes.set_ylabel(name, size=TEXT)
        share_scale(drawn, panels)
    page.label_axes("layer", "")
    page.place_legend(handles_of([panel for _, panels in rows for panel in panels], "LIRP, LSRP"), 0.06)
    return page.figure


def _with_mean(panels: Sequence[Panel]) -> Sequence[Panel]:
    """The mean is of lines all languages have."""
    if len(panels) < 2:
        return panels
    shortest = min(len(panel.lines) for panel in panels)
    return [mean_panel([Panel(panel.title, panel.lines[:shortest]) for panel in panels]), *panels]
