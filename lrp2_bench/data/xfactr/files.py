"""The files of an X-FACTR copy, wherever they lie in a folder or zip, parsed once each."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import sha256_json
from lrp2_bench.data.encoding import decode_text, too_many, unreadable
from lrp2_bench.data.filetree import FileTree, open_tree
from lrp2_bench.data.json_lines import JsonLines
from lrp2_bench.data.labels import uuid_of
from lrp2_bench.data.parallel import natural
from lrp2_bench.data.xfactr.names import Aliases, choose_names, parse_aliases, parse_labels, scripts_of

PROMPTS = "TREx_prompts.csv"
_FACTS = re.compile(r"(?:.*/)?mTRExf/sub/([^/]+)\.jsonl")
_ALIASES = re.compile(r"(?:.*/)?alias/mTRExf/([A-Za-z-]+)\.txt")
_TEXT_KEYS = ("sub_uri", "obj_uri", "sub_label", "obj_label")
_GENDERS = {"male": "MASC", "female": "FEM"}


@dataclass(frozen=True)
class Triple:
    """A line of a relation's file: what all languages share. ``subject`` and ``object`` are entity ids; ``mentions``
    is what the English text that the fact was found in called them."""

    line_id: int
    uuid: str
    subject: str
    object: str
    mentions: tuple[str, str]


class XFactrFiles:
    """Raises :class:`BenchError` where ``path`` holds no X-FACTR, or more than one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tree: FileTree = open_tree(path)
        self._prompt_lines_lost: list[str] = []
        self._facts = self._by_name(_FACTS)
        self._aliases = self._by_name(_ALIASES)
        if not self._facts or not self._named(PROMPTS):
            raise BenchError(
                f"'{path}' holds no X-FACTR: {PROMPTS} and mTRExf/sub/P36.jsonl, ... are needed. "
                "Set dataset.path to the data folder of its repository, or a zip of it."
            )
        if not self._aliases and not self.labels:
            raise BenchError(
                f"'{path}' holds no names of X-FACTR's entities: alias/mTRExf/LANG.txt or mTRExf_unicode_escape.txt "
                "is needed. Set dataset.path to a complete copy."
            )

    @property
    def relations(self) -> tuple[str, ...]:
        return tuple(sorted(self._facts, key=natural))

    @cached_property
    def prompts(self) -> dict[str, dict[str, str]]:
        """Language -> relation -> prompt as written; blank ones are absent."""
        text = self._text(self._only(PROMPTS))
        source = self._tree.source(self._only(PROMPTS))
        reader = csv.DictReader(io.StringIO(text, newline=""))
        found: dict[str, dict[str, str]] = {}
        unnamed: list[str] = []
        try:
            rows = [(reader.line_num, row) for row in reader]
        except csv.Error as error:
            raise BenchError(f"'{source}' line {reader.line_num}: no CSV: {error}. Correct the file.") from error
        for line, row in rows:
            relation = row.pop("pid", None)
            row.pop("relation", None)
            if not relation:
                unnamed.append(f"line {line}: no pid")
            for language, prompt in row.items():
                # A row of more or fewer cells than the head has a list under None, or None as a cell.
                if relation and isinstance(language, str) and isinstance(prompt, str) and prompt.strip():
                    found.setdefault(language, {}).setdefault(relation, prompt)
        if found and too_many(len(unnamed), len(rows)):
            raise unreadable(source, len(unnamed), len(rows), unnamed)
        self._prompt_lines_lost = unnamed
        if not found:
            raise BenchError(
                f"'{self._only(PROMPTS)}' in '{self._path}' has no prompt: a column pid and one a language."
            )
        return found

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Those with prompts and names, sorted."""
        return tuple(sorted(code for code in self.prompts if code in self._aliases or code in self.labels))

    @cached_property
    def labels(self) -> dict[str, dict[str, str]]:
        """Language -> entity -> label; empty without the file of labels."""
        paths = self._named("mTRExf_unicode_escape.txt")
        return parse_labels(self._text(self._only(paths[0].name))) if paths else {}

    @cached_property
    def genders(self) -> Mapping[str, str]:
        """Entity -> MASC or FEM; empty without the file of genders."""
        paths = self._named("mTRExf_gender.txt")
        lines = self._text(self._only(paths[0].name)).split("\n") if paths else []
        cells = (line.strip().split("\t") for line in lines)
        return {entity: _GENDERS[gender] for entity, *rest in cells for gender in rest[:1] if gender in _GENDERS}

    def aliases(self, language: str) -> Aliases:
        return self._every_alias.get(language, {})

    def names(self, language: str, data_warnings: DataWarnings) -> dict[str, str]:
        """Entity -> name: its label where the copy has a list of labels, else chosen among its aliases (counted)."""
        for lost in self._prompt_lines_lost:
            data_warnings.add("Lines of prompts that name no relation (pid) were skipped", f"{PROMPTS} {lost}")
        aliases = self.aliases(language)
        names = {**self._chosen(language), **self.labels.get(language, {})}
        guessed = [entity for entity, among in aliases.items() if len(among) > 1]
        guessed = [entity for entity in guessed if entity not in self.labels.get(language, {})]
        if guessed:
            kind = f"Names in '{language}' were chosen among aliases, for no file says which is the label"
            data_warnings.add(kind, f"{guessed[0]}: {names[guessed[0]]}", len(guessed))
        if names and not scripts_of(names.values()) & scripts_of(self.prompts[language].values()):
            data_warnings.add(f"Names in '{language}' are in another script than its prompts", language)
        return names

    def digest(self, language: str) -> str:
        """Over what the published files say of a language, in canonical form, so that packing does not matter."""
        facts = {
            name: [[each.line_id, each.uuid, each.subject, each.object, *each.mentions] for each in triples]
            for name, (triples, _) in self._triples.items()
        }
        aliases = {entity: list(names) for entity, names in self.aliases(language).items()}
        return sha256_json({"prompts": self.prompts[language], "facts": facts, "aliases": aliases})

    def triples(self, relation: str, data_warnings: DataWarnings) -> tuple[Triple, ...]:
        """A relation's facts in file order. Lines that cannot be used are counted."""
        triples, blemishes = self._triples[relation]
        data_warnings.merge(blemishes)
        return triples

    @cached_property
    def _triples(self) -> dict[str, tuple[tuple[Triple, ...], DataWarnings]]:
        found = {}
        for name, path in self._facts.items():
            data_warnings = DataWarnings()
            found[name] = tuple(self._read_triples(path, data_warnings)), data_warnings
        return found

    def _read_triples(self, path: PurePosixPath, data_warnings: DataWarnings) -> Iterator[Triple]:
        seen: set[str] = set()
        rows = JsonLines(self._tree, path, data_warnings)
        for where, row in rows:
            line = int(where.rsplit(" ", 1)[1])
            texts = [text for key in _TEXT_KEYS if isinstance(text := row.get(key), str)]
            if len(texts) < len(_TEXT_KEYS):
                missing = [key for key in _TEXT_KEYS if not isinstance(row.get(key), str)]
                rows.skip(f"Facts without {', '.join(_TEXT_KEYS)} were skipped", f"no {', '.join(missing)}")
                continue
            subject, object_, *mentions = texts
            # No other field names a fact for all languages; a line's number does, since they share the file.
            uuid = uuid_of(row.get("uuid"), path.stem, line, where, data_warnings)
            if uuid in seen:
                data_warnings.add("Facts that repeat an id were skipped", where)
            else:
                seen.add(uuid)
                yield Triple(line, uuid, subject, object_, (mentions[0], mentions[1]))

    @cached_property
    def _every_alias(self) -> dict[str, dict[str, tuple[str, ...]]]:
        return {language: parse_aliases(self._text(path)) for language, path in sorted(self._aliases.items())}

    @cached_property
    def _shared(self) -> Mapping[str, Counter[str]]:
        """Entity -> name -> languages that list it."""
        shared: dict[str, Counter[str]] = {}
        for aliases in self._every_alias.values():
            for entity, names in aliases.items():
                shared.setdefault(entity, Counter()).update(names)
        return shared

    @cached_property
    def _mentions(self) -> Mapping[str, Counter[str]]:
        """Entity -> what English text called it -> facts."""
        mentions: dict[str, Counter[str]] = {}
        for triples, _ in self._triples.values():
            for triple in triples:
                for entity, text in zip((triple.subject, triple.object), triple.mentions, strict=True):
                    mentions.setdefault(entity, Counter())[text] += 1
        return mentions

    def _chosen(self, language: str) -> dict[str, str]:
        if language == "en":
            return self._english
        return choose_names(self.aliases(language), self._shared, self._mentions, self._english)

    @cached_property
    def _english(self) -> dict[str, str]:
        return choose_names(self.aliases("en"), self._shared, self._mentions, {})

    def _text(self, path: PurePosixPath) -> str:
        return decode_text(self._tree.read(path), self._tree.source(path))

    def _by_name(self, pattern: re.Pattern[str]) -> dict[str, PurePosixPath]:
        found: dict[str, PurePosixPath] = {}
        for path in self._tree.paths():
            match = pattern.fullmatch(str(path))
            if match:
                self._require_one(found.setdefault(match[1], path), path)
        return found

    def _named(self, name: str) -> list[PurePosixPath]:
        return [path for path in self._tree.paths() if path.name == name]

    def _only(self, name: str) -> PurePosixPath:
        first, *others = self._named(name)
        for other in others:
            self._require_one(first, other)
        return first

    def _require_one(self, first: PurePosixPath, other: PurePosixPath) -> None:
        if first != other:
            raise BenchError(
                f"'{self._path}' holds two copies of X-FACTR: '{first}' and '{other}'. Set dataset.path to just one."
            )
