"""KLAR (Wang et al., ACL 2025): facts of BMLAMA-17 as questions, in five wordings, with candidates of their own.

Two layouts are read, below any parent folders: ``LANG/RELATION.json`` (``prompt_templates``, and ``samples`` of
``subject object object_candidates index``) and, of the 12 languages of a variant, ``deu_Latn.txt`` with one "question
answer" a line, parallel by line number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, ClassVar

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.languages import ENGLISH
from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.data.encoding import decode_text, too_many, unreadable
from lrp2_bench.data.labels import composed, line_id_of, slot_problem
from lrp2_bench.data.language_table import is_language_code
from lrp2_bench.data.parallel import natural
from lrp2_bench.data.successors.base import Files, Successor, one_folder, pinned_digests
from lrp2_bench.data.successors.klar_lines import Block, blocks, from_questions, question_and_answer
from lrp2_bench.data.successors.prompts import MASK, ids_by_english

_NO_ANSWER = "Lines without a question, a colon and an answer were skipped"
_LINES = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}\.txt")


class Klar(Successor):
    """See :class:`~lrp2_bench.data.successors.base.Successor`. Where there are both layouts, the JSON files
    are read."""

    title: ClassVar[str] = "KLAR"
    address: ClassVar[str] = "https://github.com/boschresearch/KLAR-CLC/archive/HEAD.zip"
    layout: ClassVar[str] = "LANG/RELATION.json, or LANG_Script.txt, ..."

    @classmethod
    def published_languages(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(pinned_digests("bmlama17"))  # of which its facts are

    @property
    def edition(self) -> str:
        """Of the JSON files none is pinned."""
        return "klar_lines" if self._is_lines else "klar"

    @property
    def _is_lines(self) -> bool:
        return self._opened is not None and any(path.suffix == ".txt" for [path, *_] in self._files.values())

    def _find(self, paths: Sequence[PurePosixPath]) -> Mapping[str, Files]:
        found: dict[str, list[PurePosixPath]] = {}
        for path in paths:
            if path.suffix == ".json" and len(path.parts) > 1 and is_language_code(path.parts[-2]):
                found.setdefault(path.parts[-2], []).append(path)
        if found:
            return {language: tuple(one_folder(files, f"'{language}'")) for language, files in found.items()}
        lines = one_folder((path for path in paths if _LINES.fullmatch(path.name)), self.title)
        return {path.stem: (path,) for path in lines}

    def _read(self, language: str, data_warnings: DataWarnings) -> Iterator[Relation]:
        if self._is_lines:
            yield from self._from_lines(language, data_warnings)
            return
        for path in sorted(self._files[language], key=lambda path: natural(path.stem)):
            relation = self._from_json(path, language, data_warnings)
            if relation is not None:
                yield relation

    # One JSON file a relation ---------------------------------------------------------------------------------------

    def _from_json(self, path: PurePosixPath, language: str, data_warnings: DataWarnings) -> Relation | None:
        whole = self._json(path)
        templates = list(self._templates(path, whole, data_warnings))
        samples = list(self._samples(path, whole, data_warnings))
        if not templates or not samples:
            kind = "Relations without facts" if templates else "Relations without a template were skipped"
            data_warnings.add(kind, f"{language} {path.stem}")
            return None
        labels = [row.labels for row in samples]
        theirs = [self._english(path.stem).get(row.index, row.english) for row in samples]
        subjects = ids_by_english([(ours[0], other[0]) for ours, other in zip(labels, theirs, strict=True)], language)
        answers = [(ours[1], other[1]) for ours, other in zip(labels, theirs, strict=True)]
        objects = ids_by_english([*answers, *((each, None) for row in samples for each in row.candidates)], language)
        facts = tuple(
            Fact(
                path.stem, row.index, f"klar/{path.stem}/{row.index}",
                row.labels[0], subjects[row.labels[0]], row.labels[1], objects[row.labels[1]],
            )
            for row in samples
        )  # fmt: skip
        return Relation.whole(
            path.stem, templates[0], facts, {each: label for label, each in objects.items()},
            paraphrases=tuple(templates[1:]),
            candidates={
                row.index: tuple(objects[each] for each in row.candidates) for row in samples if row.candidates
            },
        )  # fmt: skip

    def _english(self, relation: str) -> dict[int, tuple[str | None, str | None]]:
        """The labels of the English samples by their index; empty where there is no English file."""
        if relation not in self._in_english:
            path = next((path for path in self._files.get(ENGLISH, ()) if path.stem == relation), None)
            rows = self._samples(path, self._json(path), DataWarnings()) if path is not None else ()
            self._in_english[relation] = {row.index: row.labels for row in rows}
        return self._in_english[relation]

    @cached_property
    def _in_english(self) -> dict[str, dict[int, tuple[str | None, str | None]]]:
        return {}

    def _json(self, path: PurePosixPath) -> dict[str, Any]:
        source = self._tree.source(path)
        try:
            whole = json.loads(decode_text(self._tree.read(path), source))
        except (ValueError, RecursionError) as error:
            raise BenchError(f"'{source}': not JSON: {error}. Correct the file, or leave it out.") from error
        if not isinstance(whole, dict):
            raise BenchError(f"'{source}': no JSON object with prompt_templates and samples. Leave the file out.")
        return whole

    def _templates(self, path: PurePosixPath, whole: dict[str, Any], data_warnings: DataWarnings) -> Iterator[str]:
        written = whole.get("prompt_templates")
        for number, text in enumerate(written if isinstance(written, list) else [], start=1):
            where = f"{path} template {number}"
            template = text.replace("<subject>", "[X]").replace(MASK, "[Y]").strip() if isinstance(text, str) else ""
            if slot_problem(template) is not None:
                data_warnings.add("Templates without <subject> and <mask> once each were skipped", where)
            else:
                yield composed(template, where, data_warnings)

    def _samples(self, path: PurePosixPath, whole: dict[str, Any], data_warnings: DataWarnings) -> Iterator[_Sample]:
        written = whole.get("samples")
        rows = written if isinstance(written, list) else []
        lost: list[str] = []
        seen: set[int] = set()
        for number, row in enumerate(rows, start=1):
            where = f"{path} sample {number}"
            sample = _sample(row, where, data_warnings) if isinstance(row, dict) else None
            if sample is None:
                data_warnings.add("Samples without subject, object and index were skipped", where)
                lost.append(f"sample {number}: no subject, object and index")
            elif sample.index in seen:
                data_warnings.add("Facts that repeat an id were skipped", where)
            else:
                seen.add(sample.index)
                yield sample
        if too_many(len(lost), len(rows)):
            raise unreadable(self._tree.source(path), len(lost), len(rows), lost)

    # One question and answer a line ---------------------------------------------------------------------------------

    @cached_property
    def _blocks(self) -> list[Block]:
        """Where each relation's lines begin and end, told by the English questions."""
        if ENGLISH not in self._files:
            raise BenchError("KLAR's lines have no eng_Latn.txt, whose questions tell the relations apart.")
        [path] = self._files[ENGLISH]
        return blocks(question for question, _ in self._lines(path, DataWarnings()))

    def _lines(self, path: PurePosixPath, data_warnings: DataWarnings) -> list[tuple[str, str]]:
        texts = decode_text(self._tree.read(path), self._tree.source(path)).removesuffix("\n").split("\n")
        return [
            question_and_answer(composed(text.strip(), f"{path} line {number}", data_warnings))
            for number, text in enumerate(texts, start=1)
        ]

    def _from_lines(self, language: str, data_warnings: DataWarnings) -> Iterator[Relation]:
        [path] = self._files[language]
        lines = self._lines(path, data_warnings)
        english = self._lines(self._files[ENGLISH][0], DataWarnings())
        for name, start, end in self._blocks:
            places = [place for place in range(start, min(end, len(lines))) if all(lines[place])]
            if missing := end - start - len(places):
                data_warnings.add(
                    "Lines without a question, a colon and an answer were skipped", f"{path} {name}", missing
                )
            if places:
                yield from_questions(name, {p: lines[p] for p in places}, {p: english[p] for p in places}, language)


@dataclass(frozen=True)
class _Sample:
    """``labels`` are the subject's and the object's, ``english`` theirs in English where the sample says so."""

    index: int
    labels: tuple[str, str]
    english: tuple[str | None, str | None]
    candidates: tuple[str, ...]


def _sample(row: dict[str, Any], where: str, data_warnings: DataWarnings) -> _Sample | None:
    index = line_id_of(row.get("index"))
    texts = [row.get(key) for key in ("subject", "object")]
    if index is None or not all(isinstance(text, str) and text.strip() for text in texts):
        return None
    subject, answer = (composed(str(text).strip(), where, data_warnings) for text in texts)
    listed = row.get("object_candidates") or ""
    names = listed.split(", ") if isinstance(listed, str) else [str(each) for each in listed]
    candidates = tuple(dict.fromkeys(composed(name, where, data_warnings) for each in names if (name := each.strip())))
    if candidates and answer not in candidates:
        data_warnings.add("Facts whose answer is not among their candidates got it added", where)
        candidates = (*candidates, answer)
    english = (row.get("subject_en"), row.get("object_en"))
    return _Sample(index, (subject, answer), english, candidates)
