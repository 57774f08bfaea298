"""Candidates with the same tokens: an uncased one reads *Buddhism* and *buddhism* as the same tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Relation


def count_alike(tokenizer: Any, relations: Iterable[Relation], language: str, data_warnings: DataWarnings) -> None:
    """Count, relation by relation, the facts whose object has another candidate's tokens. Of such candidates the first
    in code-point order wins every tie, so the others' facts can never be hit where both compete."""
    for relation in relations:
        labels = list(relation.pool)
        by_tokens: dict[tuple[int, ...], list[str]] = defaultdict(list)
        encoded = tokenizer(labels, add_special_tokens=False, verbose=False)["input_ids"] if labels else []
        for label, ids in zip(labels, encoded, strict=True):
            if ids:  # those without a token are counted by the probe
                by_tokens[tuple(ids)].append(label)
        first = {other: alike[0] for alike in by_tokens.values() for other in alike[1:]}
        for fact in relation.facts:
            if fact.object in first:
                data_warnings.add(
                    f"Facts of {language} {relation.name} that can never be hit: the tokenizer gives their "
                    "object the same tokens as another candidate",
                    f"'{fact.object}' is read as '{first[fact.object]}'",
                )
