"""Which facts the study asks: ``python -m benchmarks.gemma3_270m.facts --mlama ZIP`` writes two files of ids.

Facts that English and all selection languages have, whose subject has one object only in the relation over every
language; subjects in the order of a digest of their ids, so that neither file order nor frequency decides.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Fact
from lrp2_bench.data.mlama import MLama

LANGUAGES = ("de", "fr", "es", "ru", "zh", "ja", "ko", "ar", "hi", "tr", "vi", "cy")
#: Facts a relation: for the choice of a setting, and on which it is reported.
SELECTION, REPORTING = 3, 9


def candidates(dataset: MLama) -> Mapping[str, list[Fact]]:
    """By relation: English facts that may be asked, in the order in which they are taken."""
    objects: dict[tuple[str, str], set[str]] = defaultdict(set)
    keys: dict[str, set[tuple[str, int]]] = {}
    english: list[Fact] = []
    for language in dataset.languages():
        facts = [
            fact for relation in dataset.facts(language, language, DataWarnings()).relations for fact in relation.facts
        ]
        for fact in facts:
            objects[fact.relation, fact.subject_id].add(fact.object_id)
        keys[language] = {fact.key for fact in facts}
        if language == "en":
            english = facts
    shared = set.intersection(*(keys[language] for language in LANGUAGES))
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in sorted(english, key=lambda fact: (_order(fact.subject_id), fact.line_id)):
        if fact.key in shared and len(objects[fact.relation, fact.subject_id]) == 1:
            found[fact.relation].append(fact)
    return dict(sorted(found.items()))


def split(found: Mapping[str, list[Fact]]) -> tuple[list[Fact], list[Fact]]:
    """The facts for selection, and those for reporting, which share no subject with them."""
    selection = [fact for facts in found.values() for fact in facts[:SELECTION]]
    used = {fact.subject_id for fact in selection}
    reporting = [
        fact for facts in found.values() for fact in [fact for fact in facts if fact.subject_id not in used][:REPORTING]
    ]
    return selection, reporting


def _order(subject_id: str) -> str:
    return hashlib.sha256(subject_id.encode()).hexdigest()


def _write(path: Path, facts: list[Fact]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("relation", "fact"))
        writer.writerows((fact.relation, fact.line_id) for fact in facts)
    print(f"{path}: {len(facts)} facts of {len({fact.relation for fact in facts})} relations")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mlama", type=Path, required=True, help="mlama1.1.zip or its folder")
    parser.add_argument("--output", type=Path, default=Path("docs/results/data"))
    arguments = parser.parse_args()
    found = candidates(MLama(path=str(arguments.mlama)))
    print(f"{sum(map(len, found.values()))} facts may be asked.")
    selection, reporting = split(found)
    _write(arguments.output / "selection.csv", selection)
    _write(arguments.output / "reporting.csv", reporting)


if __name__ == "__main__":
    main()
