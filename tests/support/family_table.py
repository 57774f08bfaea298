"""Run every family of models and write docs/models.md: ``python -m tests.support.family_table [FILE]``.

The numbers in that page are those of a run. Families are the tiny random models of :mod:`tests.support.families`, all
of them by the generic adapter, also where there is a fast path.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelFamily
from lrp2_bench.core.types import all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.architecture import choose_family
from lrp2_bench.models.generic.adapter import GenericModel
from lrp2_bench.probing.pools import pool_of
from tests.support import naive, toy
from tests.support.families import FAMILIES, build_family, load_generic
from tests.support.paths import REPOSITORY
from tests.support.probing import hits_of, probe_of
from tests.support.vectors import random_vectors

PAGE = REPOSITORY / "docs" / "models.md"

#: What config.json says of models that are refused.
REFUSED: dict[str, dict[str, object]] = {
    "CANINE": {"model_type": "canine"},
    "X-MOD": {"model_type": "xmod"},
    "XLM": {"model_type": "xlm"},
    "Gemma 3n": {"model_type": "gemma3n"},
    "Gemma 4 with shared keys and values": {"model_type": "gemma4", "text_config": {"num_kv_shared_layers": 2}},
    "T5, mT5, BART and other encoder-decoders": {"model_type": "mt5", "is_encoder_decoder": True},
    "ELECTRA's discriminators": {"model_type": "electra", "architectures": ["ElectraForPreTraining"]},
}

_INTRODUCTION = """\
# Models

`model=hf model.path=DIR_OR_HUB_ID` runs any causal or masked language model of the Hugging Face library whose blocks
stand in one list. BERT, XLM-R, DistilBERT and BLOOM have adapters of their own; all others run by one generic adapter
(`lrp2_bench/models/generic`), which knows no architecture: it runs the model's own forward with its blocks taken out
and listens to what each of them would be called with. When a model is loaded it is checked against its own forward,
with products in float32 whatever its matrices are rounded to ([large models](large_models.md)):

* sentences row by row, after every block and at the logits: a difference above 1e-4 of the spread is a refusal that
  says where it begins;
* sentences packed into a tree: a difference means that a token sees what stands before it in its row whatever the mask
  says (recurrence, convolutions, masks by index), and such a model runs one row per sentence.

The log says which. Masked or causal is told by the architecture, never by the tokenizer's mask token;
`model.family=masked|causal` decides where an architecture has heads of both kinds. Code that comes with a checkpoint is
never run.

## Families

Tiny random models (4 blocks, width 32; windows, chunks and caps small enough to matter). *Plain* and *packed*: the
largest difference from the model's own forward, in units of the spread. *Hits*: cells (facts x layer pairs and the
baseline) that differ from one hooked forward pass per pair, of all of them. *Speed*: that evaluator's seconds of
processor time by ours, on one core; tiny models say little of large ones. *Last block*: at scored positions alone, or
whole.
"""


@dataclass(frozen=True)
class Row:
    """One family's line."""

    name: str
    model: str
    blocks: int
    plain: str
    packed: str
    last: str
    hits: str
    speed: str

    def cells(self) -> Sequence[str]:
        blocks = str(self.blocks)
        return (self.name, self.model, blocks, self.plain, self.packed, self.last, self.hits, self.speed)


def measure(name: str, folder: Path, mlama: Path) -> Row:
    """Build, load, check, and compare with the naive evaluator. Raises whatever fails."""
    model = load_generic(build_family(folder / name, name))
    _against_naive(model, mlama)  # the first of anything is slow
    differing, cells, ours, theirs = _against_naive(model, mlama)
    packed = model.parity.packed
    if packed is None:
        how = "never packed"
    else:
        how = f"{packed.size:.1e}" if packed.passes else f"one row per sentence ({packed.size:.1f})"
    return Row(
        name=name,
        model=type(model.model).__name__,
        blocks=len(model.modules),
        plain=f"{model.parity.plain.size:.1e}",
        packed=how,
        last="at positions" if model.last_at_positions else "whole",
        hits=f"{differing} of {cells}",
        speed=f"{theirs / ours:.1f}x",
    )


def _against_naive(model: GenericModel, mlama: Path) -> tuple[int, int, float, float]:
    """Differing cells, all cells, and the two evaluators' seconds of processor time."""
    relation = MLama(mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    language, pivot = random_vectors(model, 1), random_vectors(model, 2)
    plan, pool = plan_grid(model.blocks, all_pairs(model.blocks)), pool_of(relation, None, 0)
    probe = probe_of(model, relation, pool=pool)
    start = time.process_time()
    ours = hits_of(probe, len(relation.facts), plan, shifts(language, pivot))
    between = time.process_time()
    candidates = [[pool.labels[index] for index in allowed.nonzero()[0]] for allowed in pool.allowed]
    theirs = naive.evaluate(
        model.model, model.tokenizer, relation, candidates, plan.settings, language, pivot
    )  # fmt: skip
    return int((ours != theirs.hits).sum()), ours.size, between - start, time.process_time() - between


def refusal(config: dict[str, object]) -> tuple[str, str]:
    """The reason and the way out that a user is given."""
    try:
        choose_family(config, ModelFamily.auto, "DIR")
    except BenchError as error:
        reason, way_out = str(error).split("\n", 1)
        return reason.split(": ", 1)[1], way_out
    raise AssertionError(f"{config} is not refused")


def page(rows: Sequence[Row]) -> str:
    """The whole of docs/models.md."""
    head = ("family", "model", "blocks", "plain", "packed", "last block", "hits that differ", "speed")
    lines = [_INTRODUCTION, _line(head), _line(["---"] * len(head)), *(_line(row.cells()) for row in rows), ""]
    lines += ["## Refused", "", "| model | why | what to do |", "| --- | --- | --- |"]
    lines += [_line((name, *refusal(config))) for name, config in REFUSED.items()]
    lines += [
        "",
        "Others are refused by the check, which says where they differ from their own forward. FNet, Nystromformer and",
        "ConvBERT, whose blocks mix or mask tokens by their place in a padded row, are such.",
        "",
        f"Written by `python -m tests.support.family_table` with transformers {transformers.__version__} and PyTorch "
        f"{torch.__version__}.",
        "",
    ]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(target: Path) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        mlama = toy.build_mlama(Path(folder) / "mlama")
        rows = []
        for name in FAMILIES:
            rows.append(measure(name, Path(folder), mlama))
            print(_line(rows[-1].cells()), flush=True)
    target.write_text(page(rows), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE)
