"""The numbers the paper published (Xu, Li and Xiong, EMNLP 2023, arXiv 2311.03788), for setting ours beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from lrp2_bench.core.types import LayerPair

#: MODEL of a run folder -> the table of ``paper_tables.json`` with its optimal layers.
_OPTIMAL_LAYERS = {"mbert": "table4", "bloom_560m": "table5"}
_DATASET = "mlama"
#: DATASET of the runs that Table 3 is about.
XFACTR = "xfactr"

#: How many languages the paper's resource classes hold. It does not publish them; these sizes are the only ones for
#: which all eight rows of Table 1 average to its last column within rounding.
IMPLIED_CLASS_SIZES = {"high": 16, "medium": 9, "low": 27}
#: Wikipedia articles from which a language is high and medium resource, round numbers that give classes of these sizes.
IMPLIED_THRESHOLDS = (900_000, 420_000)


@dataclass(frozen=True)
class PublishedMean:
    """A cell of Table 1 or 3 in percent, to one decimal; None where the paper has none (English's transferability)."""

    without: float | None
    lrp2: float | None


def has_tables(model: str, dataset: str) -> bool:
    """Whether Table 1 and a table of optimal layers were published for this MODEL and DATASET."""
    return dataset == _DATASET and model in _OPTIMAL_LAYERS


def group_mean(model: str, dataset: str, metric: str, group: str) -> PublishedMean | None:
    """Table 1's cell; ``group``: 'english' or one of :data:`lrp2_bench.core.languages.GROUPS`. None if unpublished."""
    table = _tables()["table1"]
    column = "avg" if group == "all" else group
    if not has_tables(model, dataset) or column not in table["columns"]:
        return None
    position = table["columns"].index(column)
    rows = table[metric]
    return PublishedMean(without=rows[model][position], lrp2=rows[f"{model}_lrp2"][position])


def has_languages(model: str, dataset: str) -> bool:
    """Whether Table 3, which has single languages, was published for this MODEL and DATASET."""
    return dataset == XFACTR and f"{model}_lrp2" in _tables()["table3"]["accuracy"]


def by_language(model: str, dataset: str, metric: str) -> Mapping[str, PublishedMean]:
    """Table 3: language -> its cell, in the paper's column order; empty if not published."""
    if not has_languages(model, dataset):
        return {}
    table = _tables()["table3"]
    cells = zip(table["columns"], table[metric][model], table[metric][f"{model}_lrp2"], strict=True)
    return {language: PublishedMean(without, lrp2) for language, without, lrp2 in cells}


def optimal_pairs(model: str, dataset: str) -> Mapping[str, LayerPair]:
    """Table 4 (mBERT) or 5 (BLOOM-560m): language -> pair, in the paper's column order; empty if not published."""
    if not has_tables(model, dataset):
        return {}
    optimal = _tables()[_OPTIMAL_LAYERS[model]]["optimal"]
    return {language: LayerPair(lirp, lsrp) for language, (lirp, lsrp) in optimal.items()}


def shared_neurons(
    model: str, dataset: str, language: str, pivot: str
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Table 2: without and with LRP2, the overlap of knowledge neurons in percent of the same relation, of different
    ones, and of all pairs of relations; None if not published."""
    table = _tables()["table2"]
    # The paper projects Chinese into English, never the other way round.
    if dataset != _DATASET or (language, pivot) != ("zh", "en") or f"{model}_lrp2" not in table:
        return None
    return tuple(table[model]), tuple(table[f"{model}_lrp2"])


@cache
def _tables() -> dict[str, Any]:
    text = files("lrp2_bench.data").joinpath("paper_tables.json").read_text(encoding="utf-8")
    tables: dict[str, Any] = json.loads(text)
    return tables
