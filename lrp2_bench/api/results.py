"""Finished runs as pandas tables."""

from __future__ import annotations

import html
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from lrp2_bench.api.compared import compared
from lrp2_bench.api.frames import (
    NAMES,
    gains_of,
    hits_of,
    joined,
    names_of,
    scores_of,
    strengths_of,
    with_layers,
)
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.metrics.registry import METRICS as ALL
from lrp2_bench.report.agreement import label_runs
from lrp2_bench.results.choice import METRICS, best_row, value
from lrp2_bench.results.layout import SCORES
from lrp2_bench.results.runs import Run, Unfinished, find_runs
from lrp2_bench.results.scores import NEXT
from lrp2_bench.results.tables import STRENGTH_COLUMNS, PairRow

log = logging.getLogger(__name__)

_SHOWN = 20  # runs in a notebook


def load_results(*paths: str | Path) -> Results:
    """Every finished run at or below ``paths``, whoever made it: a run's folder, an experiment's, or the output root.

    Raises :class:`~lrp2_bench.core.errors.BenchError` where a path is no folder (with the nearest name) and where there
    is no finished run; runs that are not finished are in :attr:`Results.unfinished` with the reason.
    """
    runs, unfinished = find_runs([Path(path).expanduser() for path in paths])
    runs, remarks = label_runs(runs)
    for remark in remarks:
        log.warning("%s", remark)
    return Results(runs, unfinished)


class Results:
    """Finished ``runs``, each of a model on a dataset in a language, and those ``unfinished`` beside them.

    Tables name a run by experiment, model, dataset, language and projection (``lrp2``, or an ablation's label).
    Percentages are 0 to 100, changes are in points, ``lirp`` and ``lsrp`` are empty for the baseline. Files are read
    when a table asks for them. Runs of one experiment whose configurations differ have a longer name of it.
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
            known = {names_of(run)[name] for run in self.runs}
            values = [wanted] if isinstance(wanted, str) else list(wanted)
            for each in values:
                if each not in known:
                    raise UnknownNameError(name, each, known, "These have finished runs here.")
            kept = tuple(run for run in kept if names_of(run)[name] in values)
        return Results(kept, self.unfinished)

    @property
    def experiments(self) -> list[str]:
        """Sorted."""
        return sorted({names_of(run)["experiment"] for run in self.runs})

    @property
    def pairs(self) -> pd.DataFrame:
        """One row a run and setting, the baseline first and then every fully evaluated pair: the run's names,
        ``strength``, ``strength_back``, ``lirp``, ``lsrp``, then as in ``pairs.csv`` the metrics in percent, ``facts``
        of the language and ``shared``, those that the pivot has too."""
        rows = [
            {**names_of(run), **strengths_of(run), **row.columns()}
            for run in self.runs
            for row in (run.baseline, *run.pairs)
        ]
        columns = (*NAMES, *STRENGTH_COLUMNS, "lirp", "lsrp", *METRICS, "facts", "shared")
        return with_layers(pd.DataFrame(rows, columns=None if rows else list(columns)))

    def best(self, metric: str = "transferability") -> pd.DataFrame:
        """One row a run with pairs, at its best pair by ``metric``.

        ``baseline``, ``value`` and their difference ``gain`` with a 95 % interval (``gain_low``, ``gain_high``), chosen
        and reported on the same facts as in the paper; and ``held_out``, the gain on facts that did not choose, with
        ``held_out_low``, ``held_out_high`` and ``held_out_p``, the p-value of no gain. NaN where there are too few
        facts to say, or where hits cannot be read (logged). Metrics of hits need their column in ``pairs.csv``
        (``metrics=[NAME]``), those of scores `lrp2-bench score`; the latter have nothing held out. Raises
        :class:`~lrp2_bench.core.errors.UnknownNameError` for an unknown metric, and
        :class:`~lrp2_bench.core.errors.BenchError` for one that a run does not have.
        """
        if metric not in ALL:
            raise UnknownNameError("metric", metric, ALL.names())
        if metric not in self._best:
            rows = [
                {**names_of(run), **gains_of(run, row.pair, metric)}
                for run in self.runs
                if not run.is_pivot and (row := run.best(metric)) is not None and row.pair is not None
            ]
            columns = (
                *NAMES, *STRENGTH_COLUMNS, "lirp", "lsrp", "metric", "facts", "shared", "baseline", "value", "gain",
                "gain_low", "gain_high", "held_out", "held_out_low", "held_out_high", "held_out_p",
            )  # fmt: skip
            self._best[metric] = with_layers(pd.DataFrame(rows, columns=list(columns)))
        return self._best[metric].copy()

    def hits(self, language: str | Sequence[str] | None = None, **names: str | Sequence[str]) -> pd.DataFrame:
        """One row a fact and setting that was evaluated: the run's names, ``relation``, ``uuid`` (which names the fact
        in every language), ``lirp``, ``lsrp``, ``hit``, and ``pivot_hit``: whether the pivot's baseline hits it, empty
        where the pivot lacks the fact.

        ``language`` and other ``names`` as in :meth:`where`; a full grid has millions of rows. Raises
        :class:`~lrp2_bench.core.errors.BenchError` where hits are missing or damaged.
        """
        chosen = self.where(**names, **({} if language is None else {"language": language}))
        found = [hits_of(run) for run in chosen.runs]
        strengths = (name for name in STRENGTH_COLUMNS if any(name in frame for frame in found))
        return joined(found, (*NAMES, "relation", "uuid", "lirp", "lsrp", "hit", "pivot_hit", *strengths))

    def scores(self, language: str | Sequence[str] | None = None, **names: str | Sequence[str]) -> pd.DataFrame:
        """One row a fact, setting and candidate that competes for it: the run's names, ``relation``, ``uuid``,
        ``lirp``, ``lsrp``, ``strength``, ``candidate``, ``score`` (a log-probability; minus infinity: it can never be
        the answer) and ``own``, whether it is the fact's own object. Of the runs that `lrp2-bench score` has been
        through.

        ``language`` and other ``names`` as in :meth:`where`. Raises :class:`~lrp2_bench.core.errors.BenchError` where
        no run has scores, and where they are damaged.
        """
        chosen = self.where(**names, **({} if language is None else {"language": language}))
        scored = [run for run in chosen.runs if run.files.has(SCORES)]
        if chosen.runs and not scored:
            raise BenchError(f"None of these runs has scores.\n{NEXT}")
        columns = (*NAMES, "relation", "uuid", "lirp", "lsrp", "strength", "candidate", "score", "strength_back", "own")
        return joined([scores_of(run) for run in scored], columns)

    def facts(self, language: str | Sequence[str] | None = None, **names: str | Sequence[str]) -> pd.DataFrame:
        """One row a run and fact: the run's names, ``relation``, ``uuid``, ``query`` (``[Y]`` stands for its object),
        ``object``, and both in the pivot's words, empty where it lacks the fact. Errors as for :meth:`hits`."""
        chosen = self.where(**names, **({} if language is None else {"language": language}))
        rows = [
            {**names_of(run), "relation": relation, "uuid": uuid, **asdict(text)}
            for run in chosen.runs
            for (relation, uuid), text in run.files.facts().items()
        ]
        columns = (*NAMES, "relation", "uuid", "query", "object", "pivot_query", "pivot_object")
        return pd.DataFrame(rows, columns=list(columns))

    def compare(
        self, first: str, second: str, metric: str = "transferability", dimension: str = "experiment"
    ) -> pd.DataFrame:
        """Two experiments, models, interventions or strengths, run by run of the same everything else: a row a metric
        and ``at``.

        ``dimension`` is ``experiment``, ``model``, ``intervention`` (``lrp2``, ``random``; at whatever strength both
        have) or ``strength`` (``"0.5"``; of runs with one strength, or one of several that a run searched). ``at`` is
        ``baseline``, ``best``: each run's best pair by ``metric`` (``first_lirp`` and so on), chosen on these facts, or
        ``held_out``: their gains on facts that did not choose, where there are enough. ``first`` and ``second`` are
        percentages over the ``facts`` that both asked, or gains in points; ``difference`` is the second's less the
        first's in points with the 95 % interval ``low`` to ``high``, by clusters of facts, paired. Raises
        :class:`~lrp2_bench.core.errors.UnknownNameError` for an unknown dimension or value, and
        :class:`~lrp2_bench.core.errors.BenchError` where they have no run in common or hits cannot be read.
        """
        _require_metric(metric)
        return with_layers(pd.DataFrame(compared(self.runs, dimension, first, second, metric)))

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
                    **names_of(run),
                    "facts": run.baseline.facts,
                    "pairs": len(run.pairs),
                    "best": str(best.pair) if (best := best_row(run.pairs, "transferability")) else "",
                    "accuracy": _arrow(run, best, "accuracy"),
                    "transferability": _arrow(run, best, "transferability"),
                }
                for run in self.runs[:_SHOWN]
            ]
        )


def _require_metric(metric: str) -> None:
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)


def _arrow(run: Run, best: PairRow | None, metric: str) -> str:
    rows = [run.baseline] if best is None else [run.baseline, best]
    return " -> ".join(f"{value(row, metric):.1f}" for row in rows)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
