"""A whole job the slow way: language vectors sentence by sentence, one hooked forward pass per pair, sets of facts.

Nothing of the engine, the probes, the vectors or the metrics is used, only the facts as the dataset reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer
from transformers.utils import logging

from lrp2_bench.core.types import LayerPair, ParallelFacts, Relation
from lrp2_bench.probing.pools import pool_of
from tests.support import naive
from tests.support.families import blocks_of

Setting = LayerPair | None


@dataclass(frozen=True)
class Reference:
    """``hits[r]`` is ``[setting, fact]`` of relation r in the language, ``pivot_hits[r]`` its pivot's baseline."""

    settings: tuple[Setting, ...]
    hits: list[np.ndarray]
    pivot_hits: list[np.ndarray]
    pairs_csv: str


def evaluate(
    folder: Path, corpus: Path, facts: ParallelFacts, pool_size: int | None, sentences: int | None = 1
) -> Reference:
    """``sentences`` of each file of ``corpus`` make the vectors, None all."""
    logging.disable_progress_bar()
    causal = '"bloom"' in (folder / "config.json").read_text("utf-8")
    model = (AutoModelForCausalLM if causal else AutoModelForMaskedLM).from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    blocks = model.config.num_hidden_layers
    settings: tuple[Setting, ...] = (
        None,
        *(LayerPair(i, j) for i in range(1, blocks + 1) for j in range(i + 1, blocks + 1)),
    )
    language, pivot = (
        _vectors(model, tokenizer, (corpus / f"{code}.txt").read_text("utf-8").splitlines()[:sentences])
        for code in (facts.language, facts.pivot)
    )

    def hits(relation: Relation, wanted: Sequence[Setting]) -> np.ndarray:
        pool = pool_of(relation, pool_size, 0)
        candidates = [[pool.labels[index] for index in allowed.nonzero()[0]] for allowed in pool.allowed]
        return naive.evaluate(model, tokenizer, relation, candidates, wanted, language, pivot).hits

    ours = [hits(relation, settings) for relation in facts.relations]
    theirs = [hits(relation, [None]) for relation in facts.pivot_relations]
    return Reference(settings, ours, theirs, _pairs_csv(facts, settings, ours, theirs))


def _vectors(model: torch.nn.Module, tokenizer: Any, sentences: Sequence[str]) -> torch.Tensor:
    """``[layer, hidden]``; row 0 is not needed by any pair and left at zero."""
    states: list[torch.Tensor] = []

    def keep(module: object, inputs: object, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        states.append((output[0] if isinstance(output, tuple) else output)[0].double().mean(dim=0))

    handles = [block.register_forward_hook(keep) for block in blocks_of(model)]
    means = []
    with torch.no_grad():
        for sentence in sentences:
            states.clear()
            model(tokenizer(sentence, return_tensors="pt")["input_ids"])
            means.append(torch.stack(states))
    for handle in handles:
        handle.remove()
    mean = torch.stack(means).mean(dim=0)
    return torch.cat([torch.zeros(1, mean.shape[1]), mean.float()])


def _pairs_csv(
    facts: ParallelFacts, settings: Sequence[Setting], ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]
) -> str:
    pivot_facts = [fact.key for relation in facts.pivot_relations for fact in relation.facts]
    known = {key for key, hit in zip(pivot_facts, np.concatenate(theirs, axis=1)[0], strict=True) if hit}
    all_facts = [fact.key for relation in facts.relations for fact in relation.facts]
    shared = set(all_facts) & set(pivot_facts)
    lines = ["lirp,lsrp,accuracy,transferability,facts,shared"]
    for setting, row in zip(settings, np.concatenate(ours, axis=1), strict=True):
        right = {key for key, hit in zip(all_facts, row, strict=True) if hit}
        either = (right & shared) | known
        accuracy = 100 * len(right) / len(all_facts)
        overlap = 100 * len(right & known) / len(either) if either else 0.0
        layers = f"{setting.lirp},{setting.lsrp}" if setting else ","
        lines.append(f"{layers},{accuracy:.6f},{overlap:.6f},{len(all_facts)},{len(shared)}")
    return "\n".join(lines) + "\n"
