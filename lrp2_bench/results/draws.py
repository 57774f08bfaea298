"""``draws.csv``: a run's best pair beside random interventions that move predictions as far, a null distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lrp2_bench.core.files import atomic_path, write_text
from lrp2_bench.core.types import Hits, LayerPair
from lrp2_bench.metrics.registry import metric
from lrp2_bench.results.damage import pair_cells, pair_of, read_rows
from lrp2_bench.results.stored_hits import FactKey
from lrp2_bench.results.tables import STRENGTH_COLUMNS

_AHEAD, _BEHIND = ("lirp", "lsrp"), ("scale", "kl", "facts")


@dataclass(frozen=True)
class DrawRow:
    """``seed`` None: the run's own intervention. ``scale`` is what the random shift was multiplied by so that ``kl``,
    in nats as in :class:`~lrp2_bench.results.damage.DamageRow`, comes near that one's. ``metrics`` by name, over
    ``facts`` of the language. Numbers are made by :func:`~lrp2_bench.results.damage.as_stored`."""

    seed: int | None
    pair: LayerPair
    scale: float
    kl: float
    facts: int
    metrics: Mapping[str, float] = field(hash=False)


def write_draws(path: Path, rows: Sequence[DrawRow]) -> None:
    """The run's own first, then one a seed."""
    strengths = [name for name in STRENGTH_COLUMNS if any(getattr(row.pair, name) is not None for row in rows)]
    lines = [["seed", *_AHEAD, *strengths, *_BEHIND, *rows[0].metrics]]
    for row in rows:
        numbers = [f"{value:.6f}" for value in row.metrics.values()]
        seed = "" if row.seed is None else str(row.seed)
        lines.append(
            [seed, *pair_cells(row.pair, strengths), f"{row.scale:.6f}", f"{row.kl:.6f}", str(row.facts), *numbers]
        )
    write_text(path, "".join(",".join(line) + "\n" for line in lines))


def read_draws(path: Path) -> list[DrawRow]:
    """The rows of the file; none where there is none. Raises :class:`BenchError` for a damaged one."""
    return read_rows(path, _row)


def write_draw_hits(path: Path, facts: Sequence[FactKey], draws: Mapping[int, Hits]) -> None:
    """``draw_hits.parquet``: ``seed,relation,uuid,hit``, a row a draw and fact, so that an interval can be made of what
    all draws do to each fact; ``draws`` are hits ``[fact]`` by seed."""
    relations, uuids = zip(*facts, strict=True)
    table = pa.table(
        {
            "seed": pa.array(np.repeat(list(draws), len(facts)), pa.int64()),
            "relation": pa.array(relations * len(draws)).dictionary_encode(),
            "uuid": pa.array(uuids * len(draws)).dictionary_encode(),
            "hit": pa.array(np.concatenate(list(draws.values())).astype(bool)),
        }
    )
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_draw_hits(path: Path, facts: Sequence[FactKey]) -> dict[int, Hits]:
    """Hits ``[fact]`` by seed; none where there is no file, where it is damaged, or of other ``facts``."""
    try:
        table = pq.read_table(path).to_pydict()
        keys = list(zip(table["relation"], table["uuid"], strict=True))
        count = len(facts)
        if not count or len(keys) % count or any(key != facts[at % count] for at, key in enumerate(keys)):
            return {}
        hits = np.array(table["hit"], dtype=np.int8).reshape(-1, count)
        return dict(zip(table["seed"][::count], hits, strict=True))
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return {}


def at_least(rows: Sequence[DrawRow], name: str) -> tuple[int, int]:
    """How many draws reach the run's own value of the metric of that name, less being better where it says so, and how
    many draws there are. (1 + the first) / (1 + the second) is the p-value of a one-sided randomisation test at a pair
    that was not chosen on the same facts. Nothing reaches what is not a number, and that reaches nothing."""
    values = np.array([row.metrics[name] for row in rows])
    own, *draws = metric(name).merit(values)
    return int(np.sum((draws >= own) & np.isfinite(draws) & np.isfinite(own))), len(draws)


def _row(line: dict[str, str]) -> DrawRow:
    pair = pair_of(line)
    if pair is None:
        raise ValueError("a row has no pair")
    named = {"seed", *_AHEAD, *STRENGTH_COLUMNS, *_BEHIND}
    metrics = {name: float(value) for name, value in line.items() if name not in named}
    seed = int(line["seed"]) if line["seed"] else None
    return DrawRow(seed, pair, float(line["scale"]), float(line["kl"]), int(line["facts"]), metrics)
