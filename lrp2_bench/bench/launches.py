"""How often the host tells a GPU to do something, and how often it waits for an answer, for each fact.

Counted on a stand-in for a GPU (:mod:`lrp2_bench.bench.stand_in`), with batches as large as a GPU's: the numbers depend
on the code alone, not on the machine. The model is narrow, since width changes no count, and has random weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch

from lrp2_bench.bench.models import RandomModel, random_model, random_vectors
from lrp2_bench.bench.stand_in import StandIn, put
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import ProbingSettings
from lrp2_bench.core.types import LayerPair, Relation, all_pairs
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.generic.adapter import GenericCausal
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.registry import ARCHITECTURES
from lrp2_bench.probing.build import build_probe, pool_size
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import pool_of

#: Blocks of the models, and so 153 pairs.
BLOCKS = 18

#: What a GPU's defaults give a model as wide as mBERT in 154 configurations: 16 GiB of frontier, tokens of a step.
GPU = Limits(query_tokens=6_000, step_tokens=32_768)

#: Parts of the engine, and what of it counts as which.
PHASES = ("frontier", "blocks", "head", "ranking")
_OF_MODEL = {"context": "blocks", "embed": "blocks", "block": "blocks", "block_at": "blocks", "readout": "head"}
_OF_LOG_PARTITION = ("exact", "bounds", "leading", "over", "led", "slip")

_WIDTH, _HEADS, _VOCAB, _SPREAD = 32, 2, 20_000, 0.3


@dataclass(frozen=True)
class Launches:
    """Of one relation: operators launched and waits of the host, for each fact, by phase."""

    family: str
    relation: str
    facts: int
    launches: dict[str, float]
    waits: dict[str, float]

    @property
    def launched(self) -> float:
        return sum(self.launches.values())

    @property
    def waited(self) -> float:
        return sum(self.waits.values())


def count_launches(
    family: str,
    relation: Relation,
    texts: Sequence[str],
    seed: int,
    blocks: int = BLOCKS,
    limits: Limits = GPU,
    pairs: Sequence[LayerPair] | None = None,
) -> Launches:
    """Hits of all ``pairs`` (by default of every pair) of a random ``family`` of model, counted."""
    stand_in = StandIn()
    with torch.inference_mode():
        model = _model(family, texts, seed, blocks, stand_in)
        with stand_in.counting():
            moved = shifts(*random_vectors(model, seed))
        plan = plan_grid(blocks, all_pairs(blocks) if pairs is None else pairs)
        with stand_in.counting():
            log_partition = LogPartition(model, 1024, rough=False)
            pool = pool_of(relation, pool_size(model, ProbingSettings()), seed)
            probe = build_probe(model, relation, pool, relation.name, ProbingSettings(), log_partition, DataWarnings())
        stand_in.launches.clear()
        stand_in.waits.clear()
        with stand_in.counting(), _phases(stand_in, model), stand_in.phase("ranking"):
            evaluate(probe, plan, moved, range(len(relation.facts)), limits, lambda steps=1: None)
    facts = len(relation.facts)
    launches, waits = (
        {phase: sum(n for (at, _), n in counts.items() if at == phase) / facts for phase in PHASES}
        for counts in (stand_in.launches, stand_in.waits)
    )
    return Launches(family, relation.name, facts, launches, waits)


def _model(family: str, texts: Sequence[str], seed: int, blocks: int, stand_in: StandIn) -> LayeredModel:
    """On the stand-in: BERT for ``masked``, Llama by the generic adapter for ``causal``."""
    size = RandomModel(family, "bert" if family == "masked" else "bloom", blocks, _WIDTH, _HEADS, _VOCAB, _SPREAD)
    made: Any = random_model(size, texts, torch.device("cpu"), seed)
    module, adapter = made.model, ARCHITECTURES.get("bert").adapter
    if family == "causal":
        from transformers import LlamaConfig, LlamaForCausalLM

        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=_VOCAB, hidden_size=_WIDTH, num_hidden_layers=blocks, num_attention_heads=_HEADS,
            intermediate_size=4 * _WIDTH, initializer_range=_SPREAD, pad_token_id=made.padding,
        )  # fmt: skip
        module, adapter = LlamaForCausalLM(config), GenericCausal
    put(module)
    with stand_in.counting():
        found: LayeredModel = adapter(module, made.tokenizer)
    return found


@contextmanager
def _phases(stand_in: StandIn, model: LayeredModel) -> Iterator[None]:
    """Inside, operators count as of the part of the engine that runs them."""

    def counted(function: Any, phase: str) -> Any:
        def inside(*args: Any, **named: Any) -> Any:
            with stand_in.phase(phase):
                return function(*args, **named)

        return inside

    with ExitStack() as stack:
        for name, phase in _OF_MODEL.items():
            stack.enter_context(patch.object(model, name, counted(getattr(model, name), phase)))
        for name in _OF_LOG_PARTITION:
            stack.enter_context(patch.object(LogPartition, name, counted(getattr(LogPartition, name), "head")))
        stack.enter_context(patch.object(FrontierRunner, "__call__", counted(FrontierRunner.__call__, "frontier")))
        yield
