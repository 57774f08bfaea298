"""Evidence of a run is that of its hits: counted here by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from lrp2_bench.analysis.as_good import as_good_as_best
from lrp2_bench.analysis.bootstrap import Floats, resample_measures
from lrp2_bench.errors import BenchError
from lrp2_bench.report.page.evidence import evidence_of
from lrp2_bench.report.runs import Run, find_runs
from lrp2_bench.types import LayerPair
from tests.support.page_runs import write_page_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    write_page_run(tmp_path, "de", facts=150)
    return find_runs([tmp_path])[0][0]


def test_facts_won_and_lost_are_those_whose_hit_differs_from_the_baselines(run: Run) -> None:
    evidence = evidence_of(run)
    table = pd.read_parquet(run.folder / "hits.parquet").fillna({"lirp": 0, "lsrp": 0})
    by_setting = {key: part.set_index(["relation", "uuid"])["hit"] for key, part in table.groupby(["lirp", "lsrp"])}
    untouched = by_setting[0, 0]
    pairs = [row.pair for row in run.pairs if row.pair]
    won, lost = evidence.counts(list(pairs))
    for place, pair in enumerate(pairs):
        moved = by_setting[pair.lirp, pair.lsrp]
        assert evidence.won(pair) == list(untouched.index[~untouched & moved])
        assert evidence.lost(pair) == list(untouched.index[untouched & ~moved])
        assert (won[place], lost[place]) == (len(evidence.won(pair)), len(evidence.lost(pair)))
    assert won.any() and lost.any()


@pytest.mark.parametrize(("row", "metric"), [(0, "accuracy"), (1, "transferability")])
def test_changes_are_the_paired_intervals_and_the_best_is_as_good_as_itself(run: Run, row: int, metric: str) -> None:
    evidence = evidence_of(run)
    measure = resample_measures(evidence.hits.hits, evidence.pivot, evidence.hits.relations)[row]
    found = evidence.measured[metric]
    for setting, (_, low, high) in zip(evidence.hits.settings, measure.changes(), strict=True):
        if setting is not None:
            assert found.changes[setting] == (low, high)
    best = run.best(metric)
    assert best is not None and best.pair in found.as_good
    pairs = [place for place, setting in enumerate(evidence.hits.settings) if setting]
    alike = as_good_as_best(measure.value[pairs], measure.samples[pairs])
    kept = {evidence.hits.settings[place] for place, one in zip(pairs, alike, strict=True) if one}
    assert found.as_good == kept
    assert metric == "transferability" or len(kept) < len(run.pairs), "or every pair would do"


def test_another_notion_of_as_good_can_be_given(run: Run) -> None:
    seen = []

    def none_but_one(value: Floats, samples: Floats) -> npt.NDArray[np.bool_]:
        seen.append((value.tolist(), samples.shape))
        return np.arange(len(value)) == 2

    found = evidence_of(run, none_but_one).measured["accuracy"]
    best = run.best("accuracy")
    assert best is not None and best.pair is not None
    assert found.as_good == {run.pairs[2].pair, best.pair}
    assert seen[0] == (pytest.approx([row.accuracy for row in run.pairs]), (len(run.pairs), 1000))


def test_hits_of_another_search_than_the_tables_are_refused(run: Run, tmp_path: Path) -> None:
    other = write_page_run(tmp_path / "other", "de", facts=150, seed=1)
    (run.folder / "hits.parquet").write_bytes((other / "hits.parquet").read_bytes())
    with pytest.raises(BenchError, match="pairs.csv disagree in their (accuracy|transferability)"):
        evidence_of(run)
    deeper = write_page_run(tmp_path / "deeper", "de", facts=150, blocks=5)
    (run.folder / "hits.parquet").write_bytes((deeper / "hits.parquet").read_bytes())
    with pytest.raises(BenchError, match="disagree in their settings"):
        evidence_of(run)


def test_a_pair_that_was_not_evaluated_on_every_fact_has_no_interval(tmp_path: Path) -> None:
    folder = write_page_run(tmp_path, "de", facts=40)
    table = pd.read_parquet(folder / "hits.parquet")
    table["hit"] = table["hit"].astype("boolean")
    (first, *_) = table.index[(table["lirp"] == 1) & (table["lsrp"] == 2)]
    table.loc[first, "hit"] = pd.NA
    table.to_parquet(folder / "hits.parquet")
    lines = (folder / "pairs.csv").read_text().splitlines(keepends=True)
    (folder / "pairs.csv").write_text("".join(line for line in lines if not line.startswith("1,2,")))
    (run,) = find_runs([tmp_path])[0]
    measured = evidence_of(run).measured["accuracy"]
    assert LayerPair(1, 2) not in measured.changes and len(measured.changes) == len(run.pairs) == 5
