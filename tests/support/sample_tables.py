"""Tables of every kind of cell, hostile ones among them, for tests of what renders them."""

from __future__ import annotations

from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.render.table import Column, Table

HOSTILE = (
    '[x] \\input{/etc/passwd} 50% & $a_b^c$ #1 ~ {<script>alert(1)</script>} | *b* `c` "q" \u202eabc 中文\nnew\x1b[31m'
)


COLUMNS = (
    Column("language", "language", "text"),
    Column("best", "best pair", "pair"),
    Column("accuracy", "accuracy, paper", "percent"),
    Column("gain", "gain", "change"),
    Column("rank", "rank", "share"),
    Column("facts", "facts", "count"),
)


TABLE = Table(
    name="optimal_layers_bloom_560m",
    title="Optimal layers",
    columns=COLUMNS,
    rows=(
        ("de", LayerPair(3, 4), 20.123456789, -0.25, (3, 66), 100),
        ("fr", None, float("nan"), None, None, None),
        ("es", LayerPair(1, 12), 0.04, 0.04, (1, 66), 5),
    ),
    notes=("A note.",),
)


NAN = float("nan")


INTERVALS = Table(
    name="intervals",
    title="Intervals",
    columns=(
        Column("language", "language", "text"),
        Column("class", "class", "text", optional=True),
        Column("accuracy", "acc. baseline", "interval"),
        Column("change", "change", "change_interval"),
    ),
    rows=(
        ("de", "high", Interval(62.345678, 60.1, 100.0), Interval(-0.04, -1.25, 1.5)),
        ("fr", "high", Interval(NAN, NAN, NAN), None),
    ),
)


def hostile_table() -> Table:
    column = Column("text", HOSTILE, "text")
    return Table(HOSTILE, HOSTILE, (column, column), ((HOSTILE, HOSTILE), ("[b", "*c")), (HOSTILE, "x" * 10_000))


PROSE = Table(
    name="prose",
    title="Prose",
    columns=(
        Column("subject", "model", "text"),
        Column("check", "check", "text", in_csv_only=True),
        Column("claim", "claim of the paper", "prose"),
        Column("p", "p", "p"),
        Column("why", "why", "prose"),
    ),
    rows=(
        ("one", "a", "Many words that take more than a line. " * 3, 1e-9, "[b"),
        ("one", "b", HOSTILE, 0.0421, "*c"),
        ("two", "c", "x" * 10_000, 1.0, None),
    ),
)


def long_table(rows: int) -> Table:
    columns = (Column("language", "language", "text"), Column("change", "change", "change_interval"))
    return Table("long", "Long", columns, tuple((f"l{row}", Interval(row, -1, 1)) for row in range(rows)), ("A note.",))


#: Names, results and reasons of several words each, one of them long: together wider than a line of text.
REASONS = Table(
    name="reasons",
    title="Reasons",
    columns=(
        Column("subject", "model", "text"),
        Column("claim", "claim of the paper", "prose"),
        Column("result", "result", "text"),
        Column("ours", "ours", "prose"),
        Column("paper", "paper", "text"),
        Column("why", "why", "prose"),
    ),
    rows=tuple(
        (
            f"model {at // 20}",
            f"Claim {at} on what the languages of a model gain (Table 1)",
            "inconclusive",
            "least: high resource -0.5 [-1.7, 0.7]",
            "+0.4",
            "Not tested against controls: search with -m projection=random,shuffled 'projection.seed=range(20)' too.",
        )
        for at in range(40)
    ),
    notes=("Needs `lrp2-bench analyze`.",),
)
