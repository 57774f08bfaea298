"""The embedded dataset: real facts in the names of Unicode CLDR, built at run time from Babel, nothing to download."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.languages import LANGUAGES, aliases
from lrp2_bench.core.types import Fact, ParallelFacts, Relation
from lrp2_bench.data.cldr.facts import CldrFact, cldr_facts
from lrp2_bench.data.cldr.names import TESTED_CLDR, cldr_version, names_of
from lrp2_bench.data.cldr.templates import wordings
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.parallel import content, matching, require_selection

#: Kinds of :class:`DataWarnings` this dataset counts.
MISSING_NAME = "Facts without a CLDR name in the language are absent there"
GIVEN_AWAY = "Facts whose subject spells out their object were left out"
OTHER_CLDR = f"Babel's CLDR is another release than {TESTED_CLDR}, which the facts were written against"


#: Scripts that write no spaces between words.
_UNSPACED = frozenset({"Han", "Japanese", "Thai"})


class CldrDataset(Dataset):
    """About 1,750 facts in eight relations in each of the 53 languages (724 in Latin, 1,128 in Cebuano).

    ``relations`` picks relations by name. ``limit`` keeps the first N facts of each relation of the *language*, in an
    order drawn with ``seed`` and the same in every language, so that they are a sample and not the countries from A
    on; pools come from all facts. Without ``limit`` the seed changes the order only, and with it the digest.
    """

    def __init__(
        self, relations: Sequence[str] | None = None, limit: int | None = None, seed: int = 0, name: str = "cldr"
    ) -> None:
        relations = require_selection(relations, limit)
        known = cldr_facts()
        for relation in relations or ():
            if relation not in known:
                raise UnknownNameError("relation", relation, known, "Set dataset.relations.")
        self.name = name
        self._relations = tuple(relation for relation in known if relations is None or relation in relations)
        self._limit = limit
        self._seed = seed

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(LANGUAGES))

    def facts(self, language: str, pivot: str, data_warnings: DataWarnings) -> ParallelFacts:
        for code in (language, pivot):
            if code not in LANGUAGES:
                raise UnknownNameError("language", code, LANGUAGES, "These are the dataset's.", aliases())
        if cldr_version() != TESTED_CLDR:
            data_warnings.add(OTHER_CLDR, f"CLDR {cldr_version()}")
        relations, pivot_relations = [], []
        for name in self._relations:
            whole = self._relation(name, language, data_warnings)
            if whole is None:
                continue
            relation = whole.only(whole.facts[: self._limit])
            relations.append(relation)
            pivot_relations.append(relation if pivot == language else self._matching(relation, pivot, data_warnings))
        if not relations:
            raise BenchError(
                f"CLDR {cldr_version()} has no names in '{language}' for any fact of {', '.join(self._relations)}. "
                "Set dataset.relations to others, or install a complete Babel."
            )
        digest = sha256_json([content(relations), content(pivot_relations)])
        return ParallelFacts(language, pivot, tuple(relations), tuple(pivot_relations), digest)

    def _matching(self, relation: Relation, pivot: str, data_warnings: DataWarnings) -> Relation:
        counterpart = self._relation(relation.name, pivot, data_warnings)
        if counterpart is None:
            return Relation(relation.name, wordings(pivot).query(relation.name), (), {})
        return matching(relation, counterpart)

    def _relation(self, name: str, language: str, data_warnings: DataWarnings) -> Relation | None:
        """The whole relation in the seed's order, or None (counted) where the language has no name for any fact."""
        facts = tuple(self._named(name, language, data_warnings))
        if not facts:
            data_warnings.add("Relations without facts", f"{language} {name}")
            return None
        return Relation.whole(name, wordings(language).query(name), facts)

    def _named(self, name: str, language: str, data_warnings: DataWarnings) -> list[Fact]:
        facts = []
        for entry in sorted(cldr_facts()[name], key=self._rank):
            fact = named(entry, language)
            where = f"{language} {name} line {entry.line}"
            if fact is None:
                data_warnings.add(MISSING_NAME, where)
            elif gives_away(fact.subject, fact.object, language):
                data_warnings.add(GIVEN_AWAY, where)
            else:
                facts.append(fact)
        return facts

    def _rank(self, fact: CldrFact) -> str:
        return hashlib.sha256(f"{self._seed}:{fact.relation}:{fact.line}".encode()).hexdigest()


def named(entry: CldrFact, language: str) -> Fact | None:
    """A line of the table in the names of ``language``; None where it lacks the subject's or the object's."""
    names = names_of(language)
    subject, object_ = names.label(entry.subject), names.label(entry.object)
    if subject is None or object_ is None:
        return None
    return Fact(entry.relation, entry.line, entry.uuid, subject, entry.subject, object_, entry.object)


def gives_away(subject: str, object_: str, language: str) -> bool:
    """Whether the object stands in the subject as a word of its own (*Najdi Arabic* is written in *Arabic*)."""
    if LANGUAGES[language].script in _UNSPACED:
        return object_ in subject
    return re.search(rf"(?<!\w){re.escape(object_)}(?!\w)", subject, re.IGNORECASE) is not None
