"""Some of a dataset's facts, picked alike from every dataset: those that a file names, or a sample.

``dataset.facts=FILE`` (CSV or parquet with the columns ``relation,fact``) asks those facts alone; ``fact`` is a line id
or uuid. ``dataset.sample=N`` draws N facts, of each relation its share, and the same ids in all of
``dataset.sample_languages``, from the facts that these all have. Pools stay whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.types import ParallelFacts, Relation
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.fact_list import FactList, read_fact_list
from lrp2_bench.data.parallel import content, require_selection

LACKING = "Facts that were picked and the language lacks"

#: (relation, line id).
Key = tuple[str, int]


@dataclass(frozen=True)
class Selection:
    """Made by :meth:`of`, which refuses what cannot be."""

    facts: Path | None = None
    sample: int | None = None
    sample_seed: int = 0
    sample_languages: tuple[str, ...] | None = None

    @classmethod
    def of(cls, facts: Any = None, sample: Any = None, sample_seed: Any = 0, sample_languages: Any = None) -> Selection:
        """Raises :class:`BenchError`, naming the setting and what it can be."""
        if sample is not None and (isinstance(sample, bool) or not isinstance(sample, int) or sample < 1):
            raise BenchError(f"dataset.sample={sample}: give a whole number of facts from 1, or null for all facts.")
        if isinstance(sample_seed, bool) or not isinstance(sample_seed, int):
            raise BenchError(f"dataset.sample_seed={sample_seed}: give a whole number, such as 0.")
        wrong = not isinstance(sample_languages, (list, tuple)) or not all(isinstance(x, str) for x in sample_languages)
        if sample_languages is not None and (wrong or not sample_languages):
            raise BenchError(
                f"dataset.sample_languages={sample_languages}: give a list of codes such as [de,zh] (in quotes where "
                "YAML reads another thing: ['no']), or null to draw from the language's own facts."
            )
        if sample_languages is not None and sample is None:
            raise BenchError("dataset.sample_languages draws nothing by itself: give dataset.sample=N as well.")
        if facts is not None and (not isinstance(facts, str) or not facts.strip()):
            raise BenchError(f"dataset.facts={facts}: give a CSV or parquet file with the columns relation,fact.")
        path = Path(facts).expanduser() if facts is not None else None
        return cls(path, sample, sample_seed, tuple(sample_languages) if sample_languages is not None else None)

    @property
    def picks(self) -> bool:
        return self.facts is not None or self.sample is not None


class SelectedDataset(Dataset):
    """``dataset`` with the facts of ``selection`` alone; ``limit`` and ``relations`` are its own settings."""

    def __init__(
        self, dataset: Dataset, selection: Selection, limit: int | None = None, relations: Sequence[str] | None = None
    ) -> None:
        if selection.facts is not None and limit is not None:
            raise BenchError(
                f"dataset.facts='{selection.facts}' and dataset.limit={limit} both pick facts. Leave one of them out."
            )
        self.name = dataset.name
        self._dataset, self._selection = dataset, selection
        self._relations = require_selection(relations, limit)
        self._listed: FactList | None = None
        self._drawn: dict[tuple[str, ...], frozenset[Key]] = {}

    def languages(self) -> tuple[str, ...]:
        return self._dataset.languages()

    def facts(self, language: str, pivot: str, data_warnings: DataWarnings) -> ParallelFacts:
        whole = self._dataset.facts(language, pivot, data_warnings)
        keys = self._listed_in(whole, data_warnings)
        if self._selection.sample is not None:
            languages = self._selection.sample_languages or (language,)
            drawn = self._draw(languages)
            lacking = drawn - _keys(whole.relations)
            for name, line in sorted(lacking):
                data_warnings.add(LACKING, f"{language} {name} {line}")
            keys &= drawn
        kept = [
            (ours.only(_kept(ours, keys)), theirs.only(_kept(theirs, keys)))
            for ours, theirs in zip(whole.relations, whole.pivot_relations, strict=True)
        ]
        kept = [(ours, theirs) for ours, theirs in kept if ours.facts]
        if not kept:
            raise BenchError(
                f"'{language}' has none of the facts that dataset.facts and dataset.sample pick. "
                f"Pick others, or leave '{language}' out."
            )
        relations = tuple(ours for ours, _ in kept)
        pivot_relations = relations if language == pivot else tuple(theirs for _, theirs in kept)
        digest = sha256_json([content(relations), content(pivot_relations)])
        return ParallelFacts(language, pivot, relations, pivot_relations, digest)

    def _listed_in(self, whole: ParallelFacts, data_warnings: DataWarnings) -> set[Key]:
        """The keys of the facts of the language that the file names; all of them without one."""
        everything = _keys(whole.relations)
        if self._selection.facts is None:
            return set(everything)
        if self._listed is None:
            self._listed = read_fact_list(self._selection.facts)
        listed = self._listed.restricted(self._relations)
        found = listed.found(whole.relations)
        missing = listed.without(found.values())
        if missing.without(missing.found(whole.pivot_relations).values()):
            self._require_known(missing)
        for row in missing.rows:
            data_warnings.add(LACKING, f"{whole.language} {row.relation} {row.fact}")
        return set(found)

    def _require_known(self, missing: FactList) -> None:
        """Raises :class:`BenchError` where a row names a fact that is in no language that can be asked."""
        there: dict[str, Relation] = {}
        skipped: list[str] = []
        for language in self._dataset.languages():
            try:
                relations = self._dataset.facts(language, language, DataWarnings()).relations
            except BenchError:  # nobody asked for it, and it may lack one of dataset.relations
                skipped.append(language)
                continue
            missing = missing.without(missing.found(relations).values())
            there.update((relation.name, relation) for relation in relations if relation.name not in there)
            if not missing.rows:
                return
        raise missing.unknown(there, skipped)

    def _draw(self, languages: tuple[str, ...]) -> frozenset[Key]:
        """The sample of the facts that all ``languages`` have, and the file names."""
        if languages not in self._drawn:
            common: dict[str, set[int]] | None = None
            for code in languages:
                facts = self._dataset.facts(code, code, DataWarnings())
                lines: dict[str, set[int]] = {}
                for name, line in self._listed_in(facts, DataWarnings()):
                    lines.setdefault(name, set()).add(line)
                common = lines if common is None else {n: common[n] & lines[n] for n in common.keys() & lines.keys()}
            self._drawn[languages] = stratified(common or {}, self._selection, languages)
        return self._drawn[languages]


def stratified(lines: Mapping[str, Collection[int]], selection: Selection, languages: Sequence[str]) -> frozenset[Key]:
    """``selection.sample`` keys: of each relation its share of them, rounded by largest remainder, and of its facts
    those that a hash of (seed, relation, line id) puts first. Raises :class:`BenchError` where there are fewer."""
    size, total = selection.sample or 0, sum(map(len, lines.values()))
    if size > total:
        whose = f"'{languages[0]}' has" if len(languages) == 1 else f"{', '.join(languages)} all have"
        raise BenchError(
            f"dataset.sample={size} is more than the {total:,} facts that {whose}. Give dataset.sample={total} or less"
            + (", or leave languages with few facts out of dataset.sample_languages." if len(languages) > 1 else ".")
        )
    shares = {name: divmod(size * len(lines[name]), total) for name in sorted(lines)}
    quota = {name: whole for name, (whole, _) in shares.items()}
    by_remainder = sorted(shares, key=lambda name: (-shares[name][1], name))
    for name in by_remainder[: size - sum(quota.values())]:
        quota[name] += 1

    def rank(key: Key) -> bytes:
        return hashlib.sha256(f"{selection.sample_seed}\t{key[0]}\t{key[1]}".encode()).digest()

    ranked = {name: sorted(((name, line) for line in lines[name]), key=rank) for name in lines}
    return frozenset(key for name, keys in ranked.items() for key in keys[: quota[name]])


def _keys(relations: Sequence[Relation]) -> frozenset[Key]:
    return frozenset(fact.key for relation in relations for fact in relation.facts)


def _kept(relation: Relation, keys: Collection[Key]) -> tuple[Any, ...]:
    return tuple(fact for fact in relation.facts if fact.key in keys)
