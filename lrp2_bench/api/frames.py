"""The rows of :class:`~lrp2_bench.api.results.Results`' tables, run by run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import NOT_EVALUATED, LayerPair
from lrp2_bench.metrics.registry import metric as metric_named
from lrp2_bench.report.method import distinct
from lrp2_bench.results.choice import value
from lrp2_bench.results.runs import Run
from lrp2_bench.results.scores import setting_of
from lrp2_bench.results.tables import PairRow
from lrp2_bench.stats.assess import change_at
from lrp2_bench.stats.fact_clusters import fact_clusters
from lrp2_bench.stats.resampled import Sampled

log = logging.getLogger(__name__)

#: What names a run, the first columns of every table.
NAMES = ("experiment", "model", "dataset", "language", "projection")


def names_of(run: Run) -> dict[str, str]:
    return {
        "experiment": run.label or run.experiment,
        "model": run.model_name,
        "dataset": run.dataset,
        "language": run.language,
        "projection": run.projection,
    }


def strengths_of(run: Run, pair: LayerPair | None = None) -> dict[str, float]:
    """``strength`` and ``strength_back``, what the shift there and back is multiplied by: the pair's own, else the
    run's."""
    there, back = run.own_strengths
    if pair is not None and pair.strength is not None:
        there, back = pair.strength, pair.back or 0.0
    return {"strength": there, "strength_back": back}


def gains_of(run: Run, best: LayerPair, metric: str) -> dict[str, Any]:
    row = next(row for row in run.pairs if row.pair == best)
    if metric not in row.metrics or of(metric) == "scores":
        return _gain_without_hits(run, row, best, metric)
    before, after = value(run.baseline, metric), value(row, metric)
    found: dict[str, Any] = {
        **strengths_of(run, best),
        "lirp": best.lirp, "lsrp": best.lsrp, "metric": metric, "facts": row.facts, "shared": row.shared,
        "baseline": before, "value": after, "gain": after - before,
    }  # fmt: skip
    try:
        hits = distinct(run, run.files.hits())
        clusters = fact_clusters(run.files, hits.facts)
        sampled = Sampled(hits, run.files.pivot_hits(hits.facts), clusters, metric=metric_named(metric))
    except BenchError as error:
        log.warning("No intervals for '%s': %s", run.folder, error)
        return found
    drawn = {run.stands_for(pair): pair for pair in sampled.pairs}.get(run.stands_for(best))
    if drawn is None or None not in sampled.settings:
        log.warning("No intervals for '%s': its hits do not have the best pair of pairs.csv. Search again.", run.folder)
        return found
    change = change_at(sampled, sampled.settings.index(drawn), metric)
    held_out = sampled.held_out(metric)
    gain = held_out.gain[metric]
    return found | {
        "gain_low": change.low, "gain_high": change.high, "held_out": gain.value,
        "held_out_low": gain.low, "held_out_high": gain.high, "held_out_p": held_out.p[metric],
    }  # fmt: skip


def _gain_without_hits(run: Run, row: PairRow, best: LayerPair, metric: str) -> dict[str, Any]:
    """Of the other metrics: an interval where `lrp2-bench score` has made one, and nothing held out."""
    scored = [found for found in run.files.score_metrics() if found.metric == metric] if of(metric) == "scores" else []
    by_setting = {setting_of(found.layers, run.own_strengths): found for found in scored}
    here = by_setting.get(best)
    before = by_setting[None].value if None in by_setting else value(run.baseline, metric)
    after = here.value if here is not None else value(row, metric)
    return {
        **strengths_of(run, best),
        "lirp": best.lirp, "lsrp": best.lsrp, "metric": metric, "facts": row.facts, "shared": row.shared,
        "baseline": before, "value": after, "gain": after - before,
        "gain_low": here.low if here else None, "gain_high": here.high if here else None,
    }  # fmt: skip


def of(name: str) -> str:
    """What a metric is of: hits or scores."""
    return metric_named(name).needs


def hits_of(run: Run) -> pd.DataFrame:
    stored = run.files.hits()
    pivot = run.files.pivot_hits(stored.facts)
    row, column = np.nonzero(stored.hits != NOT_EVALUATED)
    layers = np.array([(pair.lirp, pair.lsrp) if pair else (0, 0) for pair in stored.settings], dtype=np.int16)
    relations, uuids = (pd.Categorical([fact[part] for fact in stored.facts]) for part in (0, 1))
    lirp, lsrp = (pd.array(layers[row, side], dtype="Int16") for side in (0, 1))
    for side in (lirp, lsrp):
        side[layers[row, 0] == 0] = pd.NA
    strengths = {
        name: np.array([getattr(pair, part) if pair else None for pair in stored.settings], dtype=np.float64)[row]
        for name, part in (("strength", "strength"), ("strength_back", "back"))
        if any(pair is not None and getattr(pair, name) is not None for pair in stored.settings)
    }
    known = pd.array(pivot[column] == 1, dtype="boolean")
    known[pivot[column] == NOT_EVALUATED] = pd.NA
    return pd.DataFrame(
        {
            **{
                name: pd.Categorical.from_codes(np.zeros(len(row), np.int8), pd.Index([text]))
                for name, text in names_of(run).items()
            },
            "relation": relations.take(column),
            "uuid": uuids.take(column),
            "lirp": lirp,
            "lsrp": lsrp,
            "hit": stored.hits[row, column] == 1,
            "pivot_hit": known,
            **strengths,
        }
    )


def scores_of(run: Run) -> pd.DataFrame:
    found = run.files.scores()
    own = {(relation, uuid): text.object for (relation, uuid), text in run.files.facts().items()}
    names = {
        name: pd.Categorical.from_codes(np.zeros(len(found), np.int8), pd.Index([text]))
        for name, text in names_of(run).items()
    }
    keys = zip(found["relation"], found["uuid"], strict=True)
    mine = [own.get(key) == candidate for key, candidate in zip(keys, found["candidate"], strict=True)]
    return pd.concat([pd.DataFrame(names), found], axis=1).assign(own=mine)


def joined(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """One table; texts stay categories, which take a byte or two a row."""
    if not frames:
        return pd.DataFrame(columns=list(columns))
    texts = [name for name in columns if isinstance(frames[0][name].dtype, pd.CategoricalDtype)]
    joined = {name: pd.api.types.union_categoricals([frame[name] for frame in frames]) for name in texts}
    others = pd.concat([frame.drop(columns=texts) for frame in frames], ignore_index=True)
    return pd.DataFrame({name: joined[name] if name in joined else others[name] for name in columns})


def with_layers(frame: pd.DataFrame) -> pd.DataFrame:
    """Layers as whole numbers that may be missing."""
    columns = [name for name in frame.columns if name.endswith(("lirp", "lsrp"))]
    return frame.astype(dict.fromkeys(columns, "Int64"))
