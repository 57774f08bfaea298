"""The probe that fits a model: masked, causal or encoder-decoder, with the paper's pool by default."""

from __future__ import annotations

import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import GridSettings, ProbingSettings, SentenceScore
from lrp2_bench.core.types import Relation
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.seq2seq.layers import EncoderDecoder
from lrp2_bench.probing.causal import CausalProbe
from lrp2_bench.probing.log_partition import LogPartition, rough_is_faster
from lrp2_bench.probing.masked import MaskedProbe
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.probe import Probe
from lrp2_bench.probing.seq2seq import Seq2SeqProbe

#: Candidates a fact in the paper: the full pool for mBERT, 10 for BLOOM; encoder-decoders, which it has none of, are
#: asked as decoders are.
_PAPER_POOL = {"masked": None, "causal": 10, "seq2seq": 10}

#: Rows of states that share one pass over the vocabulary.
_NORMALISER_ROWS = 1024


def pool_size(model: LayeredModel, settings: ProbingSettings) -> int | None:
    """``probing.pool_size``, with ``auto`` resolved for the model's family."""
    return pool_size_of(model.family, settings)


def pool_size_of(family: str, settings: ProbingSettings) -> int | None:
    """:func:`pool_size` of a model that is not loaded yet."""
    size = settings.pool_size
    if size == "auto":
        return _PAPER_POOL[family]
    if size is None or (isinstance(size, int) and not isinstance(size, bool) and size >= 2):
        return size
    raise BenchError(f"probing.pool_size={size!r} is not a pool size. Give a number from 2, null (full pool) or auto.")


def score_of(family: str, settings: ProbingSettings) -> SentenceScore:
    """``probing.sentence_score``, with null resolved for a family; a masked model's is the mean in any case."""
    if family == "masked":
        return SentenceScore.mean
    return settings.sentence_score or (SentenceScore.sum if family == "causal" else SentenceScore.mean)


def build_log_partition(model: LayeredModel, grid: GridSettings) -> LogPartition:
    """One a job: it may hold a copy of the head in low precision."""
    rough = rough_is_faster(model) if grid.rough_log_partitions is None else grid.rough_log_partitions
    return LogPartition(model, _NORMALISER_ROWS, rough=rough and model.dtype is torch.float32)


def build_probe(
    model: LayeredModel,
    relation: Relation,
    pool: Pool,
    where: str,
    probing: ProbingSettings,
    log_partition: LogPartition,
    data_warnings: DataWarnings,
    *,
    full: bool = False,
) -> Probe:
    """The probe of one relation; ``where`` names it in warnings. ``full``: for all scores, not for hits."""
    if model.family == "masked":
        return MaskedProbe(model, relation, pool, where, data_warnings, log_partition)
    score = score_of(model.family, probing)
    if isinstance(model, EncoderDecoder):
        closing = probing.closing_sentinel
        return Seq2SeqProbe(
            model, relation, pool, where, data_warnings, log_partition, score, closing=closing, full=full
        )
    return CausalProbe(model, relation, pool, where, data_warnings, log_partition, score, full=full)
