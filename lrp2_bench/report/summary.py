"""A few plain lines on the runs of a testbed model: the end of ``lrp2-bench demo``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lrp2_bench.analyses.exposure.compute import Mask
from lrp2_bench.analyses.exposure.runs import ExposureRun, pretrained_of_run, read_exposure_runs
from lrp2_bench.analyses.exposure.transfer import Transfer, pooled
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Interval
from lrp2_bench.data.language_table import language_name
from lrp2_bench.report.assessed_runs import assess_runs
from lrp2_bench.report.headlines import headline, interval
from lrp2_bench.results.runs import Run
from lrp2_bench.results.stored_hits import FactKey
from lrp2_bench.stats.fact_clusters import by_country
from lrp2_bench.stats.paired_intervals import level_interval
from lrp2_bench.testbed.exposure import PIVOT, SEEN


def summary_lines(runs: Sequence[Run], others: Sequence[Run], select_by: str) -> list[str]:
    """Lines on the ``runs`` of one testbed model; its control's are looked for among ``others``. Facts of all languages
    are pooled. Empty where there is nothing to say: another model, a no-transfer control, or no language with pairs."""
    exposed, _ = read_exposure_runs(runs, select_by)
    searched = [each for each in exposed if each.run.best(select_by) is not None]
    if not searched or exposed[0].model.exposure.twin:
        return []
    return [headline(assess_runs(runs, select_by)), *_lines(exposed, searched, others)]


def _lines(exposed: Sequence[ExposureRun], searched: Sequence[ExposureRun], others: Sequence[Run]) -> Iterator[str]:
    english = language_name(searched[0].model.exposure.pivot)
    own = next((each for each in exposed if each.run.is_pivot), None)
    if own is not None:
        yield f"Baseline in {english}: {_percent(own.levels('accuracy')[0])} of its facts."
    others_ = "the other language" if len(searched) == 1 else f"the {len(searched)} others"
    yield f"Baseline in {others_}: {_pooled(searched, _all)}."
    yield f"Facts seen in pretraining in the language itself: {_pooled(searched, lambda each: each.statuses.by[SEEN])}."
    yield f"Facts seen in pretraining in {english} alone: {_pooled(searched, lambda each: each.statuses.by[PIVOT])}."
    yield from _crossed(searched, others)


def _crossed(searched: Sequence[ExposureRun], others: Sequence[Run]) -> Iterator[str]:
    """Knowledge transfer over the languages whose no-transfer control ran."""
    twins = [run for run in others if (twin := pretrained_of_run(run)) and twin.is_twin_of(searched[0].model)]
    found = [found.baseline for each in searched if isinstance(found := each.transfer(twins), Transfer)]
    if not found:
        return
    all_ = pooled(found)
    told = not math.isnan(all_.same.value)
    yield (
        f"Knowledge transfer, baseline: {all_.model:.1f} % of {len(all_.held_out.facts):,} facts about held-out "
        f"countries, no-transfer control {all_.twin:.1f} %: difference {interval(all_.transfer)} points"
        + (
            f"; on facts that both saw alike {interval(all_.same)}; beyond that {interval(all_.beyond)}."
            if told
            else "."
        )
    )


def _all(each: ExposureRun) -> Mask:
    return np.ones(len(each.hits.facts), dtype=bool)


def _pooled(searched: Sequence[ExposureRun], choose: Callable[[ExposureRun], Mask]) -> str:
    """The baseline's accuracy over the chosen facts of all languages together."""
    masks = [choose(each) for each in searched]
    facts = [fact for each, mask in zip(searched, masks, strict=True) for fact in _chosen(each, mask)]
    if not facts:
        return "none"
    row = np.concatenate([_row(each)[mask] for each, mask in zip(searched, masks, strict=True)])
    return f"{_percent(level_interval(row, row, by_country(facts), 'accuracy')[0])} of {len(row):,}"


def _chosen(each: ExposureRun, mask: Mask) -> Iterator[FactKey]:
    return (fact for fact, chosen in zip(each.hits.facts, mask, strict=True) if chosen)


def _percent(found: Interval) -> str:
    return f"{found.value:.1f} % [{found.low:.1f}, {found.high:.1f}]"


def _row(each: ExposureRun) -> npt.NDArray[np.int8]:
    row = each.hits.row(None)
    if row is None:  # read_exposure_runs refuses runs without
        raise BenchError(f"'{each.run.folder}' has fewer hits than its pairs.csv counts. Run its search again.")
    return row
