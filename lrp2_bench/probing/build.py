"""The probe that fits a model: masked or causal, with the paper's pool unless told otherwise."""

from __future__ import annotations

from lrp2_bench.errors import BenchError
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.notices import Notices
from lrp2_bench.probing.causal import CausalProbe
from lrp2_bench.probing.masked import MaskedProbe
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.probe import Probe
from lrp2_bench.settings import GridSettings, ProbingSettings
from lrp2_bench.types import Relation

#: Candidates a fact in the paper: the full pool for mBERT, 10 for BLOOM.
_PAPER_POOL = {"masked": None, "causal": 10}

_LOGIT_BYTES = 256 * 2**20


def pool_size(model: LayeredModel, settings: ProbingSettings) -> int | None:
    """``probing.pool_size``, with ``auto`` resolved for the model's family."""
    size = settings.pool_size
    if size == "auto":
        return _PAPER_POOL[model.family]
    if size is None or (isinstance(size, int) and not isinstance(size, bool) and size >= 2):
        return size
    raise BenchError(f"probing.pool_size={size!r} is no pool size. Give a number from 2, null (full pool) or auto.")


def build_probe(
    model: LayeredModel,
    relation: Relation,
    pool: Pool,
    where: str,
    probing: ProbingSettings,
    grid: GridSettings,
    notices: Notices,
) -> Probe:
    """The probe of one relation; ``where`` names it in warnings."""
    batch_tokens = grid.batch_tokens or (16_384 if model.device.type == "cuda" else 2_048)
    logit_rows = grid.logit_rows or max(1, _LOGIT_BYTES // (4 * model.vocab_size))
    if model.family == "masked":
        return MaskedProbe(model, relation, pool, where, notices, batch_tokens=batch_tokens, logit_rows=logit_rows)
    return CausalProbe(
        model,
        relation,
        pool,
        where,
        notices,
        score=probing.sentence_score,
        batch_tokens=batch_tokens,
        logit_rows=logit_rows,
    )
