"""The ceiling that several right answers set, and the agreement over paraphrases, in the report."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.report.tables.answers import Ceiling, answers_table, ceiling_of
from lrp2_bench.report.tables.wordings import agreement_of, wordings_table
from lrp2_bench.results.runs import Run, find_runs
from tests.support.synthetic_runs import write_synthetic_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    write_synthetic_run(tmp_path, "de", blocks=3, facts=20)
    return find_runs([tmp_path])[0][0]


def with_manifest(run: Run, **entries: object) -> Run:
    return replace(run, manifest={**run.manifest, **entries})


def test_the_ceiling_is_the_manifests(run: Run) -> None:
    told = with_manifest(run, answers={"facts": 200, "several": 30, "most_hits": 180})
    assert ceiling_of(told) == Ceiling(200, 30, 180)
    table = answers_table([told], "transferability")
    assert table is not None and table.name == "ceiling_mbert_mlama", "answers_... are what `score` found"
    assert table.rows[0][:5] == ("de", "German", 200, 15.0, 90.0)
    assert any("probing.filtered=true" in note for note in table.notes)


def test_runs_of_before_have_the_ceiling_of_their_queries_where_pools_are_full(run: Run) -> None:
    pairs = [("Peru", "Spanish"), ("Peru", "Quechua"), ("Mali", "Bambara"), ("Chad", "Arabic"), ("Chad", "Arabic")]
    facts = tuple(Fact("P", n, f"u{n}", who, who, what, what) for n, (who, what) in enumerate(pairs))
    relation = Relation.whole("P", "[X] speaks [Y]", facts)
    run.files.write_facts([(relation, relation)])
    before = {key: value for key, value in run.manifest.items() if key != "answers"}
    full, cut = (
        replace(run, manifest={**before, "identity": {"probing": {"pool_size": size}}}) for size in ("full", 10)
    )
    assert ceiling_of(full) == Ceiling(5, 2, 4)
    assert ceiling_of(cut) is None


def test_without_further_right_answers_there_is_no_table(run: Run) -> None:
    assert answers_table([with_manifest(run, answers={"facts": 9, "several": 0, "most_hits": 9})], "accuracy") is None
    assert wordings_table([run], "accuracy") is None


@pytest.mark.parametrize("seed", range(3))
def test_agreement_is_that_of_all_pairs_of_a_facts_wordings(seed: int) -> None:
    drawn = random.Random(seed)
    by_fact = {f"u{n}": [drawn.random() < 0.5 for _ in range(drawn.randint(1, 4))] for n in range(12)}
    keys = [
        ("P", uuid + (f"#w{n}" if n > 1 else "")) for uuid, hits in by_fact.items() for n in range(1, len(hits) + 1)
    ]
    found = agreement_of(keys, np.array([hit for hits in by_fact.values() for hit in hits]))
    shares = [
        np.mean([a == b for a, b in itertools.combinations(hits, 2)]) for hits in by_fact.values() if len(hits) > 1
    ]
    assert found.facts == 12 and found.wordings == pytest.approx(len(keys) / 12)
    assert found.mean == pytest.approx(100 * np.mean([np.mean(hits) for hits in by_fact.values()]))
    assert found.first == pytest.approx(100 * np.mean([hits[0] for hits in by_fact.values()]))
    assert (found.any, found.all) == pytest.approx(
        (
            100 * np.mean([any(hits) for hits in by_fact.values()]),
            100 * np.mean([all(hits) for hits in by_fact.values()]),
        )
    )
    assert found.agreement == pytest.approx(100 * np.mean(shares))
