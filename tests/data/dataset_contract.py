"""What every dataset keeps, whatever it reads: a new one inherits these tests by naming itself below."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.prompts import fill_template
from lrp2_bench.core.types import Relation
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.selection import SelectedDataset, Selection
from lrp2_bench.probing.pools import pool_of


class DatasetContract(ABC):
    """``language`` and ``pivot`` share facts, ``relations`` are two that both can be asked, in their order."""

    language: str
    pivot: str = "en"
    relations: tuple[str, str]
    misspelt: tuple[str, str]  # a name of no language, and the code it should suggest

    @abstractmethod
    @pytest.fixture
    def options(self) -> dict[str, Any]:
        """What the dataset is made with, beside relations and limit."""

    @abstractmethod
    def make(self, **options: Any) -> Dataset:
        """The dataset."""

    def relations_of(self, options: dict[str, Any], **more: Any) -> tuple[list[Relation], list[Relation]]:
        parallel = self.make(**options, **more).facts(self.language, self.pivot, DataWarnings())
        return list(parallel.relations), list(parallel.pivot_relations)

    def test_languages_are_sorted_and_hold_both(self, options: dict[str, Any]) -> None:
        languages = self.make(**options).languages()
        assert list(languages) == sorted(set(languages))
        assert {self.language, self.pivot} <= set(languages)

    def test_the_pivot_has_the_facts_of_the_same_ids_in_the_languages_order(self, options: dict[str, Any]) -> None:
        ours, theirs = self.relations_of(options)
        assert [relation.name for relation in ours] == [relation.name for relation in theirs]
        for mine, other in zip(ours, theirs, strict=True):
            order = {fact.key: place for place, fact in enumerate(mine.facts)}
            places = [order[fact.key] for fact in other.facts]
            assert places == sorted(places)
            for place, fact in zip(places, other.facts, strict=True):
                same = mine.facts[place]
                assert (fact.uuid, fact.subject_id, fact.object_id) == (same.uuid, same.subject_id, same.object_id)
        assert any(relation.facts for relation in theirs)

    def test_ids_are_unique_and_objects_stand_in_their_pools(self, options: dict[str, Any]) -> None:
        for relations in self.relations_of(options):
            uuids = [fact.uuid for relation in relations for fact in relation.facts]
            keys = [fact.key for relation in relations for fact in relation.facts]
            assert len(set(uuids)) == len(uuids) == len(set(keys))
            for relation in relations:
                for fact in relation.facts:
                    assert relation.objects[fact.object_id] == fact.object and fact.object in relation.pool

    def test_every_query_has_its_slots_filled(self, options: dict[str, Any]) -> None:
        for relations in self.relations_of(options):
            for relation in relations:
                for fact in relation.facts:
                    for template in relation.templates_of(fact):
                        query = fill_template(template, fact.subject, "[MASK]").text
                        assert "[X]" not in template or fact.subject in query
                        assert query.count("[MASK]") == 1
                        assert "[" not in query.replace("[MASK]", "").replace(fact.subject or "no subject", "")
                    assert relation.fill(fact, "[MASK]").text

    def test_candidates_hold_the_right_object_and_nothing_that_has_no_label(self, options: dict[str, Any]) -> None:
        for relations in self.relations_of(options):
            for relation in relations:
                for fact in relation.facts:
                    ids = relation.candidates_of(fact)
                    assert set(ids) <= relation.objects.keys() and len(set(ids)) == len(ids)
                    assert fact.object in {relation.objects[each] for each in ids}

    def test_the_right_objects_of_a_subject_are_those_of_the_whole_relation(self, options: dict[str, Any]) -> None:
        for whole, cut in zip(self.relations_of(options), self.relations_of(options, limit=1), strict=True):
            for before, after in zip(whole, cut, strict=True):
                for fact in after.facts:
                    others = {f.object for f in before.facts if f.subject_id == fact.subject_id} - {fact.object}
                    assert others <= after.other_answers(fact) == before.other_answers(fact)

    def test_pools_are_filtered_of_the_other_right_objects_alone(self, options: dict[str, Any]) -> None:
        for relations in self.relations_of(options):
            for relation in relations:
                full, filtered = (pool_of(relation, None, 0, filtered=each) for each in (False, True))
                for row, fact in enumerate(relation.facts):
                    gone = {full.labels[place] for place in (full.allowed[row] & ~filtered.allowed[row]).nonzero()[0]}
                    asked = {relation.objects[each] for each in relation.candidates_of(fact)}
                    assert gone == relation.other_answers(fact) & asked
                    assert filtered.allowed[row, filtered.gold[row]]

    def test_a_sample_is_the_same_facts_in_both_languages(self, options: dict[str, Any]) -> None:
        languages = [self.language, self.pivot]
        sampled = SelectedDataset(self.make(**options), Selection.of(sample=3, sample_languages=languages))
        found = [sampled.facts(code, self.pivot, DataWarnings()) for code in languages]
        keys = [{fact.key for relation in facts.relations for fact in relation.facts} for facts in found]
        assert keys[0] == keys[1] and len(keys[0]) == 3
        assert sampled.languages() == self.make(**options).languages() and sampled.name == self.make(**options).name

    def test_the_facts_of_a_list_are_asked_alone(self, options: dict[str, Any], tmp_path: Path) -> None:
        ours, _ = self.relations_of(options)
        wanted = [ours[0].facts[-1], ours[1].facts[0]]
        rows = [f'"{wanted[0].relation}","{wanted[0].uuid}"', f'"{wanted[1].relation}",{wanted[1].line_id}']
        (tmp_path / "some facts.csv").write_text("\n".join(["relation,fact", *rows]), encoding="utf-8")
        listed = SelectedDataset(self.make(**options), Selection.of(facts=str(tmp_path / "some facts.csv")))
        relations = listed.facts(self.language, self.pivot, DataWarnings()).relations
        assert {fact.key for relation in relations for fact in relation.facts} == {fact.key for fact in wanted}
        whole = {relation.name: relation.pool for relation in ours}
        assert all(relation.pool == whole[relation.name] for relation in relations)

    @pytest.mark.parametrize("limit", [1, 2])
    def test_a_limit_keeps_the_first_facts_and_whole_pools(self, limit: int, options: dict[str, Any]) -> None:
        whole, cut = self.relations_of(options), self.relations_of(options, limit=limit)
        for before, after in zip(whole[0], cut[0], strict=True):
            assert after.facts == before.facts[:limit] and after.pool == before.pool
        for before, after, ours in zip(whole[1], cut[1], cut[0], strict=True):
            kept = {fact.key for fact in ours.facts}
            assert after.facts == tuple(fact for fact in before.facts if fact.key in kept)
            assert after.pool == before.pool

    def test_relations_are_picked_by_name(self, options: dict[str, Any]) -> None:
        ours, theirs = self.relations_of(options, relations=list(reversed(self.relations)))
        assert [relation.name for relation in ours] == [relation.name for relation in theirs] == list(self.relations)

    def test_a_language_as_its_own_pivot_has_its_facts_twice(self, options: dict[str, Any]) -> None:
        parallel = self.make(**options).facts(self.pivot, self.pivot, DataWarnings())
        assert parallel.relations == parallel.pivot_relations

    def test_the_digest_names_what_is_probed(self, options: dict[str, Any]) -> None:
        def digest(language: str = self.language, pivot: str = self.pivot, **more: Any) -> str:
            return self.make(**options, **more).facts(language, pivot, DataWarnings()).digest

        first = digest()
        assert digest() == first
        others = {digest(limit=1), digest(relations=[self.relations[0]]), digest(language=self.pivot)}
        assert len(others | {first}) == 4

    def test_an_unknown_language_suggests_the_nearest(self, options: dict[str, Any]) -> None:
        name, meant = self.misspelt
        for language, pivot in ((name, self.pivot), (self.language, name)):
            with pytest.raises(UnknownNameError, match=f"'{name}'.*Did you mean '{meant}'"):
                self.make(**options).facts(language, pivot, DataWarnings())

    def test_an_unknown_relation_lists_those_there(self, options: dict[str, Any]) -> None:
        with pytest.raises(UnknownNameError, match=rf"(?s)relation.*'P99999'.*{self.relations[0]}.*dataset.relations"):
            self.make(**options, relations=["P99999"]).facts(self.language, self.pivot, DataWarnings())

    def test_a_relation_that_yaml_reads_as_a_number_is_looked_for_by_its_name(self, options: dict[str, Any]) -> None:
        with pytest.raises(UnknownNameError, match=rf"(?s)relation.*'101'.*{self.relations[0]}.*dataset.relations"):
            self.make(**options, relations=[101]).facts(self.language, self.pivot, DataWarnings())

    @pytest.mark.parametrize(
        "wrong", [{"limit": 0}, {"limit": -2}, {"limit": True}, {"relations": []}, {"relations": [None]}]
    )
    def test_settings_that_pick_nothing_are_refused(self, wrong: dict[str, Any], options: dict[str, Any]) -> None:
        [name] = wrong
        with pytest.raises(BenchError, match=f"dataset.{name}"):
            self.make(**options, **wrong)
