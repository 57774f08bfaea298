"""The study's figures from what is stored, without the model: ``python -m benchmarks.gemma3_270m.figures``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.gemma3_270m.choices import Choices
from benchmarks.gemma3_270m.estimates import Stored, over_languages
from benchmarks.gemma3_270m.readings import ANALYSES, STEP
from benchmarks.gemma3_270m.reporting import DRAWN, LEFT_OUT, Reporting
from benchmarks.gemma3_270m.runs import OTHERS, missing
from benchmarks.gemma3_270m.store import DATA
from benchmarks.gemma3_270m.tables import transfer
from lrp2_bench.core.types import Interval
from lrp2_bench.render.figures.scales import ColourScale, colour_scale, layer_ticks
from lrp2_bench.render.figures.style import (
    BLUE,
    DIVERGING,
    GREY,
    INK,
    ORANGE,
    SMALL,
    TEXT,
    house_style,
    language_name,
)

IMAGES = Path(__file__).parents[2] / "docs" / "images"
BLOCKS = 18


def grid_figure(choices: Choices) -> Figure:
    """The mean change of accuracy over the selection languages at every pair, a panel a strength."""
    means = choices.grid.mean(axis=1)
    changes = {setting: value - means[()] for setting, value in zip(means.index, means, strict=True) if setting}
    strengths = sorted({setting[2] for setting in changes})
    grids = {strength: np.full((BLOCKS, BLOCKS), np.nan) for strength in strengths}
    for (lirp, lsrp, strength, *_), value in changes.items():
        grids[strength][int(lirp) - 1, int(lsrp) - 1] = value
    scale = colour_scale(list(grids.values()))
    figure = Figure(figsize=(3.3 * len(strengths) + 0.6, 3.5), layout="constrained")
    panels = figure.subplots(1, len(strengths), sharey=True, squeeze=False)[0]
    for axes, strength in zip(panels, strengths, strict=True):
        _heatmap(axes, grids[strength], scale, max(changes, key=lambda setting: changes[setting]), strength)
    image = panels[0].images[0]
    bar = figure.colorbar(image, ax=list(panels), shrink=0.8, extend=scale.extend, ticks=scale.ticks)
    bar.ax.set_yticklabels([f"{tick:+.1f}" if tick else "0" for tick in scale.ticks], size=SMALL)
    bar.outline.set_visible(False)
    figure.suptitle(
        f"Change of accuracy, points, mean of {len(choices.grid.columns)} languages on the selection facts (in-sample)",
        size=TEXT,
    )
    return figure


def _heatmap(
    axes: Axes, grid: npt.NDArray[np.float64], scale: ColourScale, best: tuple[float, ...], strength: float
) -> None:
    first, last = 0.5, BLOCKS + 0.5
    axes.imshow(
        grid, cmap=DIVERGING, norm=scale.norm, origin="lower", extent=(first, last) * 2, interpolation="nearest"
    )
    axes.set_title(f"strength {strength:g}", size=TEXT)
    axes.set_xlabel("LSRP after block")
    axes.set_xticks(layer_ticks(BLOCKS))
    axes.set_yticks(layer_ticks(BLOCKS))
    if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
        axes.set_ylabel("LIRP after block")
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    if best[2] == strength:
        axes.plot(best[1], best[0], "*", markerfacecolor="white", markeredgecolor="black", markersize=9)


def intervals_figure(title: str, rows: Mapping[str, Interval], mean: tuple[str, Interval], label: str) -> Figure:
    """A line a row with its 95 % interval, and the mean on top."""
    figure = Figure(figsize=(4.6, 0.9 + 0.165 * (len(rows) + 2)), layout="constrained")
    axes = figure.subplots()
    every = [mean, *rows.items()]
    for at, (_, interval) in enumerate(every):
        first = at == 0
        axes.plot(
            (interval.low, interval.high), (at + (0 if first else 0.5),) * 2, color=INK if first else BLUE,
            linewidth=2.0 if first else 1.0,
        )  # fmt: skip
        axes.plot(interval.value, at + (0 if first else 0.5), "D" if first else "o", color=INK if first else BLUE,
                  markersize=5 if first else 3.5)  # fmt: skip
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks([0, *(at + 0.5 for at in range(1, len(every)))], [name for name, _ in every], size=SMALL)
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.set_ylim(len(every) + 0.2, -0.8)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(label, size=TEXT)
    figure.suptitle(title, size=TEXT, weight="bold")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return figure


def transfer_figure(stored: Stored) -> Figure:
    """The headline: the default setting in the languages that had no part in any choice, and their mean first."""
    gains, mean = transfer(stored)
    rows = {language_name(each): gain.interval() for each, gain in gains.items()}
    ordered = sorted(rows.items(), key=lambda item: -item[1].value)
    figure = Figure(figsize=(7.6, 3.1), layout="constrained")
    axes = figure.subplots()
    places = [0.0, *(at + 1.5 for at in range(len(ordered)))]
    for at, interval in zip(places, (mean, *(interval for _, interval in ordered)), strict=True):
        colour, width, mark, size = (BLUE, 1.0, "o", 3.5) if at else (INK, 2.2, "D", 5.5)
        axes.plot((at, at), (interval.low, interval.high), color=colour, linewidth=width)
        axes.plot(at, interval.value, mark, color=colour, markersize=size)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_xticks(places, ["mean", *(name for name, _ in ordered)], size=SMALL, rotation=90)
    axes.get_xticklabels()[0].set_fontweight("bold")
    axes.set_xlim(-1.0, places[-1] + 0.8)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("gain in accuracy, points", size=TEXT)
    figure.suptitle(
        f"Gemma 3 270M: LRP2 at one setting in {len(gains)} languages that it was not chosen on, with 95 % intervals",
        size=TEXT,
    )
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    return figure


def interventions_figure(reporting: Reporting) -> Figure:
    """The mean over the selection languages of each intervention on the reporting facts."""
    means = {name: over_languages(gains) for name, gains in reporting.gains.items()}
    rest = {name: mean for name, mean in means.items() if name != LEFT_OUT}
    title = f"Gemma 3 270M: interventions in {len(reporting.drawn)} languages"
    label = "mean gain in accuracy, points, with 95 % intervals"
    rows = {**rest, DRAWN: over_languages(reporting.drawn)}
    return intervals_figure(title, rows, (LEFT_OUT, means[LEFT_OUT]), label)


def readings_figure(data: Path) -> Figure:
    """A column a language: by layer the share of parallel queries that are nearest each other (MEXA; cosines are all
    near 1 in this model), and the logit lens's probability of the answer in its own words and in English."""
    alignment, lens = (pd.read_csv(data / f"{STEP}_{name}.csv") for name in ANALYSES)
    languages = list(dict.fromkeys(alignment["language"]))
    figure = Figure(figsize=(2.4 * len(languages) + 1.0, 4.2), layout="constrained")
    panels = figure.subplots(2, len(languages), sharex=True, sharey="row", squeeze=False)
    for (above, below), language in zip(panels.T, languages, strict=True):
        rows = alignment[alignment["language"] == language]
        above.set_title(language_name(language), size=TEXT)
        curves = (("mexa", "-", INK, "baseline"), ("mexa_lrp2", "--", INK, "with LRP2"),
                  ("mexa_random", ":", GREY, "random shift as long"))  # fmt: skip
        for name, style, colour, label in curves:
            above.plot(rows["layer"], rows[name], style, color=colour, linewidth=1.2, label=label)
        for whose, colour, called in (("own", BLUE, "its own words"), ("pivot", ORANGE, "English words")):
            for run, style in (("baseline", "-"), ("lrp2", "--")):
                each = lens[(lens["language"] == language) & (lens["run"] == run) & (lens["object"] == whose)]
                words = called if run == "baseline" else None
                below.plot(each["layer"], each["probability"], style, color=colour, linewidth=1.2, label=words)
        below.set_xlabel("layer")
        below.set_xticks(layer_ticks(BLOCKS))
    for row, label in zip(panels, ("alignment with English (MEXA), %", "first distinct token, %"), strict=True):
        row[0].set_ylabel(label, size=TEXT)
        row[-1].legend(frameon=False, fontsize=SMALL, loc="upper right")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--images", type=Path, default=IMAGES)
    arguments = parser.parse_args()
    stored = Stored(arguments.data)
    with house_style():
        made = {"grid": grid_figure(Choices(arguments.data))} if stored.has("grid") else {}
        if stored.has("transfer") and set(OTHERS) <= set(transfer(stored)[0]):
            made["transfer"] = transfer_figure(stored)
        if stored.has("reporting_left_out") and not missing(Choices(arguments.data)):
            made["interventions"] = interventions_figure(Reporting(arguments.data))
        if all((arguments.data / f"{STEP}_{name}.csv").is_file() for name in ANALYSES):
            made["readings"] = readings_figure(arguments.data)
        for name, figure in made.items():
            path = arguments.images / f"gemma3_270m_{name}.png"
            figure.savefig(path, dpi=160)
            print(path)


if __name__ == "__main__":
    main()
