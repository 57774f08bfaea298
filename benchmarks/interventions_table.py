"""The table of docs/interventions.md, from a finished ``+sweep=interventions`` and its report.

``lrp2-bench report FOLDER select_by=accuracy``, then ``python -m benchmarks.interventions_table FOLDER``. Held-out
gains and damage are the report's. To them is added what becomes of facts that the testbed's models saw in English only:
the setting is chosen on a language's other facts, the baseline being among the choices, and counted on these.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.running import markdown
from lrp2_bench.analyses.exposure.compute import fact_statuses
from lrp2_bench.core.types import HIT, Interval
from lrp2_bench.interventions.registry import without_strengths
from lrp2_bench.report.run_strength import strength_of
from lrp2_bench.results.runs import Run, find_runs
from lrp2_bench.stats.across_languages import Estimate, mean_over_languages
from lrp2_bench.stats.clusters import RESAMPLES, SEED
from lrp2_bench.stats.fact_clusters import by_country
from lrp2_bench.testbed.pretrained import Pretrained

HEAD = ("model", "intervention", "held-out gain", "English accuracy", "KL, nats", "facts seen in English only")


def english_only(run: Run) -> Estimate | None:
    """The gain in points on the facts of countries that only English saw in pretraining, at the setting with the best
    accuracy on the others; the first of equals, which is the baseline before all pairs."""
    hits = run.files.hits()
    statuses = fact_statuses(hits.facts, Pretrained.from_dict(run.manifest["testbed"]).exposure, run.language)
    if statuses is None or not statuses.held_out.any() or statuses.held_out.all():
        return None
    settings = (None, *(setting for setting in hits.settings if setting is not None))
    rows = np.stack([row for row in map(hits.row, settings) if row is not None]) == HIT
    best = int(rows[:, ~statuses.held_out].mean(axis=1).argmax())
    change = rows[best].astype(np.float64) - rows[0]
    clusters = by_country(hits.facts)
    weights = clusters.draws(RESAMPLES, SEED).astype(np.float64)[:, clusters.codes] * statuses.held_out
    samples = 100.0 * (weights @ change) / np.maximum(weights.sum(axis=1), 1.0)
    return Estimate(100.0 * float(change[statuses.held_out].mean()), samples)


def rows_of(folder: Path) -> Iterator[tuple[str, ...]]:
    """By model in order of the report's held-out gain."""
    found: dict[tuple[str, str, str], list[Estimate]] = defaultdict(list)
    for run in find_runs([folder])[0]:
        estimate = english_only(run)
        if estimate is not None:
            name = run.manifest["testbed"]["name"]
            found[name, without_strengths(run.projection), strength_of(run)].append(estimate)
    board = pd.read_csv(folder / "report" / "data" / "leaderboard.csv", keep_default_na=False, dtype={"strength": str})
    means = board[(board["language"] == "") & (board["languages"].astype(str) != "1")]
    for row in means.sort_values("model", kind="stable").to_dict("records"):
        gain = Interval(*(float(row[f"accuracy_held_out{end}"]) for end in ("", "_low", "_high")))
        name, strength = str(row["intervention"]), str(row["strength"])
        other = mean_over_languages(found[row["model"], name, strength])
        label = name if strength == "1" else f"{name} at {strength}"
        damage = f"{float(row['pivot_accuracy_change']):+.1f}", f"{float(row['kl']):.3f}"
        yield str(row["model"]), label, _told(gain), *damage, _told(other)


def _told(found: Interval) -> str:
    return f"{found.value:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    print(markdown(HEAD, list(rows_of(parser.parse_args().folder))))


if __name__ == "__main__":
    main()
