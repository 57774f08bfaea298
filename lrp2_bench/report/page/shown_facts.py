"""Facts that a pair wins and loses, as the page lists them: counted in full, shown in part, each text once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair, Setting
from lrp2_bench.report.page.texts import plain
from lrp2_bench.report.run_evidence import Turned
from lrp2_bench.results.facts import SLOT, FactText
from lrp2_bench.results.layout import ANSWERS
from lrp2_bench.results.runs import Run
from lrp2_bench.results.scores import setting_of
from lrp2_bench.results.stored_hits import FactKey

#: Facts listed of those gained, and of those lost. 52 languages times two models times two pairs must fit a page.
SHOWN = 40
_QUERY, _LABEL = 240, 120  # characters

Entry = tuple[str | None, ...]


@dataclass
class FactTexts:
    """The page's table of facts. An entry is relation, what stands before the object, the object, what stands behind
    it, and the last three in the pivot's words (None where it lacks the fact); equal entries are held once."""

    entries: list[Entry] = field(default_factory=list)
    _places: dict[Entry, int] = field(default_factory=dict)

    def place(self, relation: str, text: FactText) -> int:
        ours, theirs = _sentence(text.query, text.object), _sentence(text.pivot_query, text.pivot_object)
        entry = (plain(relation, _LABEL), *ours, *theirs)
        if entry not in self._places:
            self._places[entry] = len(self.entries)
            self.entries.append(entry)
        return self._places[entry]


def facts_of(run: Run, turned: Mapping[LayerPair, Turned], texts: FactTexts) -> tuple[dict[str, Any], str | None]:
    """For each pair (as ``"3/5"``) the facts it wins and loses; and why no texts can be shown, if so."""
    try:
        known = run.files.facts()
        problem = None
    except BenchError as error:
        known, problem = {}, str(error)
    instead = _answers(run)
    return {
        str(pair): {
            "gained": _side(facts.gained, facts.right, known, texts, instead.get(None)),
            "lost": _side(facts.lost, facts.right, known, texts, instead.get(pair)),
        }
        for pair, facts in turned.items()
    }, problem


def _answers(run: Run) -> dict[Setting, dict[FactKey, str | None]]:
    """What was ranked first for each fact, by setting; empty where nothing was scored, or it cannot be read."""
    found: dict[Setting, dict[FactKey, str | None]] = {}
    if run.files.has(ANSWERS):
        with suppress(BenchError):  # told of with the tables of scores
            for one in run.files.answers():
                found.setdefault(setting_of(one.layers, run.own_strengths), {})[one.relation, one.uuid] = one.answer
    return found


def _side(
    facts: Sequence[FactKey],
    right: frozenset[FactKey],
    known: Mapping[FactKey, FactText],
    texts: FactTexts,
    instead: Mapping[FactKey, str | None] | None,
) -> dict[str, Any]:
    """``count`` and, of these, ``pivot``: how many the pivot gets right. ``shown`` are places in the page's table of
    facts, ``right`` says for each whether the pivot gets it right, and ``instead`` (None where it was not scored) what
    was answered where it is missed."""
    shown = [fact for fact in _spread(facts) if fact in known][:SHOWN]
    return {
        "count": len(facts),
        "pivot": sum(fact in right for fact in facts),
        "shown": [texts.place(fact[0], known[fact]) for fact in shown],
        "right": [int(fact in right) for fact in shown],
        "instead": [_answer(instead.get(fact)) for fact in shown] if instead is not None else None,
    }


def _answer(text: str | None) -> str | None:
    return None if text is None else plain(text, _LABEL)


def _spread(facts: Sequence[FactKey]) -> list[FactKey]:
    """One of each relation in turn, so that the first few show them all."""
    by_relation: dict[str, list[FactKey]] = defaultdict(list)
    for fact in facts:
        by_relation[fact[0]].append(fact)
    return [fact for fact in chain.from_iterable(zip_longest(*by_relation.values())) if fact is not None]


def _sentence(query: str | None, answer: str | None) -> tuple[str | None, str | None, str | None]:
    if query is None or answer is None:
        return None, None, None
    before, slot, behind = plain(query, _QUERY).partition(SLOT)
    # Cut off, or a label that holds the slot's text: then the answer stands at the end.
    return (before, plain(answer, _LABEL), behind) if slot else (f"{before} ", plain(answer, _LABEL), "")
