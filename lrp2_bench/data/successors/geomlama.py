"""GeoMLAMA (Yin et al., EMNLP 2022): 25 things people do or have, in 5 countries, asked in 5 languages.

``gd_prompt_LANG.tsv``, below any parent folders: five rows a concept, one a country, and a blank line; several right
answers in one cell. ``gd_prompt_LANG_aug.tsv`` has four more wordings of each: twenty lines a concept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import ClassVar

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.languages import ENGLISH
from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.data.encoding import sound_lines
from lrp2_bench.data.labels import composed
from lrp2_bench.data.successors.base import Files, Successor, one_folder
from lrp2_bench.data.successors.prompts import MASK, NO_SUBJECT, cut_out, differing, ids_by_english, slug
from lrp2_bench.data.successors.tab_lines import TabLines

#: ISO 3166 codes of the countries, in the order of a concept's rows.
COUNTRIES = ("US", "CN", "IN", "IR", "KE")
WORDINGS = 4

_NAME = re.compile(r"gd_prompt_([A-Za-z_-]+?)(_aug)?\.tsv")
_COLUMNS = ("Prompt", "Ans", "Candidate Ans")
_UNEVEN = "Concepts without a row for each of the five countries were skipped"
_MOST = 20  # answers of a fact, so that a line id tells country and answer


@dataclass(frozen=True)
class _Concept:
    """``wordings`` are those of the first rows and of each paraphrase, five prompts each; ``answers`` and
    ``candidates`` of each country."""

    number: int
    place: str
    wordings: tuple[tuple[str, ...], ...]
    answers: tuple[tuple[str, ...], ...]
    candidates: tuple[tuple[str, ...], ...]


class GeoMlama(Successor):
    """See :class:`~lrp2_bench.data.successors.base.Successor`. A relation is a concept, named by its English prompt; a
    fact is a country's answer, of which the country may have several."""

    title: ClassVar[str] = "GeoMLAMA"
    address: ClassVar[str] = "https://github.com/WadeYin9712/GeoMLAMA/archive/HEAD.zip"
    layout: ClassVar[str] = "gd_prompt_LANG.tsv, ..."

    def _find(self, paths: Sequence[PurePosixPath]) -> Mapping[str, Files]:
        named = [(found, path) for path in paths if (found := _NAME.fullmatch(path.name))]
        one_folder((path for _, path in named), self.title)
        more = {found[1]: (path,) for found, path in named if found[2]}
        return {found[1]: (path, *more.get(found[1], ())) for found, path in named if not found[2]}

    @cached_property
    def _english(self) -> dict[int, _Concept]:
        if ENGLISH not in self._files:
            raise BenchError("GeoMLAMA has no gd_prompt_en.tsv, whose prompts name the relations.")
        return {concept.number: concept for concept in self._concepts(ENGLISH, DataWarnings())}

    def _read(self, language: str, data_warnings: DataWarnings) -> Iterator[Relation]:
        for concept in self._concepts(language, data_warnings):
            if concept.number in self._english:
                yield self._relation(concept, language, data_warnings)
            else:
                data_warnings.add("Concepts without an English prompt, which names them, were skipped", concept.place)

    def _relation(self, concept: _Concept, language: str, data_warnings: DataWarnings) -> Relation:
        english = self._english[concept.number]
        prompts = english.wordings[0]
        name = slug(cut_out(list(zip(prompts, differing(prompts), strict=True)))[0])
        pairs: list[tuple[str, str | None]] = []
        for ours, theirs in zip(concept.answers, english.answers, strict=True):
            pairs += [(each, theirs[k] if k < len(theirs) else None) for k, each in enumerate(ours)]
        objects = ids_by_english([*pairs, *((each, None) for some in concept.candidates for each in some)], language)
        subjects = differing(concept.wordings[0])
        wordings = [cut_out(list(zip(asked, subjects, strict=True))) for asked in concept.wordings]
        facts, candidates = [], {}
        for place, country in enumerate(COUNTRIES):
            templates = tuple(dict.fromkeys(wording[place] for wording in wordings))
            if "[X]" not in templates[0]:
                data_warnings.add(NO_SUBJECT, f"{concept.place}, {country}")
            for k, answer in enumerate(concept.answers[place]):
                line = place * _MOST + k
                uuid = f"geomlama/{concept.number}/{country}/{k + 1}"
                subject = subjects[place] or country
                facts.append(Fact(name, line, uuid, subject, country, answer, objects[answer], templates))
                candidates[line] = tuple(objects[each] for each in concept.candidates[place])
        known = {each: label for label, each in objects.items()}
        return Relation.whole(name, facts[0].templates[0], tuple(facts), known, candidates=candidates)

    def _concepts(self, language: str, data_warnings: DataWarnings) -> Iterator[_Concept]:
        path, *more = self._files[language]
        blocks = list(self._blocks(path, data_warnings))
        paraphrases = list(self._paraphrases(more[0], data_warnings)) if more else []
        each = WORDINGS * len(COUNTRIES)
        if paraphrases and len(paraphrases) != each * len(blocks):
            kind = f"Files of paraphrases without {each} lines a concept were left out"
            data_warnings.add(kind, f"{more[0]}: {len(paraphrases)} lines for {len(blocks)} concepts")
            paraphrases = []
        for number, block in enumerate(blocks):
            if len(block) != len(COUNTRIES):
                data_warnings.add(_UNEVEN, f"{path} line {block[0][0]}")
                continue
            _, prompts, answers, candidates = zip(*block, strict=True)
            lines = paraphrases[number * each : (number + 1) * each]
            further = [tuple(lines[start : start + len(COUNTRIES)]) for start in range(0, len(lines), len(COUNTRIES))]
            asked = [some for some in further if all(prompt.count(MASK) == 1 for prompt in some)]
            if len(asked) < len(further):
                data_warnings.add("Paraphrases without <mask> once were left out", f"{more[0]}, concept {number + 1}")
            yield _Concept(number, f"{path} line {block[0][0]}", (prompts, *asked), answers, candidates)

    def _blocks(
        self, path: PurePosixPath, data_warnings: DataWarnings
    ) -> Iterator[list[tuple[int, str, tuple[str, ...], tuple[str, ...]]]]:
        """The rows of each concept: those between lines of blank cells."""
        lines = TabLines(self._tree, path, data_warnings)
        columns: list[int] = []
        block: list[tuple[int, str, tuple[str, ...], tuple[str, ...]]] = []
        last = 1
        for number, cells in lines:
            if number == 1:
                if any(name not in cells for name in _COLUMNS):
                    raise lines.header(cells, ", ".join(_COLUMNS))
                columns = [cells.index(name) for name in _COLUMNS]
                continue
            if block and (number > last + 1 or not any(cells)):
                yield block
                block = []
            last = number
            if not any(cells):
                continue
            row = [cells[column] if column < len(cells) else "" for column in columns]
            prompt, answers, candidates = (composed(cell, lines.place, data_warnings) for cell in row)
            right, listed = _several(answers), _several(candidates)
            if prompt.count(MASK) != 1 or not right or len(right) > _MOST:
                lines.skip("Rows without a prompt with one <mask> and an answer were skipped", f"{prompt!r}")
                continue
            if len(listed) < len(candidates.split(",")):
                data_warnings.add("Facts that list a candidate twice", lines.place)
            if missing := [each for each in right if each not in listed]:
                data_warnings.add("Facts whose answer is not among their candidates got it added", lines.place)
                listed += missing
            if len(listed) == len(right):
                data_warnings.add("Facts of which every candidate is right", lines.place)
            block.append((number, prompt, tuple(right), tuple(listed)))
        if block:
            yield block

    def _paraphrases(self, path: PurePosixPath, data_warnings: DataWarnings) -> Iterator[str]:
        for number, text in enumerate(
            sound_lines(self._tree.read(path), self._tree.source(path), data_warnings), start=1
        ):
            if text.strip():
                yield composed(text.strip(), f"{path} line {number}", data_warnings)


def _several(cell: str) -> list[str]:
    return list(dict.fromkeys(each for one in cell.split(",") if (each := one.strip())))
