"""What is wrong with an encoder-decoder is found when it is loaded: in its blocks, its decoder, or its tokenizer."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelFamily, Precision
from lrp2_bench.models import half
from lrp2_bench.models.generic.check import TOLERANCE
from lrp2_bench.models.seq2seq import layers
from lrp2_bench.models.seq2seq.adapter import Seq2SeqModel
from lrp2_bench.models.seq2seq.layers import EncoderContext, EncoderDecoder
from tests.support import models, toy
from tests.support.loading import edit, load_as
from tests.support.seq2seq import build_seq2seq

Folder = Callable[[str], Path]


def _biased_by_index(patch: pytest.MonkeyPatch) -> None:
    whole = layers._bias_at
    patch.setattr(
        layers, "_bias_at", lambda attention, depths: whole(attention, torch.arange(depths.shape[1]).expand_as(depths))
    )


def _branches_see_each_other(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EncoderDecoder, "additive", lambda self, visible: _open(visible))


def _open(visible: Tensor) -> Tensor:
    whole = torch.ones_like(visible).tril() if visible.shape[1] == visible.shape[2] else visible
    return torch.zeros(visible.shape).masked_fill(~whole, torch.finfo(torch.float32).min).unsqueeze(1)


def _scale_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EncoderDecoder, "_measured_scale", lambda self: 1.0)


def _padding_seen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        EncoderContext, "select", lambda self, rows, tokens: EncoderContext(
            torch.zeros_like(self.mask[rows][..., :tokens]),
            self.bias[..., :tokens, :tokens] if self.bias is not None else None))  # fmt: skip


def _bias_forgotten(patch: pytest.MonkeyPatch) -> None:
    whole = EncoderDecoder.context
    patch.setattr(EncoderDecoder, "context", lambda self, batch: EncoderContext(whole(self, batch).mask, None))


def _norm_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EncoderDecoder, "readout", lambda self, hidden: hidden * self._scale)


@pytest.mark.parametrize(
    ("family", "fault", "told"),
    [
        ("t5", _biased_by_index, "over targets packed into a tree, it differs .* at the logits"),
        ("umt5", _biased_by_index, "over targets packed into a tree, it differs .* at the logits"),
        (
            "mt5",
            _branches_see_each_other,
            "over targets packed into a tree, it differs .* at the logits",
        ),
        ("t5", _scale_forgotten, "over sentences, it differs from its own forward .* at the logits"),
        ("umt5", _scale_forgotten, "over sentences, it differs from its own forward .* at the logits"),
        ("mt5", _padding_seen, "after block 1 of the encoder, in a padded batch"),
        ("t5-1.1", _bias_forgotten, "after block 2 of the encoder"),
        ("mt5", _norm_forgotten, "over sentences, it differs from its own forward .* at the logits"),
    ],
)
def test_a_model_that_is_run_wrongly_is_refused_with_where_it_differs(
    family: str, fault: Callable[[pytest.MonkeyPatch], None], told: str, seq2seq_folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    fault(monkeypatch)
    with pytest.raises(BenchError, match=f"(?s)Cannot run the model in .*{told}.*docs/models.md"):
        load_as(seq2seq_folder(family))


def test_a_model_in_half_precision_is_checked_by_products_in_float32(
    seq2seq_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_as(seq2seq_folder("umt5"), precision=Precision.bfloat16)
    assert isinstance(model, Seq2SeqModel) and half.product_type(model.model) is torch.bfloat16
    assert 0 < model.parity.packed.size < TOLERANCE, "far below what bfloat16 rounds"
    _norm_forgotten(monkeypatch)
    with pytest.raises(BenchError, match="differs from its own forward"):
        load_as(seq2seq_folder("umt5"), precision=Precision.bfloat16)


def test_another_head_than_t5s_is_refused(seq2seq_folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import MT5ForConditionalGeneration

    whole = MT5ForConditionalGeneration.forward

    def shifted(self: Any, *args: Any, **named: Any) -> Any:
        norm = self.decoder.final_layer_norm.register_forward_hook(lambda module, inputs, output: output + 1)
        try:
            return whole(self, *args, **named)
        finally:
            norm.remove()

    monkeypatch.setattr(MT5ForConditionalGeneration, "forward", shifted)
    with pytest.raises(BenchError, match="not the scale that T5 has"):
        load_as(seq2seq_folder("mt5"))


@pytest.fixture
def copy(seq2seq_folder: Folder, tmp_path: Path) -> Path:
    return Path(shutil.copytree(seq2seq_folder("mt5"), tmp_path / "mt5"))


def test_a_tokenizer_without_sentinels_is_refused_with_the_next_step(copy: Path) -> None:
    models.tokenizer_of("xlm-roberta", toy.all_texts(), 260).save_pretrained(copy)
    with pytest.raises(BenchError, match="(?s)no sentinel <extra_id_0>.*reads it as .*Save the tokenizer that .*DIR"):
        load_as(copy)


def test_sentinels_that_the_model_has_no_embedding_for_are_refused(tmp_path: Path) -> None:
    build_seq2seq(tmp_path, "t5", vocab_size=200)
    with pytest.raises(BenchError, match=r"(?s)reads <extra_id_0> as token \d+, but the model has 200.*pretrained"):
        load_as(tmp_path)


def test_weights_that_are_no_numbers_are_told_as_such(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    weights["decoder.block.1.layer.2.DenseReluDense.wo.weight"][:] = torch.nan
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(BenchError, match="not finite numbers, as damaged weights do"):
        load_as(copy)


def test_an_encoder_by_itself_is_refused_for_what_it_lacks(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if not name.startswith("decoder.block")}
    save_file(kept, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(BenchError, match=r"lacks \d+ of the model's weights \(decoder\.block"):
        load_as(copy)


def test_a_head_of_its_own_is_the_one_that_is_used(copy: Path) -> None:
    # T5 1.1, mT5 and umT5 have one; transformers ties it to the embeddings only where the file has none.
    tied = load_as(copy)
    assert torch.equal(tied.vocabulary.weight, tied.model.shared.weight)
    weights = load_file(copy / "model.safetensors")
    weights["lm_head.weight"] = 2 * weights["shared.weight"]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    own = load_as(copy)
    assert torch.equal(own.vocabulary.weight, weights["lm_head.weight"])
    assert torch.equal(own.model.encoder.embed_tokens.weight, weights["shared.weight"])


def test_without_a_start_token_the_decoder_begins_with_padding(copy: Path) -> None:
    edit(copy / "config.json", decoder_start_token_id=None, pad_token_id=None)
    (copy / "generation_config.json").unlink(missing_ok=True)
    assert load_as(copy).start == load_as(copy).padding


@pytest.mark.parametrize("asked", [ModelFamily.masked, ModelFamily.causal])
def test_another_family_that_is_asked_for_is_refused(asked: ModelFamily, copy: Path) -> None:
    with pytest.raises(BenchError, match=re.escape(f"has no {asked.value} language-modelling head, only a seq2seq")):
        load_as(copy, family=asked)
    assert load_as(copy, family=ModelFamily.seq2seq).family == "seq2seq"
