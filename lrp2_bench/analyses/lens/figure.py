"""What every layer would answer, a panel per language and object: baseline, LRP2 and a random shift."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from lrp2_bench.analyses.lens.compute import OBJECTS, Lensed
from lrp2_bench.render.figures.by_layer import Line, Panel, draw_panel, handles_of, mean_panel, share_scale
from lrp2_bench.render.figures.panels import Gaps, Texts, make_page
from lrp2_bench.render.figures.style import BLUE, GREY, ORANGE, language_name, shown

_GAPS = Gaps(left=0.56, below=0.38, above=0.2, between=0.42, footer=0.42)
_RUNS = (("baseline", GREY, True), ("with LRP2", BLUE, False), ("random shift", ORANGE, True))


def lens_by_layer(found: Sequence[Lensed], model: str, pivot: str) -> Figure:
    """Own objects first, then the pivot's, each on one scale; of several languages their mean before them. Call it
    inside ``house_style``."""
    measures = [_panels(found, "own", "own object"), _panels(found, "pivot", f"{language_name(pivot)} object")]
    subtitle = (
        f"{shown(model, 60)}: probability of the first token in which the fact's own object and what "
        f"{language_name(pivot)} calls it differ, read from every layer through the final norm and the head. Bands "
        "hold 95 %; layer 0 is the embedding."
    )
    panels = [panel for measure in measures for panel in measure]
    page = make_page(len(panels), Texts("What each layer would answer", subtitle), _GAPS, shape=0.8)
    for position, panel in enumerate(panels):
        draw_panel(page.panels[position], panel, page)
        lowest, leftmost = page.is_lowest(position), position in (0, len(measures[0])) or page.is_leftmost(position)
        page.panels[position].tick_params(labelbottom=lowest, labelleft=leftmost)
    cut = len(measures[0])
    share_scale(page.panels[:cut], measures[0], floor=0.0)
    share_scale(page.panels[cut : len(panels)], measures[1], floor=0.0)
    page.label_axes("layer", "probability, %")
    page.place_legend(handles_of(panels, "LIRP, LSRP"), 0.06)
    return page.figure


def _panels(found: Sequence[Lensed], object_: str, title: str) -> list[Panel]:
    panels = [_panel(one, OBJECTS.index(object_), f"{language_name(one.language)}, {title}") for one in found]
    if len(panels) < 2:
        return panels
    fewest = min(len(panel.lines) for panel in panels)
    mean = mean_panel([Panel(panel.title, panel.lines[:fewest]) for panel in panels])
    return [Panel(f"{mean.title}, {title}", mean.lines), *panels]


def _panel(one: Lensed, object_: int, title: str) -> Panel:
    lines = []
    for (label, colour, dashed), bands in zip(_RUNS, one.bands, strict=False):
        value, low, high = (part.tolist() for part in bands[object_].T)
        lines.append(Line(label, colour, value, low, high, dashed=dashed))
    return Panel(title, tuple(lines), (one.pair.lirp, one.pair.lsrp) if one.pair else ())
