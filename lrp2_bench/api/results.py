"""Finished runs as pandas tables."""

from __future__ import annotations

import html
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.types import NOT_EVALUATED, LayerPair
from lrp2_bench.report.agreement import tell_apart
from lrp2_bench.report.method import distinct
from lrp2_bench.results.choice import METRICS, best_row, value
from lrp2_bench.results.runs import Run, Unfinished, find_runs
from lrp2_bench.results.tables import PairRow
from lrp2_bench.stats.compare import Difference, compare_runs
from lrp2_bench.stats.held_out_interval import held_out_intervals
from lrp2_bench.stats.resampled import Sampled

log = logging.getLogger(__name__)

#: What names a run, the first columns of every table.
NAMES = ("experiment", "model", "dataset", "language", "projection")
_SHOWN = 20  # runs in a notebook


def load_results(*paths: str | Path) -> Results:
    """Every finished run at or below ``paths``, whoever made it: a run's folder, an experiment's, or the output root.

    Raises :class:`~lrp2_bench.core.errors.BenchError` where a path is no folder (with the nearest name) and where there
    is no finished run; runs that are not finished are in :attr:`Results.unfinished` with the reason.
    """
    runs, unfinished = find_runs([Path(path).expanduser() for path in paths])
    runs, remarks = tell_apart(runs)
    for remark in remarks:
        log.warning("%s", remark)
    return Results(runs, unfinished)


class Results:
    """Finished ``runs``, each of a model on a dataset in a language, and those ``unfinished`` beside them.

    Tables name a run by experiment, model, dataset, language and projection (``lrp2``, or an ablation's label).
    Percentages are 0 to 100, changes are in points, ``lirp`` and ``lsrp`` are empty for the baseline. Files are read
    when a table asks for them. Runs of one experiment that were not made alike have a longer name of it.
    """

    def __init__(self, runs: Sequence[Run], unfinished: Sequence[Unfinished] = ()) -> None:
        self.runs = tuple(runs)
        self.unfinished = tuple(unfinished)
        self._best: dict[str, pd.DataFrame] = {}

    def __len__(self) -> int:
        return len(self.runs)

    def where(self, **names: str | Sequence[str]) -> Results:
        """The runs of some ``experiment``, ``model``, ``dataset``, ``language`` or ``projection``, each one name or
        several. Raises :class:`~lrp2_bench.core.errors.UnknownNameError` for what no run has."""
        kept = self.runs
        for name, wanted in names.items():
            if name not in NAMES:
                raise UnknownNameError("name of a run", name, NAMES)
            known = {_names(run)[name] for run in self.runs}
            values = [wanted] if isinstance(wanted, str) else list(wanted)
            for each in values:
                if each not in known:
                    raise UnknownNameError(name, each, known, "These have finished runs here.")
            kept = tuple(run for run in kept if _names(run)[name] in values)
        return Results(kept, self.unfinished)

    @property
    def experiments(self) -> list[str]:
        """Sorted."""
        return sorted({_names(run)["experiment"] for run in self.runs})

    @property
    def pairs(self) -> pd.DataFrame:
        """One row a run and setting, the baseline first and then every fully evaluated pair: the run's names,
        ``strength``, ``lirp``, ``lsrp``, then as in ``pairs.csv`` the metrics in percent, ``facts`` of the language and
        ``shared``, those that the pivot has too."""
        rows = [
            {**_names(run), "strength": _strength(run), **asdict(row)}
            for run in self.runs
            for row in (run.baseline, *run.pairs)
        ]
        columns = (*NAMES, "strength", "lirp", "lsrp", *METRICS, "facts", "shared")
        return _layers(pd.DataFrame(rows, columns=None if rows else list(columns)))

    def best(self, metric: str = "transferability") -> pd.DataFrame:
        """One row a run with pairs, at its best pair by ``metric``.

        ``baseline``, ``value`` and their difference ``gain`` with a 95 % interval (``gain_low``, ``gain_high``), chosen
        and reported on the same facts as in the paper; and ``held_out``, the gain on facts that did not choose, with
        ``held_out_low``, ``held_out_high`` and the p-value of accuracy's change there. NaN where there are too few
        facts to say, or where hits cannot be read (logged). Raises
        :class:`~lrp2_bench.core.errors.UnknownNameError` for an unknown metric.
        """
        _require_metric(metric)
        if metric not in self._best:
            rows = [
                {**_names(run), "strength": _strength(run), **_gains(run, row.pair, metric)}
                for run in self.runs
                if not run.is_pivot and (row := run.best(metric)) is not None and row.pair is not None
            ]
            columns = (
                *NAMES, "strength", "lirp", "lsrp", "metric", "facts", "shared", "baseline", "value", "gain",
                "gain_low", "gain_high", "held_out", "held_out_low", "held_out_high", "held_out_p",
            )  # fmt: skip
            self._best[metric] = _layers(pd.DataFrame(rows, columns=list(columns)))
        return self._best[metric].copy()

    def hits(self, language: str | Sequence[str] | None = None, **names: str | Sequence[str]) -> pd.DataFrame:
        """One row a fact and setting that was evaluated: the run's names, ``relation``, ``uuid`` (which names the fact
        in every language), ``lirp``, ``lsrp``, ``hit``, and ``pivot_hit``: whether the pivot's baseline hits it, empty
        where the pivot lacks the fact.

        ``language`` and other ``names`` as in :meth:`where`; a full grid has millions of rows. Raises
        :class:`~lrp2_bench.core.errors.BenchError` where hits are missing or damaged.
        """
        chosen = self.where(**names, **({} if language is None else {"language": language}))
        columns = (*NAMES, "relation", "uuid", "lirp", "lsrp", "hit", "pivot_hit")
        return _joined([_hits(run) for run in chosen.runs], columns)

    def facts(self, language: str | Sequence[str] | None = None, **names: str | Sequence[str]) -> pd.DataFrame:
        """One row a run and fact: the run's names, ``relation``, ``uuid``, ``query`` (``[Y]`` stands for its object),
        ``object``, and both in the pivot's words, empty where it lacks the fact. Errors as for :meth:`hits`."""
        chosen = self.where(**names, **({} if language is None else {"language": language}))
        rows = [
            {**_names(run), "relation": relation, "uuid": uuid, **asdict(text)}
            for run in chosen.runs
            for (relation, uuid), text in run.files.facts().items()
        ]
        columns = (*NAMES, "relation", "uuid", "query", "object", "pivot_query", "pivot_object")
        return pd.DataFrame(rows, columns=list(columns))

    def compare(self, first: str, second: str, metric: str = "transferability") -> pd.DataFrame:
        """Two experiments, run by run of the same model, dataset, language and projection: a row a metric and setting.

        ``at`` is ``baseline``, or ``best``: each run's best pair by ``metric`` (``first_lirp`` and so on). ``first``
        and ``second`` are percentages over the ``facts`` that both asked, ``difference`` the second's less the first's
        in points with the 95 % interval ``low`` to ``high``, paired by fact. Raises
        :class:`~lrp2_bench.core.errors.UnknownNameError` for an unknown experiment, and
        :class:`~lrp2_bench.core.errors.BenchError` where they have no run in common or hits cannot be read.
        """
        _require_metric(metric)
        ours, theirs = (
            {_key(run): run for run in self.where(experiment=name).runs if not run.is_pivot} for name in (first, second)
        )
        common = [key for key in ours if key in theirs]
        if not common:
            raise BenchError(
                f"The experiments '{first}' and '{second}' have no model, dataset and language in common.\n"
                "Search the same in both; `results.pairs` shows what there is."
            )
        return _layers(pd.DataFrame([row for key in common for row in _compared(ours[key], theirs[key], metric)]))

    def __repr__(self) -> str:
        left = f", {len(self.unfinished)} not finished" if self.unfinished else ""
        shown = self._overview()
        cut = f"\n... and {len(self) - _SHOWN} more" if len(self) > _SHOWN else ""
        return f"Results of {_counted(len(self), 'run')}{left}\n{shown.to_string(index=False)}{cut}"

    def _repr_html_(self) -> str:
        shown = self._overview().to_html(index=False, border=0)
        cut = f"<p>and {len(self) - _SHOWN} more</p>" if len(self) > _SHOWN else ""
        left = "".join(
            f"<li>{html.escape(str(one.folder))}: {html.escape(one.reason)}</li>" for one in self.unfinished[:_SHOWN]
        )
        unfinished = f"<p>Not finished ({len(self.unfinished)}):</p><ul>{left}</ul>" if left else ""
        return f"<p>Results of {_counted(len(self), 'run')}</p>{shown}{cut}{unfinished}"

    def _overview(self) -> pd.DataFrame:
        """The first runs: what each has, and its best pair by transferability; from ``pairs.csv`` alone."""
        return pd.DataFrame(
            [
                {
                    **_names(run),
                    "facts": run.baseline.facts,
                    "pairs": len(run.pairs),
                    "best": str(best.pair) if (best := best_row(run.pairs, "transferability")) else "",
                    "accuracy": _arrow(run, best, "accuracy"),
                    "transferability": _arrow(run, best, "transferability"),
                }
                for run in self.runs[:_SHOWN]
            ]
        )


def _names(run: Run) -> dict[str, str]:
    return {
        "experiment": run.label or run.experiment,
        "model": run.model_name,
        "dataset": run.dataset,
        "language": run.language,
        "projection": run.projection,
    }


def _key(run: Run) -> tuple[str, ...]:
    return run.model_name, run.dataset, run.language, run.projection


def _strength(run: Run) -> float:
    """What the shift is multiplied by; 1 in runs of versions that could not do otherwise."""
    config = run.manifest.get("config")
    projection = config.get("projection") if isinstance(config, Mapping) else None
    found = projection.get("strength", 1.0) if isinstance(projection, Mapping) else 1.0
    return float(found) if isinstance(found, int | float) else math.nan


def _gains(run: Run, best: LayerPair, metric: str) -> dict[str, Any]:
    row = next(row for row in run.pairs if row.pair == best)
    before, after = value(run.baseline, metric), value(row, metric)
    found: dict[str, Any] = {
        "lirp": best.lirp, "lsrp": best.lsrp, "metric": metric, "facts": row.facts, "shared": row.shared,
        "baseline": before, "value": after, "gain": after - before,
    }  # fmt: skip
    try:
        hits = distinct(run, run.files.hits())
        sampled = Sampled(hits, run.files.pivot_hits(hits.facts))
    except BenchError as error:
        log.warning("No intervals for '%s': %s", run.folder, error)
        return found
    drawn = {run.stands_for(pair): pair for pair in sampled.pairs}.get(run.stands_for(best))
    if drawn is None or None not in sampled.settings:
        log.warning("No intervals for '%s': its hits lack the best pair of pairs.csv. Search again.", run.folder)
        return found
    change = sampled.measures[metric].change(sampled.settings.index(drawn))
    held_out = sampled.halves.held_out(metric)
    bounds = held_out_intervals(sampled.hits, sampled.pivot_hits, sampled.relations, metric)[metric]
    return found | {
        "gain_low": change.low, "gain_high": change.high, "held_out": getattr(held_out, metric),
        "held_out_low": bounds[0], "held_out_high": bounds[1], "held_out_p": held_out.p,
    }  # fmt: skip


def _hits(run: Run) -> pd.DataFrame:
    stored = run.files.hits()
    pivot = run.files.pivot_hits(stored.facts)
    row, column = np.nonzero(stored.hits != NOT_EVALUATED)
    layers = np.array([(pair.lirp, pair.lsrp) if pair else (0, 0) for pair in stored.settings], dtype=np.int16)
    relations, uuids = (pd.Categorical([fact[part] for fact in stored.facts]) for part in (0, 1))
    lirp, lsrp = (pd.array(layers[row, side], dtype="Int16") for side in (0, 1))
    for side in (lirp, lsrp):
        side[layers[row, 0] == 0] = pd.NA
    known = pd.array(pivot[column] == 1, dtype="boolean")
    known[pivot[column] == NOT_EVALUATED] = pd.NA
    return pd.DataFrame(
        {
            **{
                name: pd.Categorical.from_codes(np.zeros(len(row), np.int8), pd.Index([text]))
                for name, text in _names(run).items()
            },
            "relation": relations.take(column),
            "uuid": uuids.take(column),
            "lirp": lirp,
            "lsrp": lsrp,
            "hit": stored.hits[row, column] == 1,
            "pivot_hit": known,
        }
    )


def _joined(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """One table; texts stay categories, which take a byte or two a row."""
    if not frames:
        return pd.DataFrame(columns=list(columns))
    texts = [name for name in columns if isinstance(frames[0][name].dtype, pd.CategoricalDtype)]
    joined = {name: pd.api.types.union_categoricals([frame[name] for frame in frames]) for name in texts}
    others = pd.concat([frame.drop(columns=texts) for frame in frames], ignore_index=True)
    return pd.DataFrame({name: joined[name] if name in joined else others[name] for name in columns})


def _compared(first: Run, second: Run, metric: str) -> Iterator[dict[str, Any]]:
    found = compare_runs(first, second, metric)
    names = {name: text for name, text in _names(first).items() if name != "experiment"}
    for at, differences in (("baseline", found.baseline), ("best", found.at_best)):
        pairs: tuple[LayerPair | None, ...] = found.best if at == "best" and found.best else (None, None)
        layers = {
            f"{which}_{side}": getattr(pair, side, None)
            for which, pair in zip(("first", "second"), pairs, strict=True)
            for side in ("lirp", "lsrp")
        }
        for name, difference in differences.items():
            yield {**names, "metric": name, "at": at, "facts": found.facts, **_numbers(difference), **layers}


def _numbers(difference: Difference) -> dict[str, float]:
    change = difference.difference
    return {
        "first": difference.first, "second": difference.second,
        "difference": change.value, "low": change.low, "high": change.high,
    }  # fmt: skip


def _layers(frame: pd.DataFrame) -> pd.DataFrame:
    """Layers as whole numbers that may be missing."""
    columns = [name for name in frame.columns if name.endswith(("lirp", "lsrp"))]
    return frame.astype(dict.fromkeys(columns, "Int64"))


def _require_metric(metric: str) -> None:
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)


def _arrow(run: Run, best: PairRow | None, metric: str) -> str:
    rows = [run.baseline] if best is None else [run.baseline, best]
    return " -> ".join(f"{value(row, metric):.1f}" for row in rows)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
