"""The tables of bitext retrieval: the best layer of a language, the mean over languages by layer, all for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lrp2_bench.core.types import Interval
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.stats.weighted import Floats
from lrp2_bench.stats.wilson import wilson

#: Key and title of what is compared, in the order of ``[removed, method]``.
VARIANTS = (
    ("nearest", "nearest"),
    ("margin", "margin"),
    ("nearest_removed", "nearest, vectors removed"),
    ("margin_removed", "margin, vectors removed"),
)
#: Of MEXA, in the order of ``mexa``; the last is the control.
MEXA = (
    ("mexa", "MEXA"),
    ("mexa_removed", "MEXA, vectors removed"),
    ("mexa_shuffled", "MEXA, others' translations"),
)
_DIRECTIONS = (("forward", "to the pivot"), ("backward", "from the pivot"))


@dataclass(frozen=True)
class Found:
    """What was found of a language's ``ours`` and the pivot's ``theirs`` distinct sentences.

    ``shares`` is ``[removed, method, direction, layer]``, 0 to 1; ``mexa`` ``[variant, layer, 3]`` in percent, with
    bounds, over ``pairs`` that are each sentence's only translation.
    """

    language: str
    ours: int
    theirs: int
    shares: Floats
    pairs: int
    mexa: Floats

    @property
    def layers(self) -> int:
        return int(self.shares.shape[-1])

    def both(self, variant: int, layer: int) -> Interval:
        """The mean of both directions, in percent. They see the same pairs, so the bounds take them for one look."""
        share = float(self.shares[variant // 2, variant % 2, :, layer].mean())
        return wilson(share, min(self.ours, self.theirs))

    def best(self, variant: int) -> Interval:
        return self.both(variant, self.best_layer(variant))

    def best_layer(self, variant: int) -> int:
        """The first of equals."""
        return int(self.shares[variant // 2, variant % 2].mean(axis=0).argmax())

    def best_mexa(self, variant: int) -> tuple[Interval, int]:
        """At the layer where MEXA is highest, the first of equals; the control's where MEXA itself is."""
        layer = int(self.mexa[variant if variant < 2 else 0, :, 0].argmax())
        return Interval(*self.mexa[variant, layer].tolist()), layer


def retrieval_tables(found: Sequence[Found], model: str, pivot: str, what: str, k: int) -> tuple[Table, ...]:
    """``what`` the sentences are goes into the titles, ``k`` (neighbours of the margin) into the notes."""
    notes = (
        "Share of sentences, in percent, whose translation is the first among all of the other side; mean of both "
        "directions, at the layer where it is highest, with Wilson's 95 % bounds.",
        f"Nearest: highest cosine. Margin: the cosine over the mean of both sentences' {k} highest. Removed: each "
        "side less its language vector. Layer 0 is the embedding.",
        "MEXA: the share of sentences that are nearer to their translation than to any other sentence of either side; "
        f"with the translations of other sentences {_control(found)}. Its bounds allow for sentences of one subject.",
    )
    columns = [Column("language", "Language", "text"), Column("sentences", "Sentences", "count")]
    for key, title in VARIANTS:
        columns += [
            Column(key, title.capitalize(), "interval"), Column(f"{key}_layer", "at layer", "count", optional=True),
        ]  # fmt: skip
    for key, title in MEXA[:2]:
        columns += [Column(key, title, "interval"), Column(f"{key}_layer", "at layer", "count", optional=True)]
    columns.append(Column(MEXA[2][0], MEXA[2][1], "interval", in_csv_only=True))
    rows = tuple(
        (
            one.language, min(one.ours, one.theirs),
            *(cell for variant in range(len(VARIANTS)) for cell in (one.best(variant), one.best_layer(variant))),
            *(cell for variant in range(2) for cell in one.best_mexa(variant)), one.best_mexa(2)[0],
        )
        for one in found
    )  # fmt: skip
    title = f"Translations found among {what}, with '{pivot}', {model}"
    return Table(f"retrieval_{model}", title, tuple(columns), rows, notes), _by_layer(found, model, pivot, what)


def retrieval_details(found: Sequence[Found], model: str, pivot: str) -> Table:
    """Every language, layer, variant and direction, with Wilson's bounds, for programs."""
    columns = (
        Column("language", "Language", "text"), Column("layer", "Layer", "count"),
        Column("variant", "Variant", "text"), Column("direction", "Direction", "text"),
        Column("sentences", "Sentences", "count"), Column("candidates", "Candidates", "count"),
        Column("found", "Found", "interval"),
    )  # fmt: skip
    rows = tuple(row for one in found for row in _detail_rows(one))
    return Table(f"retrieval_all_{model}", f"Translations found with '{pivot}', {model}", columns, rows)


def mexa_details(found: Sequence[Found], model: str, pivot: str) -> Table:
    """MEXA of every language and layer, with bounds, and the control's, for programs."""
    columns = (
        Column("language", "Language", "text"), Column("layer", "Layer", "count"), Column("pairs", "Pairs", "count"),
        *(Column(key, title, "interval") for key, title in MEXA),
    )  # fmt: skip
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (one.language, layer, one.pairs, *(Interval(*band.tolist()) for band in one.mexa[:, layer]))
        for one in found
        for layer in range(one.layers)
    )
    return Table(f"retrieval_mexa_{model}", f"MEXA with '{pivot}', {model}", columns, rows)


def _control(found: Sequence[Found]) -> str:
    """The control's mean over languages and layers."""
    return f"{float(np.mean([one.mexa[2, :, 0].mean() for one in found])):.1f}"


def _by_layer(found: Sequence[Found], model: str, pivot: str, what: str) -> Table:
    mean = 100 * np.mean([one.shares for one in found], axis=0)
    columns = [Column("layer", "Layer", "count")]
    columns += [Column(key, title.capitalize(), "percent") for key, title in VARIANTS]
    columns += [
        Column(f"{key}_{direction}", f"{title}, {way}", "percent", in_csv_only=True)
        for key, title in VARIANTS
        for direction, way in _DIRECTIONS
    ]
    columns += [Column(key, title, "percent") for key, title in MEXA]
    mexa = np.mean([one.mexa[..., 0] for one in found], axis=0)
    rows = tuple(
        (
            layer,
            *(float(mean[variant // 2, variant % 2, :, layer].mean()) for variant in range(len(VARIANTS))),
            *(float(share) for variant in range(len(VARIANTS)) for share in mean[variant // 2, variant % 2, :, layer]),
            *mexa[:, layer].tolist(),
        )
        for layer in range(mean.shape[-1])
    )
    notes = (f"Means over {len(found)} language{'s' * (len(found) > 1)} and both directions.",)
    title = f"Translations found among {what} by layer, with '{pivot}', {model}"
    return Table(f"retrieval_layers_{model}", title, tuple(columns), rows, notes)


def _detail_rows(one: Found) -> Iterator[tuple[Cell, ...]]:
    for layer in range(one.layers):
        for variant, (key, _) in enumerate(VARIANTS):
            for direction, (name, _) in enumerate(_DIRECTIONS):
                asked, among = (one.ours, one.theirs)[:: 1 - 2 * direction]
                share = float(one.shares[variant // 2, variant % 2, direction, layer])
                yield one.language, layer, key, name, asked, among, wilson(share, asked)
