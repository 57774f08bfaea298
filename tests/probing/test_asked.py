"""Facts in all their wordings, and with filtered pools: which are asked, and what the digest says of it."""

from __future__ import annotations

from dataclasses import replace

from lrp2_bench.core.settings import ProbingSettings, Templates
from lrp2_bench.core.types import Fact, ParallelFacts, Relation
from lrp2_bench.probing.asked import as_asked
from lrp2_bench.results.stored_hits import first_wording

FACTS = (
    Fact("lang", 1, "u1", "Peru", "P", "Spanish", "es"),
    Fact("lang", 2, "u2", "Peru", "P", "Quechua", "qu"),
    Fact("lang", 3, "u3", "Mali", "M", "Bambara", "bm", ("Own [X] [Y]",)),
)


def facts(paraphrases: tuple[str, ...] = ("[Y] in [X]",)) -> ParallelFacts:
    relation = Relation.whole("lang", "[X] speaks [Y]", FACTS, paraphrases=paraphrases)
    return ParallelFacts("de", "en", (relation,), (replace(relation, template="[X] says [Y]"),), "digest")


def test_nothing_changes_by_default() -> None:
    given = facts()
    assert as_asked(given, ProbingSettings()) is given


def test_every_wording_of_a_fact_is_asked_and_the_pivots_first_alone() -> None:
    found = as_asked(facts(), ProbingSettings(templates=Templates.all))
    (ours,), (theirs,) = found.relations, found.pivot_relations
    assert [ours.fill(fact, "?").text for fact in ours.facts] == [
        "Peru speaks ?", "? in Peru", "Peru speaks ?", "? in Peru", "Own Mali ?",
    ]  # fmt: skip
    assert [fact.uuid for fact in ours.facts] == ["u1", "u1#w2", "u2", "u2#w2", "u3"]
    assert [fact.line_id for fact in ours.facts] == [1, 1, 2, 2, 3]
    assert theirs.facts == FACTS and ours.by_line[1].uuid == "u1"
    assert {first_wording(("lang", fact.uuid))[1] for fact in ours.facts} == {"u1", "u2", "u3"}


def test_the_digest_says_which_wordings_and_answers_there_are() -> None:
    every, filtered = ProbingSettings(templates=Templates.all), ProbingSettings(filtered=True)
    both = ProbingSettings(templates=Templates.all, filtered=True)
    digests = {as_asked(facts(), each).digest for each in (ProbingSettings(), every, filtered, both)}
    assert len(digests) == 4
    assert as_asked(facts(("[Y] from [X]",)), every).digest != as_asked(facts(), every).digest
    more = facts()
    known = replace(more.relations[0], answers={})
    assert as_asked(replace(more, relations=(known,)), filtered).digest != as_asked(more, filtered).digest


def test_a_language_as_its_own_pivot_has_its_wordings_on_both_sides() -> None:
    given = facts()
    own = ParallelFacts("de", "de", given.relations, given.relations, "digest")
    found = as_asked(own, ProbingSettings(templates=Templates.all))
    assert found.relations is found.pivot_relations or found.relations == found.pivot_relations
