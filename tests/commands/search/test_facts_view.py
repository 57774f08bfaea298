"""A search leaves the texts of its facts beside the hits, also where the hits are from an earlier run."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.data.mlama import MLama
from lrp2_bench.results.facts import read_facts
from lrp2_bench.results.stored_hits import read_hits
from tests.support.commands import ToyJob, snapshot


def test_every_hit_has_its_text_and_a_finished_run_gets_them_without_computing(
    toy_job: Callable[..., ToyJob],
) -> None:
    job = toy_job()
    assert job.search("pivot=zh") == 0
    folder = job.folder()
    facts = MLama(job.mlama).facts("de", "zh", DataWarnings())
    pivot = {fact.uuid: (relation, fact) for relation in facts.pivot_relations for fact in relation.facts}
    table = pd.read_parquet(folder / "facts.parquet")
    assert list(zip(table["relation"], table["uuid"], strict=True)) == list(read_hits(folder / "hits.parquet").facts)
    texts = read_facts(folder / "facts.parquet")
    for relation in facts.relations:
        for fact in relation.facts:
            text = texts[relation.name, fact.uuid]
            assert text.object == fact.object and text.query == relation.fill(fact, "[Y]").text
            if fact.uuid in pivot:
                theirs, same = pivot[fact.uuid]
                assert (text.pivot_query, text.pivot_object) == (theirs.fill(same, "[Y]").text, same.object)
            else:
                assert text.pivot_query is text.pivot_object is None
    assert len(pivot) < len(texts), "or nothing is shown of facts that the pivot lacks"

    before, chunks = (folder / "facts.parquet").read_bytes(), snapshot(folder / "relations")
    (folder / "facts.parquet").unlink()
    assert job.search("pivot=zh") == 0
    assert (folder / "facts.parquet").read_bytes() == before and snapshot(folder / "relations") == chunks
