"""A page of panels: placed in inches, so that text keeps its size and nothing overlaps however many there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrp2_bench.render.figures.style import GREY, INK, SMALL, TEXT, TITLE, wrapped

PAGE = 7.6  # inches: what A4 and US Letter have between their margins
_NARROWEST = 4.4  # of a page, for its title's sake
_EDGE = 0.12  # around everything
_LINE = 1.32 / 72  # of a line of text, per point of its size
_SMALLEST, _LARGEST = 0.86, 3.2  # width of a panel


@dataclass(frozen=True)
class Texts:
    """What is written above the panels (``title``, ``subtitle``) and below everything (``note``)."""

    title: str
    subtitle: str
    note: str = ""


@dataclass(frozen=True)
class Gaps:
    """Inches kept free: ``left`` of the panels and ``below`` them (ticks and labels), ``above`` each (its title),
    ``between`` two columns, and ``footer`` below the panels' labels (colour bar, legend).
    """

    left: float = 0.5
    below: float = 0.42
    above: float = 0.3
    between: float = 0.14
    footer: float = 0.0


@dataclass(frozen=True)
class Page:
    """``panels`` in reading order, ``columns`` to a row; the last row may be short. Lengths in inches."""

    figure: Figure
    panels: tuple[Axes, ...]
    columns: int
    panel_width: float
    labels_left: float
    panels_left: float
    panels_right: float
    panels_bottom: float
    panels_top: float
    footer_top: float

    @property
    def width(self) -> float:
        return float(self.figure.get_figwidth())

    def box(self, left: float, bottom: float, width: float, height: float) -> tuple[float, float, float, float]:
        """A rectangle in inches from the bottom left, as the share of the figure that matplotlib asks for."""
        across, up = self.figure.get_figwidth(), self.figure.get_figheight()
        return left / across, bottom / up, width / across, height / up

    def is_leftmost(self, position: int) -> bool:
        return position % self.columns == 0

    def is_lowest(self, position: int) -> bool:
        """Whether the panel has none below it, be it in the last row or above a gap in it."""
        return position + self.columns >= len(self.panels)

    def label_axes(self, across: str, up: str) -> None:
        """One label for all horizontal axes and one for all vertical ones."""
        x, y, _, _ = self.box((self.panels_left + self.panels_right) / 2, self.footer_top + 0.02, 0, 0)
        self.figure.text(x, y, across, size=TEXT, ha="center", va="bottom")
        x, y, _, _ = self.box(self.labels_left, (self.panels_bottom + self.panels_top) / 2, 0, 0)
        self.figure.text(x, y, up, size=TEXT, ha="left", va="center", rotation="vertical")

    def place_legend(self, handles: Sequence[Artist], below: float, columns: int | None = None) -> None:
        """A legend in the middle, its top ``below`` inches under the axes' labels; in one row, or ``columns`` wide."""
        x, y, _, _ = self.box(self.width / 2, self.footer_top - below, 0, 0)
        self.figure.legend(
            handles=list(handles), loc="upper center", bbox_to_anchor=(x, y), ncols=columns or len(handles),
            handletextpad=0.5, columnspacing=1.6, borderaxespad=0.0,
        )  # fmt: skip


def columns_for(count: int) -> int:
    """How many panels stand side by side: all up to 4, then a page somewhat taller than wide (52 in rows of 7).

    One more, where that leaves fewer places of the last row empty.
    """
    if count <= 4:
        return count
    columns = max(3, math.ceil(math.sqrt(0.85 * count)))
    return min(columns, columns + 1, key=lambda columns: -count % columns)


def panel_width(count: int, gaps: Gaps) -> float:
    """Inches of each of ``count`` panels: what a page's width gives, neither tiny nor huge."""
    columns = columns_for(count)
    free = PAGE - 2 * _EDGE - gaps.left - (columns - 1) * gaps.between
    return min(max(free / columns, _SMALLEST), _LARGEST)


def make_page(
    count: int,
    texts: Texts,
    gaps: Gaps,
    *,
    shape: float = 1.0,
    size: tuple[float, float] | None = None,
    columns: int | None = None,
) -> Page:
    """A page with ``count`` empty panels and its texts; call it inside ``house_style``.

    ``shape`` is a panel's height over its width. ``size`` gives a panel's (width, height) in inches instead,
    ``columns`` how many panels stand side by side.
    """
    columns = columns or columns_for(count)
    rows = math.ceil(count / columns)
    wide = size[0] if size else panel_width(count, gaps)
    high = size[1] if size else wide * shape
    band = columns * wide + (columns - 1) * gaps.between
    width = max(2 * _EDGE + gaps.left + band, _NARROWEST)
    text_room = width - 2 * _EDGE
    title = wrapped(texts.title, text_room, TITLE, "bold")
    subtitle = wrapped(texts.subtitle, text_room, TEXT)
    note = wrapped(texts.note, text_room, SMALL)
    head = _height(title, TITLE) + _height(subtitle, TEXT) + 0.06
    foot = _height(note, SMALL) + (0.06 if note else 0.0)
    pitch = high + gaps.above
    height = 2 * _EDGE + head + rows * pitch + (rows - 1) * gaps.between + gaps.below + gaps.footer + foot

    figure = Figure(figsize=(width, height))
    _write(figure, title, _EDGE, height - _EDGE, TITLE, INK, "bold")
    _write(figure, subtitle, _EDGE, height - _EDGE - _height(title, TITLE), TEXT, GREY)
    _write(figure, note, _EDGE, _EDGE + _height(note, SMALL), SMALL, GREY)
    # A lone panel is narrower than its page; it stands in the middle of it.
    left = _EDGE + gaps.left + (width - 2 * _EDGE - gaps.left - band) / 2
    top = height - _EDGE - head
    panels = tuple(
        figure.add_axes(
            (
                (left + position % columns * (wide + gaps.between)) / width,
                (top - (position // columns + 1) * pitch - position // columns * gaps.between) / height,
                wide / width,
                high / height,
            )
        )
        for position in range(count)
    )
    footer_top = _EDGE + foot + gaps.footer
    bottom = footer_top + gaps.below
    return Page(
        figure, panels, columns, wide, left - gaps.left, left, left + band, bottom, top - gaps.above, footer_top
    )


def _height(lines: Sequence[str], size: float) -> float:
    return len(lines) * size * _LINE


def _write(
    figure: Figure, lines: Sequence[str], left: float, top: float, size: float, color: str, weight: str = "normal"
) -> None:
    across, up = figure.get_figwidth(), figure.get_figheight()
    for number, line in enumerate(lines):
        y = (top - number * size * _LINE) / up
        figure.text(left / across, y, line, size=size, color=color, weight=weight, ha="left", va="top")
