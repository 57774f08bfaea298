"""What every dataset keeps, whatever it reads: a new one inherits these tests by naming itself below."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.types import Relation
from lrp2_bench.data.dataset import Dataset


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
                    query = relation.fill(fact, "[MASK]").text
                    assert fact.subject in query and query.count("[MASK]") == 1
                    assert "[" not in query.replace("[MASK]", "").replace(fact.subject, "")

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

    @pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": -2}, {"relations": []}])
    def test_settings_that_pick_nothing_are_refused(self, wrong: dict[str, Any], options: dict[str, Any]) -> None:
        [name] = wrong
        with pytest.raises(BenchError, match=f"dataset.{name}"):
            self.make(**options, **wrong)
