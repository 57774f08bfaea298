"""BMLAMA (Qi, Fernández and Bisazza, EMNLP 2023): mLAMA's facts that all of 17 (6,792) or 53 languages (3,070) have.

``BMLAMA53/LANG.tsv``, below any parent folders: ``Prompt Ans "Candidate Ans" Subject``, rows parallel by line number.
Every fact has candidates of its own. Relations have no names: the English prompts tell them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.languages import ENGLISH
from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.data.labels import composed
from lrp2_bench.data.successors.base import Files, Successor, one_folder, pinned_digests
from lrp2_bench.data.successors.prompts import MASK, NO_MASK, NO_SUBJECT, cut_out, ids_by_english, slug
from lrp2_bench.data.successors.tab_lines import TabLines

EDITIONS = (17, 53)

_COLUMNS = ("Prompt", "Ans", "Candidate Ans", "Subject")
_HEADER = "Headers of other cells than Prompt, Ans, Candidate Ans, Subject are read as these"


@dataclass(frozen=True)
class _Row:
    """A line: ``number`` counts from 0 without the header and joins the languages."""

    number: int
    place: str
    prompt: str
    answer: str
    candidates: tuple[str, ...]
    subject: str


class BMlama(Successor):
    """``edition`` is 17 or 53, the languages; see :class:`~lrp2_bench.data.successors.base.Successor` for the rest."""

    title: ClassVar[str] = "BMLAMA"
    address: ClassVar[str] = "https://github.com/Betswish/Cross-Lingual-Consistency/archive/HEAD.zip"
    layout: ClassVar[str] = "BMLAMA53/LANG.tsv, ..."

    def __init__(
        self,
        path: str | Path | None = None,
        relations: Sequence[str] | None = None,
        limit: int | None = None,
        cache: str | Path = "~/.cache/lrp2_bench",
        url: str | None = None,
        name: str | None = None,
        edition: int = 53,
    ) -> None:
        if edition not in EDITIONS:
            raise BenchError(f"dataset.edition={edition}: BMLAMA has one of 17 languages and one of 53: give 17 or 53.")
        self._languages = edition
        super().__init__(path, relations, limit, cache, url, name)

    @classmethod
    def published_languages(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(pinned_digests(f"bmlama{options.get('edition', EDITIONS[-1])}"))

    @property
    def edition(self) -> str:
        return f"bmlama{self._languages}"

    def _find(self, paths: Sequence[PurePosixPath]) -> Mapping[str, Files]:
        tables = [path for path in paths if path.suffix == ".tsv"]
        inside = [path for path in tables if path.parent.name.lower() == self.edition]
        # The folder itself may be given, or a zip of what is in it.
        files = inside or [path for path in tables if not path.parent.name.lower().startswith("bmlama")]
        return {path.stem: (path,) for path in one_folder(files, self.edition.upper())}

    @cached_property
    def _english(self) -> dict[int, tuple[_Row, str]]:
        """The English rows by their number, each with its template, which names its relation."""
        if ENGLISH not in self._files:
            raise BenchError(f"{self.edition.upper()} has no {ENGLISH}.tsv, whose prompts tell the relations apart.")
        rows = list(self._rows(ENGLISH, DataWarnings()))
        templates = cut_out([(row.prompt, row.subject) for row in rows])
        return {row.number: (row, template) for row, template in zip(rows, templates, strict=True)}

    def _read(self, language: str, data_warnings: DataWarnings) -> Iterator[Relation]:
        rows = []
        for row in self._rows(language, data_warnings):
            if row.number in self._english:
                rows.append(row)
            else:
                data_warnings.add("Rows without an English one, which tells the relation, were skipped", row.place)
        names = {number: slug(template) for number, (_, template) in self._english.items()}
        by_name = sorted(rows, key=lambda row: names[row.number])  # stable: in file order within a relation
        for name, group in groupby(by_name, key=lambda row: names[row.number]):
            yield self._relation(name, list(group), language, data_warnings)

    def _relation(self, name: str, rows: list[_Row], language: str, data_warnings: DataWarnings) -> Relation:
        english = [self._english[row.number][0] for row in rows]
        pairs = list(zip(rows, english, strict=True))
        subjects = ids_by_english(((row.subject, other.subject) for row, other in pairs), language)
        answers = [(row.answer, other.answer) for row, other in pairs]
        rivals = [(each, None) for row in rows for each in row.candidates]
        objects = ids_by_english([*answers, *rivals], language)
        wordings = cut_out([(row.prompt, row.subject) for row in rows])
        template = max(dict.fromkeys(wordings), key=wordings.count)
        facts = []
        for row, wording in zip(rows, wordings, strict=True):
            if "[X]" not in wording:
                data_warnings.add(NO_SUBJECT, row.place)
            facts.append(
                Fact(
                    name, row.number, f"{self.edition}/{row.number}", row.subject, subjects[row.subject],
                    row.answer, objects[row.answer], () if wording == template else (wording,),
                )
            )  # fmt: skip
        return Relation.whole(
            name, template, tuple(facts), {each: label for label, each in objects.items()},
            candidates={row.number: tuple(objects[each] for each in row.candidates) for row in rows},
        )  # fmt: skip

    def _rows(self, language: str, data_warnings: DataWarnings) -> Iterator[_Row]:
        [path] = self._files[language]
        lines = TabLines(self._tree, path, data_warnings)
        for line, cells in lines:
            if line == 1:
                if " ".join(cells) != " ".join(_COLUMNS):
                    raise lines.header(cells, ", ".join(_COLUMNS))
                if len(cells) != len(_COLUMNS):
                    data_warnings.add(_HEADER, lines.place)
                continue
            if len(cells) != len(_COLUMNS):
                lines.skip("Rows of more or fewer cells than the header were skipped", f"{len(cells)} cells")
                continue
            prompt, answer, listed, subject = (composed(cell, lines.place, data_warnings) for cell in cells)
            if prompt.count(MASK) != 1:
                lines.skip(NO_MASK, f"{prompt.count(MASK)} times {MASK}")
                continue
            if not answer or not subject:
                lines.skip("Facts with a blank label were skipped", "no answer or no subject")
                continue
            candidates = tuple(dict.fromkeys(each for one in listed.split(", ") if (each := one.strip())))
            if answer not in candidates:
                data_warnings.add("Facts whose answer is not among their candidates got it added", lines.place)
                candidates = (*candidates, answer)
            if len(candidates) == 1:
                data_warnings.add("Facts with a single candidate, which any model gets right", lines.place)
            yield _Row(line - 2, lines.place, prompt, answer, candidates, subject)
