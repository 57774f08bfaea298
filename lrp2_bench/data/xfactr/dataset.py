"""X-FACTR (Jiang et al., EMNLP 2020): 46 relations of up to 1,000 facts, prompts by native speakers in 23 languages.

Read from a folder or zip in the layout of its repository's ``data`` folder, below any parent folders:
``TREx_prompts.csv`` (a prompt per relation and language), ``mTRExf/sub/P36.jsonl`` (facts, shared by all languages),
``alias/mTRExf/LANG.txt`` (names) and, where they are, ``mTRExf_unicode_escape.txt`` (labels) and
``mTRExf_gender.txt``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.languages import aliases
from lrp2_bench.core.types import Fact, ParallelFacts, Relation
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.labels import BAD_SLOTS, composed
from lrp2_bench.data.parallel import content, matching, natural, require_selection
from lrp2_bench.data.xfactr.files import PROMPTS, Triple, XFactrFiles
from lrp2_bench.data.xfactr.prompts import GENDER, KNOWN_SLOTS, Prompt, UnknownSlotError, parse_prompt

REPOSITORY = "https://github.com/jzbjyb/X-FACTR"


class XFactr(Dataset):
    """X-FACTR from ``path``. ``relations`` and ``limit`` as for mLAMA: named relations; the first N facts of each
    relation of the *language* in file order, pools from the whole files.

    A fact exists in a language that names its subject and its object. What prompts ask for and the data do not hold
    (cases, articles, most genders) is counted per language, and so is every relation and fact left out.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        relations: Sequence[str] | None = None,
        limit: int | None = None,
        name: str = "xfactr",
    ) -> None:
        self._wanted = require_selection(relations, limit)
        if path is None:
            raise BenchError(
                "dataset=xfactr needs dataset.path=ZIP_OR_DIR: it is not downloaded. "
                f"Clone {REPOSITORY} and give its data folder, or a zip of it."
            )
        self.name = name
        self._path = Path(path).expanduser()
        self._limit = limit
        self._opened: XFactrFiles | None = None

    @classmethod
    def published_languages(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(published_digests())

    def languages(self) -> tuple[str, ...]:
        return self._files().languages

    def facts(self, language: str, pivot: str, data_warnings: DataWarnings) -> ParallelFacts:
        ours = self._language(language, data_warnings)
        wanted = self._names(ours)
        found = [(name, ours.relation(name, named=self._wanted is not None)) for name in wanted]
        relations = tuple(whole.only(whole.facts[: self._limit]) for name, whole in found if whole is not None)
        if not relations:
            raise BenchError(
                f"No relation of '{language}' can be probed: {', '.join(wanted)}. Each has no facts that the language "
                "names, or no prompt with one [X] and one [Y]. Set dataset.relations to others."
            )
        pivot_relations = relations
        if language != pivot:
            theirs = self._language(pivot, data_warnings)
            pivot_relations = tuple(matching(relation, theirs.relation(relation.name)) for relation in relations)
        digest = sha256_json([content(relations), content(pivot_relations)])
        return ParallelFacts(language, pivot, relations, pivot_relations, digest)

    def _names(self, ours: _Language) -> list[str]:
        known = self._files().relations
        for name in self._wanted or ():
            if name not in known or name not in ours.prompts:
                there = [other for other in known if other in ours.prompts]
                raise UnknownNameError(f"relation of '{ours.language}'", name, there, "Set dataset.relations.")
        return sorted(set(self._wanted or (name for name in known if name in ours.prompts)), key=natural)

    def _files(self) -> XFactrFiles:
        if self._opened is None:
            self._opened = XFactrFiles(self._path)
        return self._opened

    def _language(self, language: str, data_warnings: DataWarnings) -> _Language:
        files = self._files()
        if language not in files.languages:
            if language in files.prompts:
                raise BenchError(
                    f"X-FACTR in '{self._path}' has prompts in '{language}' but no names: alias/mTRExf/{language}.txt "
                    f"is missing. Languages with both: {', '.join(files.languages)}."
                )
            raise UnknownNameError("language", language, files.languages, "The dataset holds no others.", aliases())
        return _Language(files, language, data_warnings)


class _Language:
    """One language's side of the dataset; its blemishes are counted while it is read."""

    def __init__(self, files: XFactrFiles, language: str, data_warnings: DataWarnings) -> None:
        self.language = language
        self.prompts = files.prompts[language]
        self._files, self._data_warnings = files, data_warnings
        self._entities = {
            entity: composed(name, f"{language} {entity}", data_warnings)
            for entity, name in files.names(language, data_warnings).items()
        }
        if files.digest(language) != published_digests().get(language):
            # What was published is asked as it was (its prompts in Yoruba are decomposed); others as they are meant.
            self.prompts = {
                relation: composed(prompt, f"{language} {relation}", data_warnings)
                for relation, prompt in self.prompts.items()
            }
            data_warnings.add("Language differs from the X-FACTR this version was tested with", language)

    def relation(self, name: str, named: bool = False) -> Relation | None:
        """The whole relation, or None (counted) where nothing can be asked; ``named`` by the user, whose unknown slot
        raises :class:`BenchError`."""
        where = f"{self.language} {name}"
        try:
            prompt = parse_prompt(self.prompts.get(name, ""), self.language)
        except UnknownSlotError as error:
            if named:
                raise BenchError(
                    f"The prompt of {name} in '{self.language}' has an unknown slot {error}: {self.prompts[name]}\n"
                    f"Known slots: {KNOWN_SLOTS}. Fix {PROMPTS}, or leave {name} out of dataset.relations."
                ) from error
            self._add(
                f"Relations whose prompt in '{self.language}' has an unknown slot were skipped", f"{name} {error}"
            )
            return None
        if prompt.template.count("[X]") != 1 or prompt.template.count("[Y]") != 1:
            self._add(BAD_SLOTS, where)
            return None
        triples = self._files.triples(name, self._data_warnings)
        facts = tuple(fact for triple in triples if (fact := self._fact(name, triple)) is not None)
        if len(facts) < len(triples):
            kind = f"Facts that '{self.language}' has no names for are absent there"
            self._add(kind, name, len(triples) - len(facts))
        if not facts:
            self._add("Relations without facts", where)
            return None
        variants = self._variants(prompt, facts)
        self._count_stand_ins(name, prompt, facts, len(facts) - sum(fact.subject in variants for fact in facts))
        relation = Relation.whole(name, prompt.template, facts, variants=variants)
        if len(relation.pool) == 1:
            self._add("Relations with a single candidate, which any model gets right", where)
        return relation

    def _fact(self, name: str, triple: Triple) -> Fact | None:
        subject, object_ = self._entities.get(triple.subject), self._entities.get(triple.object)
        if subject is None or object_ is None:
            return None
        return Fact(name, triple.line_id, triple.uuid, subject, triple.subject, object_, triple.object)

    def _variants(self, prompt: Prompt, facts: Sequence[Fact]) -> dict[str, str]:
        """Subject's name -> template that agrees with it, where its gender is known; of namesakes the first decides."""
        variants: dict[str, str] = {}
        if prompt.forms:
            for fact in facts:
                gender = self._files.genders.get(fact.subject_id)
                if gender is not None:
                    variants.setdefault(fact.subject, prompt.forms[gender])
        return variants

    def _count_stand_ins(self, name: str, prompt: Prompt, facts: Sequence[Fact], of_unknown_gender: int) -> None:
        for kind in sorted(prompt.stand_ins):
            count = of_unknown_gender if kind == GENDER else len(facts)
            verb = "of which a name" if kind.startswith("is ") else "that are"
            if count:
                self._add(f"Facts in '{self.language}' {verb} {kind}", name, count)

    def _add(self, kind: str, where: str, count: int = 1) -> None:
        self._data_warnings.add(kind, where, count)


@cache
def published_digests() -> dict[str, str]:
    """Of the public repository's facts, by the code of each language it holds."""
    text = resources.files("lrp2_bench.data.xfactr").joinpath("digests.json").read_text("utf-8")
    digests: dict[str, str] = json.loads(text)
    return digests
