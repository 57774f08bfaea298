"""Entries of a table as relations of one language. What contradicts itself or cannot be asked is a fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.data.labels import composed, line_id_of, slot_problem
from lrp2_bench.data.parallel import natural
from lrp2_bench.data.rows import Faults
from lrp2_bench.data.table.files import Entry

#: Kinds of :class:`DataWarnings` counted here.
NO_TEMPLATE = "Relations without a template were skipped"
NO_FACTS = "Templates without facts"
SECOND_LABEL = "Objects with a second label go by their first"
SINGLE = "Relations with a single candidate, which any model gets right"
REPEATED = "Templates that repeat one of their relation were left out"


@dataclass
class _Named:
    """A fact's first row, and its own wordings."""

    row: Entry
    line_id: int
    subject: str
    object: str
    templates: list[str] = field(default_factory=list)


@dataclass
class LanguageEntries:
    """One language's rows of a relation."""

    facts: Sequence[Entry]
    templates: Sequence[Entry]
    candidates: Sequence[Entry]


class RelationBuilder:
    """Of one language. ``prefixed``: ids of facts repeat from relation to relation, so that uuids name both."""

    def __init__(self, language: str, faults: Faults, data_warnings: DataWarnings, *, prefixed: bool) -> None:
        self._language, self._faults, self._data_warnings = language, faults, data_warnings
        self._prefixed = prefixed
        self._subjects: dict[str, str] = {}  # ids by label, over all relations

    def build(self, name: str, rows: LanguageEntries) -> Relation | None:
        """None, counted or a fault, where nothing can be asked."""
        before = len(self._faults.found)
        templates = self._templates(rows.templates)
        if not rows.facts:
            for entry in rows.templates[:1]:
                self._data_warnings.add(NO_FACTS, f"{entry.place} {name}")
            if rows.candidates:
                self._faults.add(
                    rows.candidates[0].place, f"candidates of '{name}' in '{self._language}', which has no such facts"
                )
            return None
        named = self._named(rows.facts)
        own = {tuple(fact.templates) for fact in named.values()}
        if not templates and len(own) == 1:  # a file that repeats the relation's templates with each fact
            templates = list(next(iter(own)))
            for fact in named.values():
                fact.templates.clear()
        asked = {key: fact for key, fact in named.items() if fact.templates or templates}
        if len(asked) < len(named):
            place = next(fact.row.place for key, fact in named.items() if key not in asked)
            self._data_warnings.add(NO_TEMPLATE, f"{self._language} {name} ({place})")
        self._check_subjects(asked, rows.templates, templates)
        if not asked or len(self._faults.found) > before:
            return None
        facts = self._facts(name, asked, templates)
        return self._with_candidates(name, facts, templates or list(facts[0].templates), rows.candidates)

    def _templates(self, rows: Sequence[Entry]) -> list[str]:
        found: list[str] = []
        for row in rows:
            template = composed(row.template, row.place, self._data_warnings)
            if not self._is_askable(template, row.place):
                continue
            if template in found:
                self._data_warnings.add(REPEATED, row.place)
            else:
                found.append(template)
        return found

    def _is_askable(self, template: str, place: str) -> bool:
        if slot_problem(template, subject="[X]" in template) is None:
            return True
        counts = f"[X] {template.count('[X]')} times and [Y] {template.count('[Y]')} times"
        self._faults.add(
            place,
            f"the template '{template[:80]}' holds {counts}; it needs one [Y], one [X] (none where facts have no "
            "subject) and no other slot in brackets",
        )
        return False

    def _named(self, rows: Sequence[Entry]) -> dict[str, _Named]:
        named: dict[str, _Named] = {}
        for row in rows:
            subject, object_ = (composed(text, row.place, self._data_warnings) for text in (row.subject, row.object))
            known = named.get(row.fact)
            template = composed(row.template, row.place, self._data_warnings)
            if known is None:
                line_id = line_id_of(row.fact)
                if line_id is None:  # only blank texts are no ids, and those are faults
                    continue
                known = named[row.fact] = _Named(row, line_id, subject, object_)
            elif (known.subject, known.object) != (subject, object_) or template in ("", *known.templates):
                same = (known.subject, known.object) == (subject, object_)
                with_ = "" if same else f", there '{known.subject} - {known.object}', here '{subject} - {object_}'"
                self._faults.add(
                    row.place,
                    f"fact '{row.fact}' of '{row.relation}' in '{self._language}' is already at {known.row.place}"
                    f"{with_}; give each fact an id of its own, several right objects of a subject too",
                )
                continue
            if template and self._is_askable(template, row.place):
                known.templates.append(template)
        return named

    def _check_subjects(self, named: Mapping[str, _Named], rows: Sequence[Entry], templates: Sequence[str]) -> None:
        """[X] and subjects go together. A template that names the subject itself is that of a single one."""
        nameless: dict[str, _Named] = {}
        for fact in named.values():
            for template in fact.templates or templates:
                if "[X]" in template and not fact.subject:
                    self._faults.add(fact.row.place, f"no subject for [X] of the template '{template[:80]}'")
                elif "[X]" not in template and fact.subject:
                    first = nameless.setdefault(template, fact)
                    if first.subject != fact.subject:
                        place = next((row.place for row in rows if row.template == template), first.row.place)
                        self._faults.add(
                            place,
                            f"the template '{template[:80]}' has no [X], but is to be asked for several subjects "
                            f"('{first.subject}', '{fact.subject}'); put [X] where the subject stands",
                        )
                        return

    def _facts(self, name: str, named: Mapping[str, _Named], templates: Sequence[str]) -> tuple[Fact, ...]:
        by_id = sorted(named, key=natural)
        uuids = {key: f"{name}/{key}" if self._prefixed else key for key in named}
        subjects = self._subject_ids(by_id, named, templates, uuids)
        objects = {named[key].object: f"object of {key}" for key in reversed(by_id)}
        labels: dict[str, str] = {}
        facts = []
        for key, fact in named.items():
            object_id = fact.row.object_id or objects[fact.object]
            label = labels.setdefault(object_id, fact.object)
            if label != fact.object:
                self._data_warnings.add(SECOND_LABEL, fact.row.place)
            facts.append(
                Fact(
                    name, fact.line_id, uuids[key], fact.subject, fact.row.subject_id or subjects[key], label,
                    object_id, tuple(fact.templates),
                )
            )  # fmt: skip
        return tuple(facts)

    def _subject_ids(
        self, keys: Sequence[str], named: Mapping[str, _Named], templates: Sequence[str], uuids: Mapping[str, str]
    ) -> dict[str, str]:
        """By fact, the id of its subject: that of the first fact, of any relation, that has the same label, for whoever
        gives no ids means the entity by its label.

        A blank label is no name that facts could share. Those without a subject are about the same thing where they are
        asked in the same words, be they the relation's ``templates`` or a wording of their own.
        """
        nameless: dict[str, str] = {}
        found = {}
        for key in keys:
            fact, own = named[key], f"subject of {uuids[key]}"
            if fact.subject:
                found[key] = self._subjects.setdefault(fact.subject, own)
                continue
            wordings = fact.templates or templates
            found[key] = next((nameless[each] for each in wordings if each in nameless), own)
            for each in wordings:
                nameless.setdefault(each, found[key])
        return found

    def _with_candidates(
        self, name: str, facts: tuple[Fact, ...], templates: Sequence[str], rows: Sequence[Entry]
    ) -> Relation:
        objects = {fact.object_id: fact.object for fact in facts}
        ids = {label: object_id for object_id, label in reversed(objects.items())}
        lists: dict[str, dict[str, str]] = {}  # by fact ("" for the relation): id -> label
        for row in rows:
            label = composed(row.object, row.place, self._data_warnings)
            object_id = row.object_id or ids.get(label, f"candidate {label}")
            lists.setdefault(row.fact, {}).setdefault(object_id, objects.get(object_id, label))
        whole = lists.pop("", objects)
        own = self._own_lists(lists, facts, rows)
        self._check_lists(facts, whole, own, rows)
        everything = {key: label for some in (whole, *own.values()) for key, label in some.items()}
        candidates = {line: tuple(some) for line, some in own.items()}
        if own:  # what stands in the list of one fact is no candidate of the others
            others = tuple(whole)
            candidates = {fact.line_id: tuple(own[fact.line_id]) if fact.line_id in own else others for fact in facts}
        relation = Relation.whole(
            name, templates[0], facts, {**objects, **everything} if not rows else everything,
            paraphrases=tuple(templates[1:]), candidates=candidates,
        )  # fmt: skip
        if len(relation.pool) == 1:
            self._data_warnings.add(SINGLE, f"{self._language} {name}")
        return relation

    def _own_lists(
        self, lists: Mapping[str, dict[str, str]], facts: Sequence[Fact], rows: Sequence[Entry]
    ) -> dict[int, dict[str, str]]:
        known = {fact.line_id for fact in facts}
        places = {row.fact: row.place for row in reversed(rows)}
        own = {}
        for key, some in lists.items():
            line_id = line_id_of(key)
            if line_id in known and line_id is not None:
                own[line_id] = some
            else:
                self._faults.add(
                    places[key], f"candidates of fact '{key}', which '{self._language}' has not in this relation"
                )
        return own

    def _check_lists(
        self, facts: Sequence[Fact], whole: Mapping[str, str], own: Mapping[int, Mapping[str, str]],
        rows: Sequence[Entry],
    ) -> None:  # fmt: skip
        places = {bool(row.fact): row.place for row in reversed(rows)}
        whole_labels = set(whole.values())
        for fact in facts:
            of_fact = fact.line_id in own
            labels = set(own[fact.line_id].values()) if of_fact else whole_labels
            if fact.object not in labels:
                shown = ", ".join(nsmallest(8, labels))
                self._faults.add(
                    places[of_fact],
                    f"'{fact.object}', the object of fact '{fact.uuid}' in '{self._language}', is not among the "
                    f"candidates {'of the fact' if of_fact else f'of {fact.relation!r}'} ({shown}); add it",
                )
