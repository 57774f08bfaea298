"""``lrp2-bench check``: what a dataset holds and what is odd about it, before anything is searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrp2_bench.config.arguments import Groups, expand_groups
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.progress import progress
from lrp2_bench.core.settings import CheckCommand
from lrp2_bench.core.types import ParallelFacts, Relation
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.language_table import language_name, language_script
from lrp2_bench.data.rows import FaultyTableError
from lrp2_bench.probing.alike import count_alike
from lrp2_bench.probing.ceiling import ceiling_of

_PROMPTS = 3

SHARED_LABEL = "Objects that share their label with another object of the relation are one candidate with it"
SHARED_SUBJECT = "Subjects that share their label with another subject of the relation"


@dataclass
class _OfRelation:
    """Of one relation, a number a language."""

    facts: list[int] = field(default_factory=list)
    pool: list[int] = field(default_factory=list)
    wordings: list[int] = field(default_factory=list)

    def add(self, relation: Relation) -> None:
        self.facts.append(len(relation.facts))
        own = [len(relation.candidates[fact.line_id]) for fact in relation.facts if fact.line_id in relation.candidates]
        self.pool += own or [len(relation.pool)]
        self.wordings.append(max(len(relation.templates_of(fact)) for fact in relation.facts))


def run_check(
    settings: CheckCommand,
    make_dataset: Callable[[], Dataset],
    tokenizer: Any | None,
    console: Console,
    find_groups: Callable[[], Groups] = lambda: GROUPS,
) -> None:
    """Print counts by language and relation, what was counted on the way, and filled prompts of each language.
    ``find_groups`` gives the groups of the dataset, and is asked only where one is named.

    Raises :class:`BenchError` with all that is wrong where the dataset, or a language of it, cannot be asked.
    """
    try:
        dataset = make_dataset()
        there = dataset.languages()
    except FaultyTableError as error:
        raise BenchError(error.everything) from error
    wanted = there if settings.languages is None else _codes(settings.languages, find_groups)
    if not wanted:
        raise BenchError("languages=[] leaves nothing to check: give some, such as [de,en], or null for all.")
    for code in (*wanted, settings.pivot):
        if code not in there:
            what = "pivot" if code == settings.pivot else "language"
            raise UnknownNameError(what, code, there, f"Set {'pivot' if what == 'pivot' else 'languages'}.")
    languages = Table(
        "language", "name", "script", "facts", "relations", "with the pivot", "several", "ceiling", "alike"
    )
    relations: dict[str, _OfRelation] = {}
    data_warnings, problems, prompts = DataWarnings(), list[str](), list[tuple[str, list[str]]]()
    with progress("reading", len(wanted), "languages") as advance:
        for code in wanted:
            advance(1)
            counted = DataWarnings()
            try:
                facts = dataset.facts(code, settings.pivot, counted)
            except BenchError as error:
                problems.append(str(error))
                continue
            _count_shared(facts.relations, code, counted)
            alike = _alike(tokenizer, facts.relations, code, counted)
            languages.add_row(*map(Text, (code, *_summary(facts))), "" if alike is None else f"{alike:,}")
            for relation in facts.relations:
                relations.setdefault(relation.name, _OfRelation()).add(relation)
            prompts.append((code, _prompts(facts.relations)))
            data_warnings.merge(counted)
    if relations:
        console.print(languages)
        console.print(_by_relation(relations))
        for line in _notes(tokenizer is not None):
            console.print(Text(line), soft_wrap=True)
    for kind, found in data_warnings.as_dict().items():
        examples: Any = found["examples"]
        console.print(Text(f"{kind}: {found['count']} ({'; '.join(examples)})", style="yellow"), soft_wrap=True)
    for code, texts in prompts:
        for text in texts:
            console.print(Text(f"{code}: {text}"), soft_wrap=True)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise BenchError(f"{len(problems)} of {len(wanted)} languages of '{dataset.name}' cannot be asked:\n{listed}")
    facts_in_all = sum(sum(found.facts) for found in relations.values())
    sizes = {"language": len(wanted), "relation": len(relations), "fact": facts_in_all}
    told = ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in sizes.items())
    console.print(Text(f"'{dataset.name}' can be used: {told}."), soft_wrap=True)


def _codes(languages: Sequence[str], find_groups: Callable[[], Groups]) -> list[str]:
    """Groups as their members, each code once."""
    given = f"language={','.join(languages)}"
    return expand_groups(given, find_groups).removeprefix("language=").split(",") if languages else []


def _summary(facts: ParallelFacts) -> tuple[str, ...]:
    ceiling = ceiling_of(facts.relations, None, 0, filtered=False)
    shared = sum(len(relation.facts) for relation in facts.pivot_relations)
    return (
        language_name(facts.language),
        language_script(facts.language) or "",
        f"{ceiling.facts:,}",
        str(len(facts.relations)),
        f"{shared:,} ({100 * shared / ceiling.facts:.1f} %)",
        f"{100 * ceiling.several / ceiling.facts:.1f} %",
        f"{100 * ceiling.hits / ceiling.facts:.1f} %",
    )


def _by_relation(relations: dict[str, _OfRelation]) -> Table:
    table = Table("relation", "languages", "facts", "candidates", "wordings")
    for name, found in relations.items():
        spans = (_span(found.facts), _span(found.pool), _span(found.wordings))
        table.add_row(*map(Text, (name, str(len(found.facts)), *spans)))  # a name is no markup
    return table


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _notes(with_tokenizer: bool) -> list[str]:
    notes = [
        "with the pivot: facts that the pivot has too. several: facts whose query has further right objects. ceiling: "
        "of accuracy with full pools, for one query has one first place (probing.filtered=true lifts it).",
    ]
    if with_tokenizer:
        notes.append("alike: facts that can never be hit, for another candidate has the tokens of their object.")
    return notes


def _count_shared(relations: Sequence[Relation], language: str, data_warnings: DataWarnings) -> None:
    for relation in relations:
        subjects = {fact.subject_id: fact.subject for fact in relation.facts if fact.subject}
        for kind, labels in ((SHARED_LABEL, relation.objects), (SHARED_SUBJECT, subjects)):
            first: dict[str, str] = {}
            for entity, label in labels.items():
                other = first.setdefault(label, entity)
                if other != entity:
                    data_warnings.add(kind, f"{language} {relation.name} '{label}' ({other}, {entity})")


def _alike(
    tokenizer: Any | None, relations: Sequence[Relation], language: str, data_warnings: DataWarnings
) -> int | None:
    if tokenizer is None:
        return None
    found = DataWarnings()
    count_alike(tokenizer, relations, language, found)
    data_warnings.merge(found)
    return sum(found.count(kind) for kind in found.as_dict())


def _prompts(relations: Sequence[Relation]) -> list[str]:
    """First facts of relations as far apart as can be, each with its object in brackets."""
    some = relations[:: max(1, len(relations) // _PROMPTS)][:_PROMPTS]
    in_turn = sorted(
        (place, number) for number, relation in enumerate(some) for place in range(min(_PROMPTS, len(relation.facts)))
    )
    chosen = [(some[number], some[number].facts[place]) for place, number in in_turn[:_PROMPTS]]
    return [relation.fill(fact, f"[{fact.object}]").text for relation, fact in chosen]
