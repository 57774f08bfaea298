"""Relations in lines of questions and answers that name none: runs of questions that differ in little but a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.data.successors.prompts import MASK, cut_out, differing, ids_by_english, shared_start, slug

#: (relation, first line, line behind the last), counted from 0.
Block = tuple[str, int, int]

_COLON = re.compile(r"(.*[:：])(\s*)(.+)")
#: What another relation costs, in words: a run of lines that share as much by chance is none.
_PENALTY = 6


def question_and_answer(line: str) -> tuple[str, str]:
    """*Where did Plato die? The answer is:* and *Athens*, the blank between them with the question's mask; blank where
    the line has no colon. Titles have colons too, so the last one counts."""
    found = _COLON.fullmatch(line)
    return (f"{found[1]}{found[2]}{MASK}", found[3]) if found else ("", "")


def blocks(questions: Iterable[str]) -> list[Block]:
    """The runs of lines with which the questions are said in the fewest words, each run's common words only once."""
    words = [question.split() for question in questions]
    heads = [shared_start(pair) for pair in pairwise(words)]
    tails = [shared_start([each[::-1] for each in pair]) for pair in pairwise(words)]
    best, start_of = [0], [0]
    for end in range(1, len(words) + 1):
        head = tail = shortest = 1 << 30
        said, cost, choice = 0, 1 << 30, 0
        for start in range(end - 1, -1, -1):
            if start < end - 1:
                head, tail = min(head, heads[start]), min(tail, tails[start])
            said += len(words[start])
            shortest = min(shortest, len(words[start]))
            common = min(head + tail, shortest - 1) if start < end - 1 else 0
            here = best[start] + _PENALTY + said - common * (end - start - 1)
            if here < cost:
                cost, choice = here, start
        best.append(cost)
        start_of.append(choice)
    found: list[Block] = []
    end = len(words)
    while end:
        start = start_of[end]
        found.append((_name([" ".join(each) for each in words[start:end]]), start, end))
        end = start
    return found[::-1]


def from_questions(
    name: str, lines: Mapping[int, tuple[str, str]], english: Mapping[int, tuple[str, str]], language: str
) -> Relation:
    """The relation of these (question, answer) by line number, which the English ones are parallel to."""
    places = list(lines)
    asked, theirs = [lines[place][0] for place in places], [english[place][0] for place in places]
    subjects, english_subjects = differing(asked), differing(theirs)
    ids = ids_by_english(zip(subjects, english_subjects, strict=True), language)
    objects = ids_by_english([(lines[place][1], english[place][1]) for place in places], language)
    wordings = cut_out(list(zip(asked, subjects, strict=True)))
    template = max(dict.fromkeys(wordings), key=wordings.count)
    facts = tuple(
        Fact(
            name, place, f"klar_lines/{place}", subject, ids[subject],
            lines[place][1], objects[lines[place][1]], () if wording == template else (wording,),
        )
        for place, subject, wording in zip(places, subjects, wordings, strict=True)
    )  # fmt: skip
    return Relation.whole(name, template, facts)


def _name(questions: Sequence[str]) -> str:
    """By the question without its answer: ``where_did_x_die``."""
    [template, *_] = cut_out(list(zip(questions, differing(questions), strict=True)))
    return slug(template.partition("?")[0])
