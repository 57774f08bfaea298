"""What an intervention costs: the pivot's own facts under it, and how far it moves predictions on neutral sentences."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lrp2_bench.commands.search.board import RelationHits
from lrp2_bench.commands.search.prepared import Prepared, Sources
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import changed
from lrp2_bench.core.progress import progress
from lrp2_bench.core.settings import SearchKind
from lrp2_bench.core.types import LayerPair
from lrp2_bench.grid.divergence import NeutralSentences
from lrp2_bench.results.damage import DamageRow, as_stored, damage_of, read_damage, write_damage
from lrp2_bench.results.layout import DAMAGE

log = logging.getLogger(__name__)

DAMAGED = "A damaged damage.csv was computed again"
NO_SENTENCES = "The KL on neutral sentences was left out: vectors.path gives the vectors, and no corpus is read"


def stored_damage(
    run: Prepared, hits: Sequence[RelationHits], best: LayerPair | None, sources: Sources
) -> list[DamageRow]:
    """The baseline's row, and those of the best pair and of given ones, written to ``damage.csv``; what it has for the
    same hits is kept.

    None with ``damage=false``, without pairs, or where the pivot itself is queried.
    """
    job, edit, path = run.job, run.projection.edit, run.job.folder / DAMAGE
    given = run.wanted if job.settings.search.kind is SearchKind.pairs else ()
    wanted = list(dict.fromkeys(pair for pair in (best, *given) if pair is not None))
    if not job.settings.damage or edit is None or not wanted:
        return []
    kept = _kept(run)
    if all(damage_of(kept, pair) for pair in (None, *wanted)):
        return kept
    sentences = neutral_sentences(run, sources)
    known = np.concatenate([part.pivot[0] for part in hits])
    rows = [DamageRow(None, _percent(known), 0.0 if len(sentences) else float("nan"), len(known), len(sentences))]
    with progress("Damage", len(wanted) * len(known), "facts x configurations") as advance:
        found = np.concatenate(
            [
                run.evaluator.under(job.settings.pivot, each, edit, wanted, advance)
                for each in run.inputs.facts.pivot_relations
            ],
            axis=1,
        )
    for pair, hits_there in zip(wanted, found, strict=True):
        kl = as_stored(sentences.divergence(edit.for_pair(pair), pair.layers))
        rows.append(DamageRow(pair, _percent(hits_there), kl, len(known), len(sentences)))
    rows += [row for row in kept if row.pair is not None and row.pair not in wanted]
    write_damage(path, rows)
    return rows


def neutral_sentences(run: Prepared, sources: Sources) -> NeutralSentences:
    """Those of the queried language, from the corpus that its vectors are of."""
    job = run.job
    if job.settings.vectors.path is not None:
        job.data_warnings.add(NO_SENTENCES, job.settings.language)
        return NeutralSentences(run.evaluator.model, [])
    return NeutralSentences(run.evaluator.model, sources.corpus().sentences(job.settings.language, job.data_warnings))


def damage_measures(rows: Sequence[DamageRow], best: LayerPair | None) -> dict[str, Any]:
    """For the tracker, of the best pair; also logged."""
    before, after = damage_of(rows, None), damage_of(rows, best) if best is not None else None
    if before is None or after is None:
        return {}
    change = after.pivot_accuracy - before.pivot_accuracy
    log.info(
        "Damage at the best pair: the pivot's accuracy %.2f (%+.2f, %d facts), KL %.4f nats (%d neutral sentences).",
        after.pivot_accuracy, change, after.facts, after.kl, after.sentences,
    )  # fmt: skip
    found = {"pivot_accuracy": after.pivot_accuracy, "pivot_accuracy_change": round(change, 6), "kl": after.kl}
    return {"damage": {name: value for name, value in found.items() if value == value}}


def _kept(run: Prepared) -> list[DamageRow]:
    """Rows that an earlier run of the same hits has left; none of a damaged file (counted)."""
    stored: Mapping[str, Any] = run.stored
    path = run.job.folder / DAMAGE
    if not path.exists() or stored.get("identity") != run.identity:
        return []
    try:
        rows = read_damage(path)
    except BenchError:
        rows = []
    if not rows or changed(path.parent, stored.get("files"), (path.name,)):
        run.job.data_warnings.add(DAMAGED, str(path))
        return []
    return rows


def _percent(hits: np.ndarray) -> float:
    return as_stored(100 * float(np.mean(hits == 1))) if len(hits) else float("nan")
