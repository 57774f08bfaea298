"""The tables of the logit lens: a line per language, means over languages by layer, and all of it for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lrp2_bench.analyses.lens.compute import OBJECTS, RUNS, Lensed
from lrp2_bench.core.types import Interval
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.stats.weighted import Floats

_OWN, _PIVOT, _SHUFFLED = range(len(OBJECTS))
_BASELINE, _LRP2, _RANDOM = range(len(RUNS))


def lens_tables(found: Sequence[Lensed], model: str, pivot: str, clusters: str) -> tuple[Table, ...]:
    return _by_language(found, model, pivot, clusters), _by_layer(found, model, pivot)


def lens_details(found: Sequence[Lensed], model: str, pivot: str) -> Table:
    """Every language, run, object and layer with its band, for programs."""
    columns = (
        Column("language", "Language", "text"), Column("run", "Run", "text"), Column("object", "Object", "text"),
        Column("layer", "Layer", "count"), Column("probability", "Probability", "interval"),
    )  # fmt: skip
    rows = tuple(row for one in found for row in _detail_rows(one))
    return Table(f"lens_all_{model}", f"Logit lens by layer, pivot '{pivot}', {model}", columns, rows)


def _by_language(found: Sequence[Lensed], model: str, pivot: str, clusters: str) -> Table:
    moved = any(one.pair is not None for one in found)
    columns = [
        Column("language", "Language", "text"), Column("facts", "Facts", "count"),
        Column("own", "Own, last layer", "interval"), Column("pivot", "Pivot's, highest", "interval"),
        Column("pivot_layer", "at layer", "count"),
    ]  # fmt: skip
    if moved:
        columns[2:2] = [Column("pair", "Pair", "pair")]
        columns += [
            Column("own_change", "Own, change", "change_interval"),
            Column("own_random", "beyond random", "change_interval"),
            Column("pivot_change", "Pivot's there, change", "change_interval"),
            Column("pivot_random", "beyond random", "change_interval"),
        ]
    columns.append(Column("shuffled", "Another fact's, last layer", "percent", optional=True))
    notes = (
        "Probability, in percent, of the first token in which the fact's own object and what the pivot calls it "
        "differ, where that token is read in the language's query. Each layer's state goes through the final norm (of "
        "a masked model the prediction head's transform) and the head, as the last layer's does. Pivot's: at the layer "
        "where the baseline gives it most.",
        f"Brackets hold 95 %, from resamples of {clusters}s. Controls: a random shift of LRP2's length at the same "
        "pair (change beyond random: LRP2 less that), and the own object of another fact of the relation.",
    )
    rows = tuple(_row(one, moved) for one in found)
    return Table(f"lens_{model}", f"Logit lens, pivot '{pivot}', {model}, in percent", tuple(columns), rows, notes)


def _row(one: Lensed, moved: bool) -> tuple[Cell, ...]:
    peak = int(np.nanargmax(one.bands[_BASELINE, _PIVOT, :, 0]))
    cells: list[Cell] = [one.language, one.facts]
    if moved:
        cells.append(one.pair)
    cells += [_interval(one.bands[_BASELINE, _OWN, -1]), _interval(one.bands[_BASELINE, _PIVOT, peak]), peak]
    if moved:
        changes = [(one.change, _OWN, -1), (one.beyond_random, _OWN, -1)]
        changes += [(one.change, _PIVOT, peak), (one.beyond_random, _PIVOT, peak)]
        cells += [_interval(bands[object_, layer]) if bands is not None else None for bands, object_, layer in changes]
    return (*cells, float(one.bands[_BASELINE, _SHUFFLED, -1, 0]))


def _by_layer(found: Sequence[Lensed], model: str, pivot: str) -> Table:
    columns, parts = [Column("layer", "Layer", "count")], []
    moved = [one for one in found if one.pair is not None]
    for object_, title in ((_OWN, "Own"), (_PIVOT, "Pivot's")):
        columns.append(Column(OBJECTS[object_], f"{title}, baseline", "percent"))
        parts.append(_mean(found, _BASELINE, object_))
        if moved:
            columns += [
                Column(f"{OBJECTS[object_]}_lrp2", f"{title}, LRP2", "percent"),
                Column(f"{OBJECTS[object_]}_random", f"{title}, random shift", "percent"),
            ]
            parts += [_mean(moved, run, object_) for run in (_LRP2, _RANDOM)]
    columns.append(Column("shuffled", "Another fact's", "percent"))
    parts.append(_mean(found, _BASELINE, _SHUFFLED))
    rows = tuple((layer, *values) for layer, values in enumerate(zip(*parts, strict=True)))
    notes = [f"Means over {len(found)} language{'s' * (len(found) > 1)}; layer 0 is the embedding."]
    if moved and len(moved) < len(found):
        notes.append(f"LRP2's and the random shift's are over the {len(moved)} languages with a pair.")
    title = f"Logit lens by layer, pivot '{pivot}', {model}, in percent"
    return Table(f"lens_layers_{model}", title, tuple(columns), rows, tuple(notes))


def _detail_rows(one: Lensed) -> Iterator[tuple[Cell, ...]]:
    for run, bands in zip(RUNS, one.bands, strict=False):
        for object_, of_object in zip(OBJECTS, bands, strict=True):
            for layer, band in enumerate(of_object):
                yield one.language, run, object_, layer, _interval(band)


def _mean(found: Sequence[Lensed], run: int, object_: int) -> list[float]:
    means: list[float] = np.mean([one.bands[run, object_, :, 0] for one in found], axis=0).tolist()
    return means


def _interval(band: Floats) -> Interval:
    return Interval(*(float(number) for number in band))
