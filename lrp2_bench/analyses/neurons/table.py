"""The paper's Table 2: how many knowledge neurons two languages share, and how exact the attributions behind it are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.analyses.neurons.compute import LEAST_CHANGE, Completeness, summarise
from lrp2_bench.core.types import Setting
from lrp2_bench.data import published
from lrp2_bench.data.relation_names import relation_name
from lrp2_bench.render.table import Cell, Column, Table

_SHARES = (("same", "Same relation"), ("different", "Different relations"), ("average", "All pairs"))


@dataclass(frozen=True)
class Exactness:
    """Of one side of a comparison: its prompts, the right object's mean probability, and the completeness error."""

    side: str
    prompts: int
    probability: float
    completeness: Completeness


@dataclass(frozen=True)
class SharedNeurons:
    """Of a language and the pivot: ``facts`` are the prompts by relation, the overlaps ``[relation, relation]`` in
    percent with the language's relations down; ``lrp2`` is None without a pair. ``listed`` are rows of
    :func:`listing_table`."""

    language: str
    pivot: str
    relations: tuple[str, ...]
    facts: tuple[int, ...]
    pair: Setting
    baseline: npt.NDArray[np.float64]
    lrp2: npt.NDArray[np.float64] | None
    exactness: tuple[Exactness, ...]
    listed: tuple[tuple[str | int | None, ...], ...] = ()


@dataclass(frozen=True)
class Counted:
    """How neurons were counted: the top ``per_prompt`` of each prompt and block, ``per_relation`` a relation."""

    model: str
    dataset: str
    steps: int
    rule: str
    per_prompt: int
    per_relation: int


def overlap_table(found: Sequence[SharedNeurons], how: Counted) -> Table:
    """Two rows per language, baseline and with LRP2; the published numbers beside them where there are any."""
    paper = {one.language: published.shared_neurons(how.model, how.dataset, one.language, one.pivot) for one in found}
    columns = [
        Column("language", "Language", "text"),
        Column("setting", "Configuration", "text"),
        Column("pair", "Pair", "pair"),
        Column("relations", "Relations", "count", optional=True),
        Column("facts", "Facts", "count", optional=True),
        *(Column(key, title, "percent") for key, title in _SHARES),
    ]
    if any(paper.values()):
        columns += [Column(f"{key}_published", f"{title}, paper", "percent") for key, title in _SHARES]
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        sides = [("baseline", one.baseline, None)] + ([("LRP2", one.lrp2, one.pair)] if one.lrp2 is not None else [])
        for number, (setting, overlap, pair) in enumerate(sides):
            means = summarise(overlap)
            cells: list[Cell] = [one.language, setting, pair, len(one.relations), sum(one.facts)]
            cells += [means.same, means.different, means.average]
            if any(paper.values()):
                theirs = paper[one.language]
                cells += theirs[number] if theirs else (None, None, None)
            rows.append(tuple(cells))
    return Table(
        f"neurons_{how.model}_{how.dataset}",
        f"Knowledge neurons shared with '{found[0].pivot}' (%), {how.model} on {how.dataset} (the paper's Table 2)",
        tuple(columns),
        tuple(rows),
        _notes(found, how),
    )


def relations_table(found: Sequence[SharedNeurons], how: Counted) -> Table:
    """A row per language and relation: the overlap with the same relation in the pivot."""
    rows = []
    for one in found:
        for place, relation in enumerate(one.relations):
            before = float(one.baseline[place, place])
            after = float(one.lrp2[place, place]) if one.lrp2 is not None else None
            change = after - before if after is not None else None
            named = f"{relation} {relation_name(relation)}".strip()
            rows.append((one.language, named, one.facts[place], before, after, change))
    return Table(
        f"neurons_relations_{how.model}_{how.dataset}",
        f"Knowledge neurons shared with the same relation in '{found[0].pivot}' (%), {how.model} on {how.dataset}",
        (
            Column("language", "Language", "text"),
            Column("relation", "Relation", "text"),
            Column("facts", "Facts", "count"),
            Column("baseline", "Baseline", "percent"),
            Column("lrp2", "LRP2", "percent"),
            Column("change", "Change", "change"),
        ),
        tuple(rows),
    )


def exactness_table(found: Sequence[SharedNeurons], how: Counted) -> Table:
    """The completeness error of every side."""
    rows = tuple(
        (
            one.language,
            each.side,
            each.prompts,
            100 * each.probability,
            100 * each.completeness.mean,
            100 * each.completeness.worst,
        )
        for one in found
        for each in one.exactness
    )
    return Table(
        f"neurons_exactness_{how.model}_{how.dataset}",
        f"Completeness error of the attributions (%), {how.model} on {how.dataset}, {how.steps} steps ({how.rule})",
        (
            Column("language", "Language", "text"),
            Column("side", "Attributed in", "text"),
            Column("prompts", "Prompts", "count"),
            Column("probability", "Mean probability", "percent"),
            Column("error", "Mean error", "percent"),
            Column("worst", "Largest error", "percent"),
        ),
        rows,
        (
            "Error: a block's attributions should add up to the probability as it is minus that with the block's "
            "activations at the scored positions set to zero. Mean: the mean distance from that as a share of the mean "
            "change, over prompts and blocks.",
            f"Largest: of one prompt and block, among those whose change is at least {100 * LEAST_CHANGE:g} % of the "
            "probability; it is large where the probability rises and falls again on the way. More steps, or "
            "analysis.rule=midpoint, make both smaller.",
        ),
    )


def listing_table(found: Sequence[SharedNeurons]) -> Table:
    """The neurons themselves, for programs; ``facts_of`` is the language whose facts the pivot was asked."""
    texts = {"facts_of", "language", "relation", "attribution"}
    keys = ("facts_of", "language", "relation", "lirp", "lsrp", "rank", "block", "neuron", "prompts", "of",
            "attribution")  # fmt: skip
    columns = tuple(Column(key, key, "text" if key in texts else "count") for key in keys)
    rows = tuple((one.language, *row) for one in found for row in one.listed)
    return Table("neurons", "Knowledge neurons", columns, rows)


def _notes(found: Sequence[SharedNeurons], how: Counted) -> tuple[str, ...]:
    notes = [
        f"Of the {how.per_relation} neurons that are most often among the top {how.per_prompt} of their block over a "
        "relation's prompts, the share that two relations have in common; 'All pairs' is over all pairs of relations, "
        "as in the paper. Both languages use the same facts; LRP2 projects the language's side alone.",
        f"Integrated gradients in {how.steps} steps ({how.rule} Riemann sum) of the right object's probability, the "
        "geometric mean of its tokens'.",
    ]
    without = [one.language for one in found if one.lrp2 is None]
    if without:
        notes.append(
            f"No pair is known for {', '.join(without)}: run `lrp2-bench search` in this experiment, or give "
            "pair=[LIRP,LSRP]."
        )
    return tuple(notes)
