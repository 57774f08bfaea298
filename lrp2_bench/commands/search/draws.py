"""``projection.seeds``: the best pair beside random directions that move predictions as far as it does."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lrp2_bench.commands.search.board import RelationHits
from lrp2_bench.commands.search.damage import neutral_sentences
from lrp2_bench.commands.search.prepared import Prepared, Sources
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.progress import Advance, progress
from lrp2_bench.core.settings import SearchCommand
from lrp2_bench.core.types import Hits, LayerPair
from lrp2_bench.grid.divergence import NeutralSentences
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.numbered import Numbered
from lrp2_bench.interventions.random import random_shifts
from lrp2_bench.interventions.tokens import on_tokens
from lrp2_bench.metrics.base import FactHits
from lrp2_bench.metrics.registry import metric
from lrp2_bench.results.damage import DamageRow, as_stored, damage_of
from lrp2_bench.results.draws import DrawRow, at_least, read_draw_hits, read_draws, write_draw_hits, write_draws
from lrp2_bench.results.layout import DRAW_HITS, DRAWS
from lrp2_bench.results.tables import PairRow

log = logging.getLogger(__name__)

#: Draws that are evaluated together, and lost together where a job is stopped.
DRAWN_AT_ONCE = 10

#: How near a draw's KL has to come to the intervention's, as a share of it, and in how many steps.
_NEAR, _STEPS = 0.05, 24

UNMATCHED = "Random draws whose KL stayed further than 10 % from the intervention's"
_MOST_APART = 0.1


def require_draws(settings: SearchCommand) -> None:
    """Raises :class:`BenchError` for ``projection.seeds`` that cannot be drawn."""
    seeds = settings.projection.seeds
    if seeds < 0:
        raise BenchError(f"projection.seeds={seeds} is no number of draws: give 0 for none, or 20.")
    if seeds and not settings.damage:
        raise BenchError("projection.seeds matches the KL that damage=true measures. Leave damage=false out.")
    if seeds and settings.vectors.path is not None:
        raise BenchError(
            "projection.seeds measures the KL on sentences of the corpus, which vectors.path takes the place of.\n"
            "Leave vectors.path out: vectors are computed from the corpus once and cached."
        )


def stored_draws(
    run: Prepared, hits: Sequence[RelationHits], best: PairRow | None, damage: Sequence[DamageRow], sources: Sources
) -> list[DrawRow]:
    """The best pair's row and one a draw, written to ``draws.csv`` as they are made, and their hits to
    ``draw_hits.parquet``; draws that both have are kept, their metrics measured anew.

    None with ``projection.seeds=0``, and where the best pair moves nothing that can be matched.
    """
    job, path = run.job, run.job.folder / DRAWS
    projection, pair = job.settings.projection, best.pair if best is not None else None
    cost = damage_of(damage, pair)
    if not projection.seeds or best is None or pair is None or cost is None or not cost.kl > 0.0:
        return []
    measured = {each.name: as_stored(best.value(each.name)) for each in job.measured}
    own = DrawRow(None, pair, 1.0, cost.kl, best.facts, measured)
    facts = [(part.relation.name, fact.uuid) for part in hits for fact in part.relation.facts]
    stored = read_draw_hits(job.folder / DRAW_HITS, facts)
    before = _before(run)
    kept = _kept(run, hits, before, own, stored)
    found = {row.seed: stored[row.seed] for row in kept if row.seed is not None}
    seeds = range(projection.seed, projection.seed + projection.seeds)
    rows = [own, *kept]
    if kept and rows != before:
        write_draws(path, rows)
    todo = [seed for seed in seeds if all(row.seed != seed for row in rows)]
    if todo:
        sentences = neutral_sentences(run, sources)
    with progress("Random draws", len(todo) * len(facts), "facts x draws") as advance:
        for start in range(0, len(todo), DRAWN_AT_ONCE):
            first = next((row.scale for row in rows if row.seed == projection.seed), None)
            for row, drawn in _draw(run, hits, todo[start : start + DRAWN_AT_ONCE], own, first, sentences, advance):
                found[row.seed or 0] = drawn
                rows.append(row)
            rows = [own, *sorted(rows[1:], key=lambda row: row.seed or 0)]
            write_draw_hits(job.folder / DRAW_HITS, facts, dict(sorted(found.items())))
            write_draws(path, rows)
    for row in rows:
        if not abs(row.kl - own.kl) <= _MOST_APART * own.kl:
            job.data_warnings.add(UNMATCHED, f"seed {row.seed}: {row.kl:.4g} instead of {own.kl:.4g}")
    _log(run, rows)
    return rows


def matched_scale(kl: Callable[[float], float], target: float, start: float = 1.0) -> tuple[float, float]:
    """A scale at which ``kl`` comes within 5 % of ``target``, and its value there; ``start`` is looked at first.

    For small moves the KL grows with the square of the scale, which gives the second guess; the next ones take the
    power that the last two tell. Where that leads out of what is known to be too little and too much, their middle
    does. After 24 steps the nearest so far.
    """
    scale, low, high, power = start, 0.0, math.inf, 2.0
    nearest, found_there = scale, math.nan
    before: tuple[float, float] | None = None
    for _ in range(_STEPS):
        found = kl(scale)
        if math.isnan(found_there) or abs(found - target) < abs(found_there - target):
            nearest, found_there = scale, found
        if abs(found - target) <= _NEAR * target:
            break
        if found < target:
            low = scale
        else:  # not a number too: states overflowed
            high = scale
        if 0.0 < found < math.inf:
            if before is not None:
                power = _power(before, (scale, found))
            before = scale, found
        guess = scale * (target / found) ** (1 / power) if found > 0.0 else 2.0 * scale
        scale = guess if low < guess < high else (low + high) / 2 if high < math.inf else 2.0 * low
    return nearest, found_there


def _power(first: tuple[float, float], second: tuple[float, float]) -> float:
    """With which power of the scale the KL grows between two of them; 2 where they do not tell."""
    scales, values = math.log(second[0] / first[0]), math.log(second[1] / first[1])
    found = values / scales if scales else math.nan
    return found if 0.5 <= found <= 8.0 else 2.0


def _edit(run: Prepared, seed: int) -> Edit:
    """LRP2's shift of the run's vectors in random directions."""
    settings, vectors, model = run.job.settings, run.projection.vectors, run.evaluator.model
    shift = vectors[settings.pivot].values - vectors[settings.language].values
    drawn = random_shifts(shift, seed, settings.language).to(model.device)
    return on_tokens(drawn, settings.projection.tokens, model)


def _draw(
    run: Prepared,
    hits: Sequence[RelationHits],
    seeds: Sequence[int],
    own: DrawRow,
    first: float | None,
    sentences: NeutralSentences,
    advance: Advance,
) -> list[tuple[DrawRow, Hits]]:
    """Some draws, each at a scale at which its KL is the intervention's, evaluated together. ``first`` is the scale of
    the first of all seeds, to which others are near; None where it is the first here."""
    pair, matched = own.pair, []
    for seed in seeds:
        matched.append(_matched(_edit(run, seed), pair, own.kl, first or 1.0, sentences))
        first = first or as_stored(matched[0].scale)
    edit = Numbered([each.edit for each in matched])
    pairs = [edit.pair(pair, number) for number in range(len(seeds))]
    found = np.concatenate(
        [run.evaluator.under(run.job.settings.language, part.relation, edit, pairs, advance) for part in hits], axis=1
    )
    rows = [
        DrawRow(seed, pair, as_stored(each.scale), as_stored(each.kl), found.shape[1], measured)
        for seed, each, measured in zip(seeds, matched, _measured(run, hits, found), strict=True)
    ]
    return list(zip(rows, found, strict=True))


def _measured(run: Prepared, hits: Sequence[RelationHits], found: Hits) -> list[dict[str, float]]:
    """The run's metrics by name, of each row of ``found`` ``[draw, fact]``, as ``pairs.csv`` has them of a pair."""
    data = FactHits(
        found,
        np.concatenate([part.pivot_by_fact() for part in hits]),
        tuple(part.relation.name for part in hits for _ in part.relation.facts),
        np.concatenate([part.language[0] for part in hits]),
    )
    values = {each.name: each.values(data) for each in run.job.measured}
    return [{name: as_stored(of[row]) for name, of in values.items()} for row in range(len(found))]


@dataclass(frozen=True)
class _Matched:
    """A draw's edit at its ``scale``, and its KL there."""

    edit: Edit
    scale: float
    kl: float


def _matched(drawn: Edit, pair: LayerPair, target: float, start: float, sentences: NeutralSentences) -> _Matched:
    scale, kl = matched_scale(lambda at: sentences.divergence(drawn.at_strength(at, at), pair.layers), target, start)
    return _Matched(drawn.at_strength(scale, scale), scale, kl)


def _before(run: Prepared) -> list[DrawRow]:
    """The rows that an earlier run of the same hits has left; none of a damaged file."""
    if run.stored.get("identity") != run.identity:
        return []
    try:
        return read_draws(run.job.folder / DRAWS)
    except BenchError:
        return []


def _kept(
    run: Prepared, hits: Sequence[RelationHits], before: Sequence[DrawRow], own: DrawRow, stored: Mapping[int, Hits]
) -> list[DrawRow]:
    """The draws among the rows ``before`` that were made for the pair and KL of ``own``, and whose hits are ``stored``.
    Which metrics a run asks for changes what is said of a draw, and not the draw."""
    if not before or _made_for(before[0]) != _made_for(own):
        return []
    draws = [(row, stored[row.seed]) for row in before[1:] if row.seed is not None and row.seed in stored]
    measured = _measured(run, hits, np.stack([of for _, of in draws])) if draws else []
    return [replace(row, metrics=metrics) for (row, _), metrics in zip(draws, measured, strict=True)]


def _made_for(own: DrawRow) -> tuple[LayerPair, float, int]:
    return own.pair, own.kl, own.facts


def _log(run: Prepared, rows: Sequence[DrawRow]) -> None:
    select = metric(run.job.settings.select_by)
    _, *draws = (row.metrics[select.name] for row in rows)
    reached, count = at_least(rows, select.name)
    log.info(
        "%d random draws of the same KL at that pair: %s %s on average (%s to %s); %d of them reach the pair's, which "
        "was chosen on these facts.",
        count, select.label, select.text(float(np.mean(draws))), select.text(min(draws)), select.text(max(draws)),
        reached,
    )  # fmt: skip
