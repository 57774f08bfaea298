"""Facts of your own: a folder of tables (facts, templates, candidates) or one file; any relations and languages.

``facts``: ``fact,relation,language,subject,object`` and, if you have them, ``subject_id,object_id``; a row is a fact in
a language, ``fact`` the id that joins languages. ``templates``: ``relation,language,template``, several rows of one
relation and language being paraphrases. ``candidates``: ``relation,language,object`` and, for a fact's own list,
``fact``. A single file of facts has a column ``template`` instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.languages import aliases
from lrp2_bench.core.quoting import quoted
from lrp2_bench.core.types import ParallelFacts, Relation
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.language_table import usual_code
from lrp2_bench.data.parallel import content, count_unlike, matching, natural, require_selection
from lrp2_bench.data.rows import Faults
from lrp2_bench.data.table.files import TableFiles, read_table
from lrp2_bench.data.table.relations import LanguageEntries, RelationBuilder

#: Kinds of :class:`DataWarnings` counted here.
OTHER_CODE = "Language codes were put into their usual spelling"
NUMBERS = "Ids that differ in how a number is written, such as 1, 01 and 1.0, are ids of different facts"


class TableDataset(Dataset):
    """The facts in ``path``. ``columns`` maps our names of columns to those in your files, ``relations`` picks
    relations, ``limit`` keeps the first N facts of each relation of the *language* in file order.

    A table with a fault in any language is refused, with the place of each.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        columns: Mapping[str, str] | None = None,
        relations: Sequence[str] | None = None,
        limit: int | None = None,
        name: str = "table",
    ) -> None:
        self._wanted = require_selection(relations, limit)
        if path is None:
            raise BenchError(
                "dataset=table needs dataset.path=DIR_OR_FILE: a folder with facts.csv and templates.csv, or one file "
                "of facts with a column template."
            )
        if columns is not None and not isinstance(columns, Mapping):
            raise BenchError(f"dataset.columns={columns}: give names of columns, such as {{subject: head}}, or null.")
        self.name = name
        self._path = Path(path).expanduser()
        self._columns, self._limit = columns, limit
        self._relations: dict[str, dict[str, Relation]] | None = None
        self._data_warnings: dict[str, DataWarnings] = {}
        self._has_ids = False

    @classmethod
    def example(cls, folder: Path) -> dict[str, Any]:
        facts = ["fact,relation,language,subject,object"]
        templates = ["relation,language,template"]
        for language, capital, part in (("en", "capital of", "part of"), ("de", "Hauptstadt von", "Teil von")):
            templates += [f"capital,{language},[Y] {capital} [X]", f"continent,{language},[X] {part} [Y]"]
            for number, (country, city, continent) in enumerate(_EXAMPLE[language]):
                facts.append(f"c{number},capital,{language},{country},{city}")
                facts.append(f"k{number},continent,{language},{country},{continent}")
        for name, lines in (("facts", facts), ("templates", templates)):
            (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return {"path": folder}

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(self._read()))

    def facts(self, language: str, pivot: str, data_warnings: DataWarnings) -> ParallelFacts:
        ours, theirs = (self._language(code) for code in (language, pivot))
        names = list(ours) if self._wanted is None else self._wanted
        for name in names:
            if name not in ours:
                raise UnknownNameError(f"relation of '{language}'", name, ours, "Set dataset.relations.")
        for code in dict.fromkeys((usual_code(language), usual_code(pivot))):
            data_warnings.merge(self._data_warnings[code])
        relations = tuple(ours[name].only(ours[name].facts[: self._limit]) for name in sorted(set(names), key=natural))
        pivot_relations = relations
        if usual_code(language) != usual_code(pivot):
            pivot_relations = tuple(matching(relation, theirs.get(relation.name)) for relation in relations)
            if self._has_ids:
                count_unlike(relations, pivot_relations, data_warnings)
        digest = sha256_json([content(relations), content(pivot_relations)])
        return ParallelFacts(language, pivot, relations, pivot_relations, digest)

    def _language(self, language: str) -> dict[str, Relation]:
        there = self._read()
        if usual_code(language) not in there:
            raise UnknownNameError("language", language, there, f"They are all that '{self._path}' has.", aliases())
        return there[usual_code(language)]

    def _read(self) -> dict[str, dict[str, Relation]]:
        if self._relations is None:
            faults = Faults()
            files = read_table(self._path, self._columns, faults)
            found = {}
            prefixed = _repeat_from_relation_to_relation(files)
            for language in dict.fromkeys((*files.facts, *files.templates, *files.candidates)):
                counted = self._data_warnings[language] = _counted(files, language)
                before = len(faults.found)
                relations = self._built(files, language, RelationBuilder(language, faults, counted, prefixed=prefixed))
                if relations:
                    found[language] = relations
                elif language in files.facts and len(faults.found) == before:
                    faults.add(
                        files.facts[language][0].place,
                        f"'{language}' has facts and no template; templates.csv gives relation,language,template",
                    )
            if not files.facts and not faults.found:
                faults.add(str(self._path), "there is no fact")
            faults.require_none(
                f"Correct the table; `lrp2-bench check dataset.path={quoted(str(self._path))}` lists all its faults."
            )
            entries = [entry for some in files.facts.values() for entry in some]
            self._has_ids = all(entry.subject_id and entry.object_id for entry in entries)
            self._relations = found
        return self._relations

    def _built(self, files: TableFiles, language: str, builder: RelationBuilder) -> dict[str, Relation]:
        rows: dict[str, LanguageEntries] = {}
        for kind in ("facts", "templates", "candidates"):
            for entry in getattr(files, kind).get(language, ()):
                named = rows.setdefault(entry.relation, LanguageEntries([], [], []))
                getattr(named, kind).append(entry)
        built = {name: builder.build(name, entries) for name, entries in rows.items()}
        return {name: relation for name, relation in built.items() if relation is not None}


_EXAMPLE = {
    "en": [("Peru", "Lima", "America"), ("Mali", "Bamako", "Africa"), ("Nepal", "Kathmandu", "Asia")],
    "de": [("Peru", "Lima", "Amerika"), ("Mali", "Bamako", "Afrika"), ("Nepal", "Kathmandu", "Asien")],
}


def _repeat_from_relation_to_relation(files: TableFiles) -> bool:
    """Whether two relations have a fact of the same id."""
    relations: dict[str, str] = {}
    entries = (entry for some in files.facts.values() for entry in some)
    return any(relations.setdefault(entry.fact, entry.relation) != entry.relation for entry in entries)


def _counted(files: TableFiles, language: str) -> DataWarnings:
    """What is odd about the language's entries without being wrong."""
    counted = DataWarnings()
    for written, code in files.codes.items():
        if code == language:
            counted.add(OTHER_CODE, f"{written} -> {code}")
    numbers: dict[tuple[str, Decimal], str] = {}
    for entry in files.facts.get(language, ()):
        try:
            number = Decimal(entry.fact)
        except InvalidOperation:
            continue
        if numbers.setdefault((entry.relation, number), entry.fact) != entry.fact:
            counted.add(NUMBERS, f"{entry.place} {entry.fact}")
    return counted
