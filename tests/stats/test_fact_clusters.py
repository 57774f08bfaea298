"""What a run's facts are clustered by, and what is said where their subjects are unknown."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.data.cldr.facts import cldr_facts
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.stats.fact_clusters import fact_clusters

FACTS = [("P36", "a"), ("P36", "b"), ("P30", "c")]


def folder(path: Path) -> RunFolder:
    files = RunFolder(path)
    made = [
        Relation("P36", "[X] [Y]", tuple(Fact("P36", n, i, n_, s, "o", "") for n, i, n_, s in _CAPITALS), {}),
        Relation("P30", "[X] [Y]", (Fact("P30", 0, "c", "France", "Q142", "o", ""),), {}),
    ]
    files.write_facts((one, one) for one in made)
    return files


_CAPITALS = [(0, "a", "France", "Q142"), (1, "b", "Chad", "")]


def test_facts_of_other_datasets_are_clustered_by_subject_over_relations(tmp_path: Path) -> None:
    found = fact_clusters(folder(tmp_path), FACTS)
    assert found.kind == "subject" and found.codes.tolist() == [0, 1, 0]
    assert found.labels == ("subject Q142", "subject Chad")  # without an id, its name
    assert not found.warning


def test_the_embedded_facts_are_clustered_by_country(tmp_path: Path) -> None:
    facts = [fact for relation in ("P17", "P36") for fact in cldr_facts()[relation]]
    found = fact_clusters(RunFolder(tmp_path), [(fact.relation, fact.uuid) for fact in facts])
    assert found.kind == "country" and [found.labels[code] for code in found.codes] == [
        f"country {fact.country}" for fact in facts
    ]


def test_an_older_folder_without_subjects_falls_back_to_facts_and_says_so(tmp_path: Path) -> None:
    files = folder(tmp_path)
    old = pd.read_parquet(tmp_path / "facts.parquet").drop(columns="subject")
    old.to_parquet(tmp_path / "facts.parquet")
    found = fact_clusters(files, FACTS)
    assert found.count == 3 and found.kind == "fact" and "Run the same `lrp2-bench search` again" in found.warning
    (tmp_path / "facts.parquet").unlink()
    assert "is missing" in fact_clusters(files, FACTS).warning
    assert not fact_clusters(files, FACTS, "fact").warning  # nobody asked for subjects


def test_clusters_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="countries are unknown. Use stats.cluster=subject"):
        fact_clusters(RunFolder(tmp_path), FACTS, "country")
    with pytest.raises(BenchError, match="auto, country, subject, fact|subjet"):
        fact_clusters(RunFolder(tmp_path), FACTS, "subjet")


@pytest.mark.parametrize("kind", ["fact", "auto"])
def test_the_wordings_of_a_fact_are_one_cluster(tmp_path: Path, kind: str) -> None:
    asked = [("P36", name + wording) for name in ("a", "b") for wording in ("", "#w2", "#w3")]
    found = fact_clusters(RunFolder(tmp_path), asked, kind)  # no facts.parquet, so that subjects are unknown
    assert found.kind == "fact" and found.codes.tolist() == [0, 0, 0, 1, 1, 1]
