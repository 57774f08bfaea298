"""The facts of the study of Gemma 3 270M: what its design promises of the two files of ids."""

import csv
from collections import Counter

import pytest

from benchmarks.gemma3_270m.facts import REPORTING, SELECTION, candidates, split
from lrp2_bench.core.types import Fact
from lrp2_bench.data.mlama import MLama
from tests.support.paths import MLAMA_ZIP, REPOSITORY

_DATA = REPOSITORY / "docs" / "results" / "data"


def _fact(relation: str, line: int, subject: str) -> Fact:
    return Fact(relation, line, f"{relation}-{line}", subject, subject, "Y", "Q1")


def test_no_subject_is_in_both_parts_and_no_relation_is_over_its_share() -> None:
    found = {relation: [_fact(relation, n, f"Q{n}") for n in range(40)] for relation in ("P1", "P2")}
    selection, reporting = split(found)
    assert not {fact.subject_id for fact in selection} & {fact.subject_id for fact in reporting}
    assert set(Counter(fact.relation for fact in selection).values()) == {SELECTION}
    assert set(Counter(fact.relation for fact in reporting).values()) == {REPORTING}


def _stored(name: str) -> list[tuple[str, int]]:
    with (_DATA / name).open(encoding="utf-8", newline="") as file:
        return [(row["relation"], int(row["fact"])) for row in csv.DictReader(file)]


def test_the_stored_files_name_every_fact_once() -> None:
    both = _stored("selection.csv") + _stored("reporting.csv")
    assert len(set(both)) == len(both) == 123 + 308


@pytest.mark.system
@pytest.mark.skipif(not MLAMA_ZIP.exists(), reason="mLAMA does not lie beside the checkout")
def test_the_stored_files_are_what_the_rule_gives() -> None:
    selection, reporting = split(candidates(MLama(path=str(MLAMA_ZIP))))
    assert [fact.key for fact in selection] == _stored("selection.csv")
    assert [fact.key for fact in reporting] == _stored("reporting.csv")
