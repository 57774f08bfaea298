"""A few plain lines on the runs of a testbed model: the end of ``lrp2-bench demo``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lrp2_bench.analyses.exposure.compute import Mask
from lrp2_bench.analyses.exposure.runs import ExposureRun, pretrained_of_run, read_exposure_runs
from lrp2_bench.analyses.exposure.transfer import Transfer
from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.language_table import language_name
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.results.choice import value
from lrp2_bench.results.runs import Run
from lrp2_bench.results.tables import PairRow
from lrp2_bench.testbed.exposure import PIVOT, SEEN

_Searched = tuple[ExposureRun, PairRow]


def summary_lines(runs: Sequence[Run], others: Sequence[Run], select_by: str) -> list[str]:
    """Lines on the ``runs`` of one testbed model; its control's are looked for among ``others``. Facts of all languages
    are pooled. Empty where there is nothing to say: another model, a no-transfer control, or no language with pairs."""
    exposed, _ = read_exposure_runs(runs, select_by)
    searched = [(each, best) for each in exposed if (best := each.run.best(select_by)) is not None]
    if not searched or exposed[0].model.exposure.twin:
        return []
    return list(_lines(exposed, searched, others, select_by))


def _lines(
    exposed: Sequence[ExposureRun], searched: Sequence[_Searched], others: Sequence[Run], select_by: str
) -> Iterator[str]:
    pivot = searched[0][0].model.exposure.pivot
    english = language_name(pivot)
    own = next((each for each in exposed if each.run.is_pivot), None)
    model = searched[0][0].run.model
    know = f"{own.run.baseline.accuracy:.1f} % of its facts in {english}; " if own else ""
    pooled = _pooled(searched, _all)
    others_ = "other" if len(searched) == 1 else "others"
    yield f"{model} recalls {know}in {len(searched)} {others_} {pooled}, baseline -> best pairs (in-sample)."
    yield f"Facts seen in pretraining in the language itself: {_pooled(searched, lambda each: each.statuses.by[SEEN])}."
    yield f"Facts seen in pretraining in {english} alone: {_pooled(searched, lambda each: each.statuses.by[PIVOT])}."
    yield from _crossed(searched, others)
    gains = [(value(best, select_by) - value(each.run.baseline, select_by), each.name, best) for each, best in searched]
    gain, name, best = max(gains, key=lambda found: found[0])
    yield (
        f"Largest in-sample change of {select_by}: {gain:+.1f} points in {name} at {best.pair}; "
        f"{sum(found[0] > 0 for found in gains)} of {len(gains)} languages rise in-sample."
    )


def _crossed(searched: Sequence[_Searched], others: Sequence[Run]) -> Iterator[str]:
    """Knowledge transfer over the languages whose no-transfer control ran."""
    twins = [run for run in others if (twin := pretrained_of_run(run)) and twin.is_twin_of(searched[0][0].model)]
    found = [found for each, _ in searched if isinstance(found := each.transfer(twins), Transfer)]
    facts = sum(transfer.facts for transfer in found)
    if facts:
        ours, twins_ = (
            sum(transfer.facts * getattr(transfer.baseline, side) for transfer in found) / facts
            for side in ("model", "twin")
        )
        yield (
            f"Knowledge transfer, baseline: {ours:.1f} % of {facts:,} facts about held-out countries, no-transfer "
            f"control {twins_:.1f} %: difference {ours - twins_:+.1f} points."
        )


def _all(each: ExposureRun) -> Mask:
    return np.ones(len(each.hits.facts), dtype=bool)


def _pooled(searched: Sequence[_Searched], choose: Callable[[ExposureRun], Mask]) -> str:
    """Accuracies over the chosen facts of all languages together."""
    rows = [np.concatenate([_row(each, moved)[choose(each)] for each, _ in searched]) for moved in (False, True)]
    if not rows[0].size:
        return "none"
    before, after = metrics.accuracy(np.stack(rows))
    return f"{before:.1f} -> {after:.1f} % of {rows[0].size:,}"


def _row(each: ExposureRun, moved: bool) -> npt.NDArray[np.int8]:
    row = each.hits.row(each.best if moved else None)
    if row is None:  # read_exposure_runs refuses runs without
        raise BenchError(f"'{each.run.folder}' has fewer hits than its pairs.csv counts. Run its search again.")
    return row
