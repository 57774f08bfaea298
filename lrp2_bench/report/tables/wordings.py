"""How far the answers to a fact's paraphrases agree, where all wordings were asked (``probing.templates=all``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.language_table import language_name
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.method import method
from lrp2_bench.results.runs import Run
from lrp2_bench.results.stored_hits import FactKey, first_wording


@dataclass(frozen=True)
class Agreement:
    """Over ``facts``, each counting once, in percent: hit in its ``first`` wording, the mean over its wordings, hit in
    ``any`` and in ``all`` of them; ``agreement`` is the share of pairs of wordings with the same outcome, over the
    facts that have several (Elazar et al., TACL 2021, ask the same of predictions); NaN without any."""

    facts: int
    wordings: float
    first: float
    mean: float
    any: float
    all: float
    agreement: float


def agreement_of(facts: Sequence[FactKey], hit: npt.NDArray[np.bool_]) -> Agreement:
    """``hit`` is ``[fact]``, a fact in one wording."""
    places: dict[FactKey, int] = {}
    place = np.array([places.setdefault(first_wording(fact), len(places)) for fact in facts])
    counts, hits = np.bincount(place), np.bincount(place, weights=hit)
    first = np.array([fact == first_wording(fact) for fact in facts])
    pairs = counts * (counts - 1) / 2
    alike = (hits * (hits - 1) + (counts - hits) * (counts - hits - 1)) / 2
    several = pairs > 0
    return Agreement(
        facts=len(counts),
        wordings=float(counts.mean()),
        first=100 * float(hit[first].mean()),
        mean=100 * float((hits / counts).mean()),
        any=100 * float((hits > 0).mean()),
        all=100 * float((hits == counts).mean()),
        agreement=100 * float((alike[several] / pairs[several]).mean()) if several.any() else float("nan"),
    )


def wordings_table(runs: Sequence[Run], select_by: str) -> Table | None:
    """A row a language and configuration, the baseline and the best pair; None where no further wordings were asked."""
    rows: list[tuple[Cell, ...]] = []
    for run in sorted(runs, key=lambda run: run.language):
        if run.manifest.get("identity", {}).get("probing", {}).get("templates") != "all":
            continue
        try:
            stored, best = run.files.hits(), run.best(select_by)
        except BenchError:
            continue  # the report names runs whose hits cannot be read
        settings = [("baseline", None), *([(method(run), best.pair)] if best is not None else [])]
        for name, setting in settings:
            hits = stored.row(setting)
            if hits is not None:
                found = agreement_of(stored.facts, hits == 1)
                numbers = (found.first, found.mean, found.any, found.all, found.agreement)
                rows.append((run.language, language_name(run.language), name, found.facts, found.wordings, *numbers))
    if not rows:
        return None
    return Table(
        name=f"wordings_{runs[0].model}_{runs[0].dataset}",
        title=f"Agreement over paraphrases, {runs[0].model} on {runs[0].dataset}, in percent of facts",
        columns=(
            Column("language", "language", "text"),
            Column("name", "name", "text", optional=True),
            Column("configuration", "configuration", "text"),
            Column("facts", "facts", "count"),
            Column("wordings", "wordings a fact", "percent"),
            Column("first", "hit in the first", "percent"),
            Column("mean", "mean over wordings", "percent"),
            Column("any", "hit in any", "percent"),
            Column("all", "hit in all", "percent"),
            Column("agreement", "agreement", "percent"),
        ),
        rows=tuple(rows),
        notes=(
            "Each fact counts once, however many wordings it has; in pairs.csv and all other tables each wording does.",
            "Agreement: the share of pairs of a fact's wordings that are both hit or both missed.",
        ),
    )
