"""mLAMA 1.1 (Kassner, Dufter and Schütze, EACL 2021): the TREx part, 53 languages, 41 relations.

Layout, in a zip or a folder: ``LANG/P36.jsonl`` (one fact a line: ``sub_uri obj_uri sub_label obj_label lineid uuid``)
and ``LANG/templates.jsonl`` (``relation template``), below any parent folders. A relation of your own has any name; the
three of Google-RE are left out, as in the paper.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.languages import aliases
from lrp2_bench.core.types import Fact, ParallelFacts, Relation
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.download import download
from lrp2_bench.data.filetree import FileTree, open_tree
from lrp2_bench.data.json_lines import JsonLines
from lrp2_bench.data.labels import composed, slot_problem
from lrp2_bench.data.parallel import content, count_unlike, matching, natural, require_selection
from lrp2_bench.data.triples import facts_of

URL = "http://cistern.cis.lmu.de/mlama/mlama1.1.zip"

_TEMPLATES = "templates.jsonl"
_NUMBERED = re.compile(r"P\d+")
#: Google-RE's part of mLAMA, which asks for dates and places of birth and is not TREx.
_GOOGLE_RE = frozenset({"date_of_birth", "place_of_birth", "place_of_death"})


@dataclass(frozen=True)
class _LanguageFiles:
    """One language as parsed: its templates, where they stand and, per relation, every usable fact in file order."""

    templates: dict[str, str]
    places: dict[str, str]
    facts: dict[str, tuple[Fact, ...]]

    def digest(self) -> str:
        """Over the parsed rows in canonical form, so that packing, spacing and key order do not matter."""
        rows = {
            name: [[f.line_id, f.uuid, f.subject_id, f.object_id, f.subject, f.object] for f in facts]
            for name, facts in self.facts.items()
        }
        templates = {name: template for name, template in self.templates.items() if name in self.facts}
        return sha256_json({"templates": templates, "facts": rows})


class MLama(Dataset):
    """mLAMA from ``path`` (a zip or a folder) or, without one, downloaded once into ``cache``.

    ``relations`` picks relations by name, ``limit`` keeps the first N facts of each relation of the *language* in
    file order; pools always come from the whole files. What is read is compared with pinned digests per language:
    a difference is a counted warning that names the language.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        relations: Sequence[str] | None = None,
        limit: int | None = None,
        cache: str | Path = "~/.cache/lrp2_bench",
        url: str = URL,
        name: str = "mlama",
    ) -> None:
        self._wanted = require_selection(relations, limit)
        self.name = name
        self._path = Path(path).expanduser() if path is not None else None
        self._limit = limit
        self._cache = Path(cache).expanduser()
        self._url = url
        self._tree: FileTree | None = None
        self._folders: dict[str, PurePosixPath] = {}
        self._parsed: dict[str, _LanguageFiles] = {}

    def languages(self) -> tuple[str, ...]:
        self._open()
        return tuple(sorted(self._folders))

    def facts(self, language: str, pivot: str, data_warnings: DataWarnings) -> ParallelFacts:
        relations = self._relations(language, data_warnings)
        if language == pivot:
            pivot_relations = relations
        else:
            everything = self._language(pivot, data_warnings)
            pivot_relations = tuple(
                matching(relation, _relation(relation.name, everything, pivot, data_warnings)) for relation in relations
            )
            count_unlike(relations, pivot_relations, data_warnings)
        digest = sha256_json([content(relations), content(pivot_relations)])
        return ParallelFacts(language, pivot, relations, pivot_relations, digest)

    def _relations(self, language: str, data_warnings: DataWarnings) -> tuple[Relation, ...]:
        files = self._language(language, data_warnings)
        names = self._wanted if self._wanted is not None else tuple(files.facts)
        for name in names:
            if name not in files.facts:
                raise UnknownNameError(f"relation of '{language}'", name, files.facts, "Set dataset.relations.")
        relations = []
        for name in sorted(set(names), key=natural):
            relation = _relation(name, files, language, data_warnings)
            if relation is not None:
                relations.append(relation.only(relation.facts[: self._limit]))
        if not relations:
            raise BenchError(
                f"No relation of '{language}' can be probed: {', '.join(sorted(names, key=natural)) or 'none'}. "
                "Each has no facts, or no template with one [X] and one [Y]. Set dataset.relations to others."
            )
        return tuple(relations)

    def _open(self) -> FileTree:
        if self._tree is None:
            path = self._path
            if path is None:
                path = self._cache / "mlama1.1.zip"
                download(self._url, path, what="mLAMA 1.1")
            self._tree = open_tree(path)
            files = self._tree.paths()
            with_templates = {file.parent for file in files if file.name == _TEMPLATES}
            for file in files:
                if len(file.parts) < 2 or not (
                    _is_relation(file) and (file.parent in with_templates or _NUMBERED.fullmatch(file.stem))
                ):
                    continue
                folder = self._folders.setdefault(file.parts[-2], file.parent)
                if folder != file.parent:
                    raise BenchError(
                        f"'{path}' holds two folders of '{folder.name}': '{folder}' and '{file.parent}'. "
                        "Set dataset.path to just one copy of mLAMA."
                    )
            if not self._folders:
                raise BenchError(f"'{path}' holds no mLAMA files (LANG/P36.jsonl, ...). Check dataset.path.")
        return self._tree

    def _language(self, language: str, data_warnings: DataWarnings) -> _LanguageFiles:
        tree = self._open()
        if language not in self._folders:
            raise UnknownNameError("language", language, self._folders, "The dataset holds no others.", aliases())
        if language not in self._parsed:
            parsed = _parse(tree, self._folders[language], language, data_warnings)
            if parsed.digest() != _pinned().get(language):
                data_warnings.add("Language differs from the mLAMA 1.1 this version was tested with", language)
            self._parsed[language] = parsed
        return self._parsed[language]


def _is_relation(file: PurePosixPath) -> bool:
    return file.suffix == ".jsonl" and file.name != _TEMPLATES and file.stem not in _GOOGLE_RE


def _parse(tree: FileTree, folder: PurePosixPath, language: str, data_warnings: DataWarnings) -> _LanguageFiles:
    templates: dict[str, str] = {}
    places: dict[str, str] = {}
    facts: dict[str, tuple[Fact, ...]] = {}
    files = [path for path in tree.paths() if path.parent == folder]
    if folder / _TEMPLATES not in files:
        raise BenchError(f"'{language}' has no {_TEMPLATES} in its folder '{folder}'.")
    rows = JsonLines(tree, folder / _TEMPLATES, data_warnings)
    for where, row in rows:
        name, template = row.get("relation"), row.get("template")
        if not isinstance(name, str) or not isinstance(template, str):
            rows.skip("Template lines without a relation and a template were skipped", "no relation and template")
        elif name not in templates:
            templates[name] = composed(template, where, data_warnings)
            places[name] = where
        elif templates[name] != template:
            data_warnings.add("Relations with a second template go by their first", where)
    for path in sorted((p for p in files if _is_relation(p)), key=lambda p: natural(p.stem)):
        facts[path.stem] = tuple(facts_of(tree, path, data_warnings))
    for name in sorted(set(templates) - set(facts) - _GOOGLE_RE, key=natural):
        data_warnings.add("Templates without a relation file", f"{language} {name}")
    return _LanguageFiles(templates, places, facts)


def _relation(name: str, files: _LanguageFiles, language: str, data_warnings: DataWarnings) -> Relation | None:
    """The whole relation, or None (counted) where nothing can be asked."""
    facts = files.facts.get(name, ())
    template = files.templates.get(name)
    where = f"{language} {name}"
    if not facts:
        data_warnings.add("Relations without facts", where)
        return None
    if template is None:
        data_warnings.add("Relations without a template were skipped", where)
        return None
    problem = slot_problem(template)
    if problem is not None:
        data_warnings.add(problem, f"{files.places[name]}: {template}")
        return None
    relation = Relation.whole(name, template, facts)
    if len(relation.pool) == 1:
        data_warnings.add("Relations with a single candidate, which any model gets right", where)
    return relation


@cache
def _pinned() -> dict[str, str]:
    text = resources.files("lrp2_bench.data").joinpath("mlama_digests.json").read_text("utf-8")
    digests: dict[str, str] = json.loads(text)
    return digests
