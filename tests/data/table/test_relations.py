"""Facts without a subject: they are about the same thing where they are asked in the same words."""

from __future__ import annotations

from pathlib import Path

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Relation
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.stats.fact_clusters import fact_clusters
from tests.support.toy_table import FACTS, table

COLOURS = """
    1,colour,en,,green,Grass is [Y].
    2,colour,en,,blue,The sky is [Y].
    3,colour,en,,white,Snow is [Y].
"""
SAME_WORDS = """
    1,colour,en,,green,A leaf is [Y].
    2,colour,en,,blue,The sky is [Y].
    3,colour,en,,red,Leaves are [Y].
    3,colour,en,,red,A leaf is [Y].
    4,colour,en,,grey,The sky is [Y].
"""


def relation_of(folder: Path, facts: str, templates: str = "") -> Relation:
    made = table(folder, facts, templates, head=FACTS + ("" if templates else ",template"))
    (relation,) = made.facts("en", "en", DataWarnings()).relations
    return relation


def candidates(relation: Relation) -> list[list[str]]:
    pool = pool_of(relation, None, 0, filtered=True)
    return [[pool.labels[place] for place in row.nonzero()[0]] for row in pool.allowed]


def test_facts_without_a_subject_that_are_asked_in_other_words_are_no_answers_of_each_other(tmp_path: Path) -> None:
    relation = relation_of(tmp_path, COLOURS)
    assert not relation.answers
    assert candidates(relation) == [["blue", "green", "white"]] * 3


def test_facts_without_a_subject_that_share_a_wording_are_one_question(tmp_path: Path) -> None:
    relation = relation_of(tmp_path, SAME_WORDS)
    assert [sorted(relation.other_answers(fact)) for fact in relation.facts] == [["red"], ["grey"], ["green"], ["blue"]]
    assert candidates(relation)[0] == ["blue", "green", "grey"]


def test_facts_without_a_subject_that_are_asked_by_the_relations_template_are_one_question(tmp_path: Path) -> None:
    relation = relation_of(tmp_path, "1,prime,en,,two\n2,prime,en,,three", "prime,en,[Y] is a prime number.")
    assert candidates(relation) == [["two"], ["three"]]
    assert len({fact.subject_id for fact in relation.facts}) == 1


def test_the_stored_subjects_tell_such_facts_apart_and_so_do_clusters(tmp_path: Path) -> None:
    relation = relation_of(tmp_path / "table", COLOURS)
    files = RunFolder(tmp_path)
    files.write_facts([(relation, relation)])
    assert fact_clusters(files, [(relation.name, fact.uuid) for fact in relation.facts], "subject").count == 3


def test_a_subject_without_an_id_is_the_same_in_every_relation_and_ids_of_facts_that_repeat_join_none(
    tmp_path: Path,
) -> None:
    rows = [(1, "capital", "Germany"), (2, "capital", "Italy"), (1, "currency", "Italy"), (2, "currency", "Germany")]
    facts = "".join(f"{fact},{name},en,{subject},{name} of {subject}\n" for fact, name, subject in rows)
    made = table(tmp_path / "table", facts, "capital,en,[X]: [Y]\ncurrency,en,[X]: [Y]", head=FACTS)
    files, relations = RunFolder(tmp_path), made.facts("en", "en", DataWarnings()).relations
    files.write_facts((one, one) for one in relations)
    asked = [fact for relation in relations for fact in relation.facts]
    codes = fact_clusters(files, [(fact.relation, fact.uuid) for fact in asked]).codes.tolist()
    of = dict(zip([(fact.relation, fact.subject) for fact in asked], codes, strict=True))
    assert of["capital", "Germany"] == of["currency", "Germany"] != of["capital", "Italy"] == of["currency", "Italy"]
