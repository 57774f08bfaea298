"""The tables of an alignment: a line per language, the mean over languages by layer, and all of it for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lrp2_bench.analyses.alignment.compute import Aligned
from lrp2_bench.core.types import Interval
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.stats.weighted import Floats


def alignment_tables(found: Sequence[Aligned], model: str, pivot: str, what: str, how: str) -> tuple[Table, ...]:
    """``what`` the sentences are and ``how`` each became one state go into titles and notes."""
    return _by_language(found, model, pivot, what, how), _by_layer(found, model, pivot, what)


def layer_details(found: Sequence[Aligned], model: str, pivot: str) -> Table:
    """Every language and layer, cosines as they are (-1 to 1), for programs."""
    kinds: list[Column] = [
        Column("cosine", "Cosine", "ratio_interval"),
        Column("cosine_lrp2", "Cosine with LRP2", "ratio_interval"),
        Column("cosine_change", "Change", "ratio_change_interval"),
        Column("cka", "CKA", "ratio_interval"),
        Column("cka_lrp2", "CKA with LRP2", "ratio_interval"),
        Column("mexa", "MEXA", "interval"),
        Column("mexa_lrp2", "MEXA with LRP2", "interval"),
        Column("mexa_random", "MEXA, random shift", "interval"),
        Column("cosine_random", "Cosine, random shift", "ratio_interval"),
    ]
    columns = (
        Column("language", "Language", "text"), Column("layer", "Layer", "count"),
        Column("sentences", "Sentences", "count"), *kinds, Column("cka_sentences", "Sentences of CKA", "count"),
        Column("cka_plain", "Plain CKA", "ratio"), Column("cka_plain_lrp2", "Plain CKA with LRP2", "ratio"),
    )  # fmt: skip
    rows = tuple(row for one in found for row in _layer_rows(one))
    return Table(f"alignment_all_{model}", f"Alignment with '{pivot}' by layer, {model}", columns, rows)


def _by_language(found: Sequence[Aligned], model: str, pivot: str, what: str, how: str) -> Table:
    moved = any(one.pair is not None for one in found)
    columns = [
        Column("language", "Language", "text"), Column("sentences", "Sentences", "count"),
        Column("cosine", "Cosine", "ratio_interval"),
    ]  # fmt: skip
    if moved:
        columns.insert(2, Column("pair", "Pair", "pair"))
        columns += [
            Column("cosine_lrp2", "With LRP2", "ratio_interval"),
            Column("cosine_change", "Change", "ratio_change_interval"),
        ]  # fmt: skip
    columns.append(Column("cka", "CKA", "ratio"))
    if moved:
        columns.append(Column("cka_lrp2", "CKA with LRP2", "ratio"))
    columns.append(Column("mexa", "MEXA, %", "percent"))
    if moved:
        columns += [Column("mexa_lrp2", "MEXA with LRP2, %", "percent"), Column("mexa_random", "random, %", "percent")]
    rows = []
    for one in found:
        bands = [_interval(band) for band in one.inside]
        within = slice(one.pair.lirp, one.pair.lsrp) if one.pair else slice(1, None)
        cka: list[Cell] = [float(run[within, 0].mean()) for run in one.cka]
        row: list[Cell] = [one.language, one.sentences, bands[0]]
        if moved:
            row = [one.language, one.sentences, one.pair, bands[0]]
            row += [*bands[1:], *cka] if one.pair else [None, None, *cka, None]
        else:
            row += cka
        mexa: list[Cell] = [float(run[within, 0].mean()) for run in one.mexa]
        row += [*mexa, *([None] * (3 - len(mexa)) if moved else [])]
        rows.append(tuple(row))
    notes = [
        f"{_capital(how)}. Means over {_span(found)}; brackets hold 95 %, from resamples of the sentences.",
        "CKA is linear and corrected for few sentences; adding one vector to all sentences does not change it, "
        "so LRP2 changes it only after the first projected block.",
        "MEXA: the share of sentences that are nearer to their translation than to any other sentence of either side, "
        f"in percent; with the translations of other sentences {_shuffled(found)}. Random: a random shift of LRP2's "
        "length at the same pair.",
    ]
    title = f"Alignment of {what} with '{pivot}', {model}"
    return Table(f"alignment_{model}", title, tuple(columns), tuple(rows), tuple(notes))


def _by_layer(found: Sequence[Aligned], model: str, pivot: str, what: str) -> Table:
    moved = [one for one in found if one.pair is not None]
    columns = [
        Column("layer", "Layer", "count"),
        Column("cosine", "Cosine", "ratio"),
        Column("cka", "CKA", "ratio"),
        Column("mexa", "MEXA, %", "percent"),
    ]
    parts = [_mean([run[0] for run in runs]) for runs in ([one.cosine for one in found], [one.cka for one in found])]
    parts.append(_mean([one.mexa[0] for one in found]))
    if moved:
        columns += [
            Column("cosine_lrp2", "Cosine with LRP2", "ratio"),
            Column("cka_lrp2", "CKA with LRP2", "ratio"),
            Column("mexa_lrp2", "MEXA with LRP2, %", "percent"),
        ]
        parts += [_mean([one.cosine[1] for one in moved]), _mean([one.cka[1] for one in moved])]
        parts.append(_mean([one.mexa[1] for one in moved]))
    rows = tuple((layer, *values) for layer, values in enumerate(zip(*parts, strict=True)))
    notes = [f"Means over {len(found)} language{'s' * (len(found) > 1)}; layer 0 is the embedding."]
    if moved and len(moved) < len(found):
        notes.append(f"LRP2's are over the {len(moved)} languages with a pair.")
    title = f"Alignment of {what} with '{pivot}' by layer, {model}"
    return Table(f"alignment_layers_{model}", title, tuple(columns), rows, tuple(notes))


def _layer_rows(one: Aligned) -> Iterator[tuple[Cell, ...]]:
    for layer in range(one.cosine.shape[1]):
        cosine, cka = ([_interval(run[layer]) for run in measure] for measure in (one.cosine, one.cka))
        plain: list[Cell] = [float(run[layer]) for run in one.plain_cka]
        change = _interval(one.change[layer]) if one.change is not None else None
        lrp2: tuple[Cell, Cell, Cell] = (cosine[1], cka[1], plain[1]) if one.pair else (None, None, None)
        mexa: list[Cell] = [_interval(run[layer]) for run in one.mexa]
        random = _interval(one.cosine_random[layer]) if one.cosine_random is not None else None
        yield (
            one.language, layer, one.sentences, cosine[0], lrp2[0], change, cka[0], lrp2[1],
            *mexa, *([None] * (3 - len(mexa))), random, one.cka_sentences, plain[0], lrp2[2],
        )  # fmt: skip


def _shuffled(found: Sequence[Aligned]) -> str:
    """The control's mean over languages and layers."""
    return f"{float(np.mean([one.mexa_shuffled.mean() for one in found])):.1f}"


def _interval(band: Floats) -> Interval:
    return Interval(*(float(number) for number in band))


def _mean(bands: Sequence[Floats]) -> list[float]:
    values = np.mean([band[:, 0] for band in bands], axis=0)
    return [float(value) for value in values]


def _span(found: Sequence[Aligned]) -> str:
    moved = "the layers whose states are projected (LIRP's to the one before LSRP's)"
    if all(one.pair is not None for one in found):
        return moved
    return f"{moved}, over all blocks without a pair" if any(one.pair is not None for one in found) else "all blocks"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
