"""Candidates with the same tokens are counted before a search, by relation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import normalizers

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.probing.alike import count_alike
from tests.support.probing import baseline_hits, load, relation_of

FACTS = [("Frankreich", "Paris"), ("Deutschland", "paris"), ("Japan", "Tokio"), ("China", "PARIS"), ("Kuba", "paris")]
TEMPLATE = "Die Hauptstadt von [X] ist [Y] ."
KIND = "Facts of de {} that can never be hit: the tokenizer gives their object the same tokens as another candidate"


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_facts_of_candidates_that_an_uncased_tokenizer_cannot_tell_apart_are_counted_by_relation(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    relation = relation_of(TEMPLATE, FACTS)
    data_warnings = DataWarnings()
    count_alike(model.tokenizer, [relation], "de", data_warnings)
    assert data_warnings.as_dict() == {}
    model.tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    count_alike(model.tokenizer, [relation, replace(relation, name="P2")], "de", data_warnings)
    told = data_warnings.as_dict()
    assert list(told) == [KIND.format(relation.name), KIND.format("P2")]
    assert told[KIND.format("P2")] == {
        "count": 3,
        "examples": ["'Paris' is read as 'PARIS'", "'paris' is read as 'PARIS'"],
    }
    hits = baseline_hits(model, relation)
    assert not any(hits[place] for place in (0, 1, 4)), "what is counted is never hit"
