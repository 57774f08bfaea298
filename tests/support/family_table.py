"""Run every family of models and write docs/models.md: ``python -m tests.support.family_table [FILE]``.

``python -m tests.support.family_table --model DIR_OR_GGUF MLAMA`` runs one real model on two of mLAMA's German facts
instead and prints its line, which the page keeps.

The numbers in that page are those of a run. Families are the tiny random models of :mod:`tests.support.families`, all
of them by the generic adapter, also where there is a fast path, and those of :mod:`tests.support.seq2seq`.
"""

from __future__ import annotations

import logging
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import torch
import transformers

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelFamily, ModelSettings
from lrp2_bench.core.types import LayerPair, Relation, all_pairs
from lrp2_bench.data.cldr.corpus import CldrCorpus
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.architecture import choose_family
from lrp2_bench.models.generic.adapter import GenericModel
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.models.names import folder_name
from lrp2_bench.models.seq2seq.adapter import Seq2SeqModel
from lrp2_bench.probing.pools import pool_of
from tests.support import naive, named_table, toy
from tests.support.families import FAMILIES, build_family, load_generic
from tests.support.loading import load_as
from tests.support.paths import REPOSITORY
from tests.support.probing import hits_of, probe_of
from tests.support.seq2seq import SEQ2SEQ, build_seq2seq
from tests.support.vectors import random_vectors, vectors_of

PAGE = REPOSITORY / "docs" / "models.md"

#: What config.json says of models that are refused.
REFUSED: dict[str, dict[str, object]] = {
    "CANINE": {"model_type": "canine"},
    "X-MOD": {"model_type": "xmod"},
    "XLM": {"model_type": "xlm"},
    "Gemma 3n": {"model_type": "gemma3n"},
    "Gemma 4 with shared keys and values": {"model_type": "gemma4", "text_config": {"num_kv_shared_layers": 2}},
    "BART, mBART, M2M100, NLLB, Marian, Pegasus and other encoder-decoders": {"model_type": "m2m_100"},
    "ELECTRA's discriminators": {"model_type": "electra", "architectures": ["ElectraForPreTraining"]},
}

_INTRODUCTION = """\
# Models

`model=hf model.path=DIR_OR_HUB_ID` runs any causal or masked language model of the Hugging Face library whose blocks
stand in one list, and the encoder-decoders T5, mT5 and umT5 (below). BERT, XLM-R, DistilBERT and BLOOM have adapters of
their own; all other causal and masked models run by one generic adapter
(`lrp2_bench/models/generic`), which knows no architecture: it runs the model's own forward with its blocks taken out
and listens to what each of them would be called with. When a model is loaded it is checked against its own forward,
with products in float32 whatever its matrices are rounded to ([large models](large_models.md)):

* sentences, alone and padded, after every block and at the logits: a difference above 1e-4 of the spread is a refusal
  that says where it begins. Each block is given what the model's own forward made of the sentence up to there: where
  attention is sharp, rounding that passes thirty blocks grows beyond what a mistake in one makes;
* sentences packed into a tree: a difference means that a token sees what stands before it in its row whatever the mask
  says (recurrence, convolutions, masks by index), and such a model runs one row per sentence.

The log says which. Masked or causal is told by the architecture, never by the tokenizer's mask token;
`model.family=masked|causal` decides where an architecture has heads of both kinds. Code that comes with a checkpoint is
never run.

## Encoder-decoders

T5 (1.0 and 1.1), mT5 and umT5 were trained to fill in sentinels, and are asked so: `[Y]` becomes `<extra_id_0>` in the
query, which the encoder reads with whatever special tokens the tokenizer adds, and the decoder is to write
`<extra_id_0> object <extra_id_1>`. An object's tokens are those that the tokenizer gives it by itself.

* LRP2 moves the encoder's states, after its blocks 1 to L; the decoder is left as it is and sees what the encoder makes
  of it. Language vectors are of the encoder's states of plain sentences.
* The score is the mean log-probability of the object's tokens; `probing.sentence_score=sum` is their sum, and
  `probing.closing_sentinel=true` counts `<extra_id_1>` as one of them, so that an object which begins a longer one has
  to end there. The opening sentinel never counts. Both settings are part of what decides hits. Pools are of ten
  candidates unless `probing.pool_size` says otherwise.
* One encoder run of a query and layer pair serves all candidates, which run through the decoder as one tree: a token
  sees those before it in its own target, relative positions are of its depth, and all look at the encoder's states.
* `alignment.csv` and `analysis=alignment` compare the encoder's states of the query with its object written in the
  place of the sentinel, as in any plain sentence; `analysis.pooling=scored` reads those at the sentinel itself.
  Retrieval, languages and tokens are as for other models. `analysis=neurons` is refused: it attributes facts at the
  positions that score an object, which are the decoder's.
* The check at load compares the encoder after every block, the logits of plain targets, and those of a packed tree; any
  difference is a refusal. `model.precision=float16` leaves the feed-forwards' second maps in float32, as the library's
  own loader does: they overflow.

A tokenizer without sentinels, as that of a translation model, is refused. What a checkpoint was fine-tuned on after its
pretraining cannot be seen: one that no longer fills in sentinels answers by chance.

## Families

Tiny random models (4 blocks, width 32; windows, chunks and caps small enough to matter). *Plain* and *packed*: the
largest difference of a block, or of the logits, from the model's own forward, in units of the spread; an
encoder-decoder's blocks are its encoder's, its trees are of targets. *Hits*: cells (facts x layer pairs and the
baseline) that differ from one hooked forward pass per pair, of all of them. *Speed*: that evaluator's seconds of
processor time by ours, on one core; tiny models say little of large ones. *Last block*: at scored positions alone, or
whole.
"""


_REAL = """\
## A real model at full size

Two of mLAMA's German facts (P36), pools of ten, a baseline and a dozen layer pairs spread over all, vectors of the
sentences that ship, one or two busy CPU cores. *Seconds*: processor time of ours and of one hooked forward pass per
pair; with all pairs the ratio is larger. *Memory*: the process's peak once the model is loaded and checked.
"""

REAL_HEAD = ("model", "class", "blocks", "plain", "packed", "hits that differ", "ours", "hooks", "memory")


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


def load(name: str, folder: Path) -> GenericModel | Seq2SeqModel:
    """Build a family's model and load it, which checks it."""
    if name in FAMILIES:
        return load_generic(build_family(folder / name, name))
    model = load_as(build_seq2seq(folder / name, name))
    assert isinstance(model, Seq2SeqModel)
    return model


def measure(name: str, model: GenericModel | Seq2SeqModel, mlama: Path) -> Row:
    """Compare with the naive evaluator. Raises whatever fails."""
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
        blocks=model.blocks,
        plain=f"{model.parity.plain.size:.1e}",
        packed=how,
        last="at positions" if isinstance(model, GenericModel) and model.last_at_positions else "whole",
        hits=f"{differing} of {cells}",
        speed=f"{theirs / ours:.1f}x",
    )


def _against_naive(model: LayeredModel, mlama: Path) -> tuple[int, int, float, float]:
    """Differing cells, all cells, and the two evaluators' seconds of processor time."""
    relation = MLama(mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    language, pivot = random_vectors(model, 1), random_vectors(model, 2)
    return _compare(model, relation, (language, pivot), all_pairs(model.blocks), None)


def _compare(
    model: GenericModel,
    relation: Relation,
    vectors: tuple[torch.Tensor, torch.Tensor],
    pairs: Sequence[LayerPair],
    pool_size: int | None,
) -> tuple[int, int, float, float]:
    language, pivot = vectors
    plan, pool = plan_grid(model.blocks, pairs), pool_of(relation, pool_size, 0)
    probe = probe_of(model, relation, pool=pool)
    start = time.process_time()
    ours = hits_of(probe, len(relation.facts), plan, shifts(language, pivot))
    between = time.process_time()
    candidates = [[pool.labels[index] for index in allowed.nonzero()[0]] for allowed in pool.allowed]
    theirs = naive.evaluate(
        model.model, model.tokenizer, relation, candidates, plan.settings, language, pivot,
        mean=model.family == "seq2seq",
    )  # fmt: skip
    return int((ours != theirs.hits).sum()), ours.size, between - start, time.process_time() - between


def measure_real(path: str, mlama: Path) -> str:
    """The line of a real model: a GGUF file is converted before, and memory is what loading the folder takes."""
    settings = ModelSettings(path=path, device="cpu")
    found = find_checkpoint(settings)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = load_model(found, settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert isinstance(model, GenericModel)
    assert model.parity.packed is not None
    relation = MLama(mlama, relations=["P36"], limit=2).facts("de", "en", DataWarnings()).relations[0]
    vectors = [vectors_of(model, CldrCorpus(40).sentences(code, DataWarnings())).values for code in ("de", "en")]
    pairs = all_pairs(model.blocks)[:: len(all_pairs(model.blocks)) // 12]
    differing, cells, ours, theirs = _compare(model, relation, (vectors[0], vectors[1]), pairs, 10)
    size = sum(weights.numel() for weights in model.model.parameters()) * 4 / 1e9
    return _line(
        (
            folder_name(None, path), type(model.model).__name__, str(model.blocks), f"{model.parity.plain.size:.1e}",
            f"{model.parity.packed.size:.1e}", f"{differing} of {cells}", f"{ours:.1f} s", f"{theirs:.1f} s",
            f"{peak / 1e6:.1f} GB ({before / 1e6:.1f} before; weights {size:.1f})",
        )
    )  # fmt: skip


def refusal(config: dict[str, object]) -> tuple[str, str]:
    """The reason and the way out that a user is given."""
    try:
        choose_family(config, ModelFamily.auto, "DIR")
    except BenchError as error:
        reason, way_out = str(error).split("\n", 1)
        return reason.split(": ", 1)[1], way_out
    raise AssertionError(f"{config} is not refused")


def real_lines(target: Path) -> list[str]:
    """The lines of real models that the page has, which take longer to make again."""
    lines = target.read_text("utf-8").splitlines() if target.is_file() else []
    start = lines.index(_line(REAL_HEAD)) + 2 if _line(REAL_HEAD) in lines else len(lines)
    return list(takewhile(bool, lines[start:]))


def page(rows: Sequence[Row], real: Sequence[str]) -> str:
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
        _REAL,
        _line(REAL_HEAD),
        _line(["---"] * len(REAL_HEAD)),
        *real,
        "",
        named_table.SECTION,
        _line(named_table.HEAD),
        _line(["---"] * len(named_table.HEAD)),
        *(_line(row) for row in named_table.rows()),
        named_table.LATER,
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
        for name in (*FAMILIES, *SEQ2SEQ):
            rows.append(measure(name, load(name, Path(folder)), mlama))
            print(_line(rows[-1].cells()), flush=True)
    target.write_text(page(rows, real_lines(target)), "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--model"]:
        warnings.simplefilter("ignore")
        print(measure_real(sys.argv[2], Path(sys.argv[3])))
    else:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE)
