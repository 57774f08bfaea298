"""mLAMA's facts are those of its files, limits cut the language alone, and the pivot has the same facts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.data.mlama import MLama
from tests.support import toy
from tests.support.toy import change_mlama, mlama_file, mlama_rows


def test_facts_templates_and_pools_are_those_of_the_files(toy_mlama: Path) -> None:
    parallel = MLama(toy_mlama).facts("de", "en", DataWarnings())
    assert [relation.name for relation in parallel.relations] == ["P17", "P30", "P36"]
    for ours, theirs in zip(parallel.relations, parallel.pivot_relations, strict=True):
        for relation, language in ((ours, "de"), (theirs, "en")):
            rows = mlama_rows(toy_mlama, language, relation.name)
            assert relation.template == toy.TEMPLATES[language][relation.name]
            assert [(f.line_id, f.uuid, f.subject, f.object) for f in relation.facts] == [
                (row["lineid"], row["uuid"], row["sub_label"], row["obj_label"]) for row in rows
            ]
            assert relation.pool == tuple(sorted({row["obj_label"] for row in rows}))


def test_relations_come_in_the_order_of_their_numbers(toy_copy: Path) -> None:
    shutil.copy(mlama_file(toy_copy, "de", "P36"), mlama_file(toy_copy, "de", "P101"))
    templates = mlama_file(toy_copy, "de", "templates")
    templates.write_text(templates.read_text("utf-8") + '{"relation": "P101", "template": "[X] [Y]"}\n', "utf-8")
    names = [relation.name for relation in MLama(toy_copy).facts("de", "de", DataWarnings()).relations]
    assert names == ["P17", "P30", "P36", "P101"]
    chosen = MLama(toy_copy, relations=["P101", "P36", "P101"]).facts("de", "de", DataWarnings()).relations
    assert [relation.name for relation in chosen] == ["P36", "P101"]


def test_the_pivot_has_the_languages_facts_by_line_id_and_in_its_order(toy_copy: Path) -> None:
    change_mlama(toy_copy, "en", "P36", lambda rows: rows.reverse())
    change_mlama(toy_copy, "zh", "P36", lambda rows: rows.append(rows[0] | {"lineid": 99, "uuid": "zh only"}))
    parallel = MLama(toy_copy, relations=["P36"]).facts("zh", "en", DataWarnings())
    ours, theirs = parallel.relations[0].facts, parallel.pivot_relations[0].facts
    assert [fact.line_id for fact in ours] == [0, 1, 2, 3, 4, 5, 7, 99]
    assert [fact.line_id for fact in theirs] == [0, 1, 2, 3, 4, 5, 7]
    assert all(a.uuid == b.uuid and a.object_id == b.object_id for a, b in zip(ours, theirs, strict=False))


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_a_limit_keeps_the_languages_first_facts_and_leaves_the_pools_whole(limit: int, toy_copy: Path) -> None:
    change_mlama(toy_copy, "de", "P36", lambda rows: rows.reverse())
    whole = MLama(toy_copy).facts("de", "en", DataWarnings())
    cut = MLama(toy_copy, limit=limit).facts("de", "en", DataWarnings())
    for k, relation in enumerate(whole.relations):
        assert cut.relations[k].facts == relation.facts[:limit]
        assert cut.relations[k].pool == relation.pool
        wanted = {fact.line_id for fact in relation.facts[:limit]}
        expected = [fact for fact in whole.pivot_relations[k].facts if fact.line_id in wanted]
        assert list(cut.pivot_relations[k].facts) == expected
        assert cut.pivot_relations[k].pool == whole.pivot_relations[k].pool


def test_the_language_as_its_own_pivot_gives_its_facts_twice(toy_mlama: Path) -> None:
    parallel = MLama(toy_mlama).facts("en", "en", DataWarnings())
    assert parallel.relations == parallel.pivot_relations


def test_a_fact_the_pivot_lacks_stays_the_languages(toy_mlama: Path) -> None:
    parallel = MLama(toy_mlama, relations=["P36"]).facts("de", "zh", DataWarnings())
    assert len(parallel.relations[0].facts) == 8
    assert len(parallel.pivot_relations[0].facts) == 7


def test_the_digest_names_the_facts_as_probed(toy_copy: Path) -> None:
    def digest(**options: Any) -> str:
        return MLama(toy_copy, **options).facts("de", "en", DataWarnings()).digest

    before = {
        digest(),
        digest(limit=3),
        digest(relations=["P36"]),
        MLama(toy_copy).facts("de", "zh", DataWarnings()).digest,
    }
    assert len(before) == 4
    assert digest() in before
    change_mlama(toy_copy, "en", "P36", lambda rows: rows[2].update(obj_label="Peking"))
    assert digest() not in before


@pytest.mark.parametrize(("name", "meant"), [("ger", "de"), ("German", "de"), ("cmn", "zh"), ("DE", "de")])
def test_an_unknown_language_suggests_the_one_meant_and_lists_those_there(
    name: str, meant: str, toy_mlama: Path
) -> None:
    with pytest.raises(UnknownNameError, match=rf"(?s)'{name}'.*Did you mean '{meant}'\?.*Known: de, en, zh\."):
        MLama(toy_mlama).facts(name, "en", DataWarnings())
    with pytest.raises(UnknownNameError, match=f"Did you mean '{meant}'"):
        MLama(toy_mlama).facts("en", name, DataWarnings())


def test_an_unknown_relation_lists_those_there(toy_mlama: Path) -> None:
    with pytest.raises(
        UnknownNameError, match=r"(?s)relation of 'de' 'P37'.*Known: P17, P30, P36\..*dataset.relations"
    ):
        MLama(toy_mlama, relations=["P36", "P37"]).facts("de", "en", DataWarnings())


@pytest.mark.parametrize("limit", [0, -1, 1.5, "3"])
def test_a_limit_that_is_no_count_is_refused(limit: Any) -> None:
    with pytest.raises(BenchError, match=f"dataset.limit={limit}"):
        MLama("x", limit=limit)


@pytest.mark.parametrize("relations", [[], "P36", 36, {"P36": 1}])
def test_relations_that_are_no_list_of_names_are_refused(relations: Any) -> None:
    with pytest.raises(BenchError, match=r"dataset.relations=.*\[P36,P37\]"):
        MLama("x", relations=relations)


@pytest.mark.parametrize(("name", "read"), [(None, "null"), (True, "true"), (1.5, "1.5"), (["P36"], r"\['P36'\]")])
def test_an_entry_that_is_no_name_is_refused_with_the_quotes_that_make_it_one(name: Any, read: str) -> None:
    with pytest.raises(BenchError, match=rf"dataset.relations=.*: {read} is no name of a relation.*in quotes"):
        MLama("x", relations=["P36", name])
