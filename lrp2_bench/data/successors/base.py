"""What mLAMA's successors share: found or downloaded, read language by language, compared with pinned digests."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.languages import aliases
from lrp2_bench.core.types import ParallelFacts, Relation
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.download import download
from lrp2_bench.data.filetree import FileTree, open_tree
from lrp2_bench.data.parallel import content, count_unlike, matching, natural, require_selection
from lrp2_bench.data.successors.codes import language_code

#: The files of one language, in an order that the subclass knows.
Files = tuple[PurePosixPath, ...]


class Successor(Dataset):
    """A published collection from ``path`` (a zip or a folder, below any parent folders) or, without one, downloaded
    once into ``cache``.

    ``relations`` and ``limit`` as for mLAMA: named relations; the first N facts of each relation of the *language* in
    file order, pools from the whole files. A subclass says what its files are and how a language is read from them.
    """

    #: What messages call it, the address of a zip of it, and the files that tell it.
    title: ClassVar[str]
    address: ClassVar[str]
    layout: ClassVar[str]

    def __init__(
        self,
        path: str | Path | None = None,
        relations: Sequence[str] | None = None,
        limit: int | None = None,
        cache: str | Path = "~/.cache/lrp2_bench",
        url: str | None = None,
        name: str | None = None,
    ) -> None:
        self._wanted = require_selection(relations, limit)
        self.name = name if name is not None else type(self).__name__.lower()
        self._path = Path(path).expanduser() if path is not None else None
        self._limit = limit
        self._cache = Path(cache).expanduser()
        self._url = url if url is not None else self.address
        self._opened: tuple[FileTree, dict[str, Files]] | None = None
        self._codes: dict[str, str] = {}
        self._parsed: dict[str, dict[str, Relation]] = {}

    @abstractmethod
    def _find(self, paths: Sequence[PurePosixPath]) -> Mapping[str, Files]:
        """The files of each language there is, by its name in the collection; empty where there is no collection."""

    @abstractmethod
    def _read(self, language: str, data_warnings: DataWarnings) -> Iterable[Relation]:
        """Every whole relation of the language that can be asked; others are counted."""

    @classmethod
    def published_languages(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(pinned_digests(cls.__name__.lower()))

    @property
    def edition(self) -> str:
        """The key of its pinned digests; collections of other content differ in it."""
        return type(self).__name__.lower()

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(self._files))

    def facts(self, language: str, pivot: str, data_warnings: DataWarnings) -> ParallelFacts:
        relations = self._asked(language, data_warnings)
        pivot_relations = relations
        if language != pivot:
            theirs = self._language(pivot, data_warnings)
            pivot_relations = tuple(matching(relation, theirs.get(relation.name)) for relation in relations)
            count_unlike(relations, pivot_relations, data_warnings)
        digest = sha256_json([content(relations), content(pivot_relations)])
        return ParallelFacts(language, pivot, relations, pivot_relations, digest)

    def _asked(self, language: str, data_warnings: DataWarnings) -> tuple[Relation, ...]:
        ours = self._language(language, data_warnings)
        wanted = self._wanted if self._wanted is not None else tuple(ours)
        for name in wanted:
            if name not in ours:
                raise UnknownNameError(f"relation of '{language}'", name, ours, "Set dataset.relations.")
        if not wanted:
            raise BenchError(f"No relation of '{language}' can be asked: see the data warnings. Check dataset.path.")
        asked = (ours[name] for name in sorted(set(wanted), key=natural))
        return tuple(relation.only(relation.facts[: self._limit]) for relation in asked)

    def _language(self, language: str, data_warnings: DataWarnings) -> dict[str, Relation]:
        files = self._files
        # 'zh', or 'zh-hans' as the collection has it.
        code = language if language in files else self._codes.get(_spelt(language), language)
        if code not in files:
            raise UnknownNameError("language", language, files, "The dataset holds no others.", aliases())
        if code not in self._parsed:
            relations = tuple(self._read(code, data_warnings))
            pinned = pinned_digests(self.edition)
            if pinned and digest_of(relations) != pinned.get(code):
                kind = f"Language differs from the {self.title} this version was tested with"
                data_warnings.add(kind, code)
            self._parsed[code] = {relation.name: relation for relation in relations}
        return self._parsed[code]

    @property
    def _tree(self) -> FileTree:
        return self._open()[0]

    @property
    def _files(self) -> dict[str, Files]:
        return self._open()[1]

    def _open(self) -> tuple[FileTree, dict[str, Files]]:
        if self._opened is None:
            path = self._path
            if path is None:
                path = self._cache / f"{type(self).__name__.lower()}.zip"
                download(self._url, path, what=self.title)
            tree = open_tree(path)
            found = self._find(tree.paths())
            if not found:
                raise BenchError(f"'{path}' holds no {self.title} ({self.layout}). Check dataset.path.")
            codes = {name: language_code(name) for name in found}
            # A collection that has 'zh' and 'zh-hans' keeps both names.
            names = {n: n if list(codes.values()).count(code) > 1 else code for n, code in codes.items()}
            self._codes = {_spelt(name): code for name, code in names.items()}
            files = {names[name]: each for name, each in found.items()}
            self._opened = tree, files
        return self._opened


def one_folder(files: Iterable[PurePosixPath], what: str) -> list[PurePosixPath]:
    """The files, which must lie in one folder. Raises :class:`BenchError` where there are several copies."""
    found = sorted(files)
    folders = sorted({file.parent for file in found})
    if len(folders) > 1:
        raise BenchError(
            f"There are several folders of {what}: '{folders[0]}' and '{folders[1]}'. "
            "Set dataset.path to just one copy."
        )
    return found


def _spelt(language: str) -> str:
    return language.lower().replace("_", "-")


def digest_of(relations: Iterable[Relation]) -> str:
    """Over the parsed rows in canonical form, so that packing, spacing and quotes do not matter."""
    return sha256_json(
        [
            [
                *(each.name, each.template, each.paraphrases, sorted(each.objects.items())),
                [[f.line_id, f.subject_id, f.subject, f.object_id, f.object, f.templates] for f in each.facts],
                sorted((line, list(own)) for line, own in each.candidates.items()),
            ]
            for each in sorted(relations, key=lambda relation: relation.name)
        ]
    )


@cache
def pinned_digests(edition: str) -> dict[str, str]:
    """Language -> digest of the collection as published; empty for one that was not at hand."""
    text = resources.files("lrp2_bench.data.successors").joinpath("digests.json").read_text("utf-8")
    digests: dict[str, dict[str, str]] = json.loads(text)
    return digests.get(edition, {})
