"""The family by architecture, and what cannot be run at all: told from config.json, before any weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelFamily
from lrp2_bench.models.architecture import choose_family
from tests.support.families import build_family
from tests.support.loading import edit, load_as

AUTO = ModelFamily.auto

#: What a user of an encoder-decoder is told that does not run (NLLB's model_type is m2m_100).
ENCODER_DECODERS = r"only T5's family \(T5, mT5, umT5\) is run", "google/mt5-small, an encoder such as .*a decoder such"


@pytest.mark.parametrize(
    ("config", "family"),
    [
        ({"model_type": "llama"}, "causal"),
        ({"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"]}, "causal"),
        ({"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]}, "causal"),
        ({"model_type": "modernbert"}, "masked"),
        ({"model_type": "bert"}, "masked"),
        ({"model_type": "bert", "architectures": ["BertForPreTraining"]}, "masked"),
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "masked"),
        ({"model_type": "bert", "architectures": ["BertLMHeadModel"]}, "causal"),
        ({"model_type": "roberta", "architectures": ["RobertaForCausalLM"]}, "causal"),
        ({"model_type": "roberta", "is_decoder": True}, "causal"),
        ({"model_type": "roberta", "is_decoder": True, "architectures": ["RobertaForMaskedLM"]}, "masked"),
        ({"model_type": "bert", "architectures": None}, "masked"),
        ({"model_type": "t5"}, "seq2seq"),
        (
            {"model_type": "mt5", "is_encoder_decoder": True, "architectures": ["MT5ForConditionalGeneration"]},
            "seq2seq",
        ),
        ({"model_type": "umt5", "is_encoder_decoder": True}, "seq2seq"),
        ({"model_type": "bart", "is_encoder_decoder": False, "is_decoder": True}, "causal"),  # its decoder by itself
    ],
)
def test_the_family_is_told_by_the_architecture(config: dict[str, Any], family: str) -> None:
    assert choose_family(config, AUTO, "DIR") == family


def test_a_family_that_is_asked_for_decides_where_there_are_heads_of_both_kinds() -> None:
    config = {"model_type": "roberta", "architectures": ["RobertaForMaskedLM"]}
    assert choose_family(config, ModelFamily.causal, "DIR") == "causal"
    assert choose_family(config, ModelFamily.masked, "DIR") == "masked"


@pytest.mark.parametrize(
    ("kind", "asked", "only"),
    [("llama", "masked", "causal"), ("modernbert", "causal", "masked"), ("llama", "seq2seq", "causal")],
)
def test_a_family_that_the_architecture_has_no_head_for_is_refused(kind: str, asked: str, only: str) -> None:
    with pytest.raises(
        BenchError, match=f"(?s)model.family={asked}.*{kind}.*only a {only} one.*Leave model.family out"
    ):
        choose_family({"model_type": kind}, ModelFamily(asked), "DIR")


@pytest.mark.parametrize(
    ("config", "reason", "way_out"),
    [
        ({"model_type": "canine"}, "characters and has no language-modelling head", "xlm-roberta"),
        ({"model_type": "xmod"}, "adapter of its language", "xlm-roberta"),
        ({"model_type": "xlm"}, "no modules that are blocks", "xlm-roberta"),
        ({"model_type": "gemma3n"}, "four versions of the hidden states", "gemma-3-1b"),
        ({"model_type": "gemma3n_text"}, "four versions of the hidden states", "gemma-3-1b"),
        ({"model_type": "gemma4_text", "num_kv_shared_layers": 2}, "keys and values of earlier ones", "without shared"),
        ({"model_type": "gemma4", "text_config": {"num_kv_shared_layers": 2}}, "keys and values", "without shared"),
        *(({"model_type": kind}, *ENCODER_DECODERS) for kind in ("bart", "mbart", "m2m_100", "marian", "pegasus")),
        *(({"model_type": kind}, *ENCODER_DECODERS) for kind in ("longt5", "nllb-moe", "seamless_m4t", "whisper")),
        ({"model_type": "bart", "is_encoder_decoder": True}, *ENCODER_DECODERS),
        ({"model_type": "bert", "is_encoder_decoder": True}, *ENCODER_DECODERS),
        ({"model_type": "electra", "architectures": ["ElectraForPreTraining"]}, "replaced tokens", "its generator"),
        ({"model_type": "vit"}, "without a causal or masked language-modelling head", "Supported: .*Llama"),
        ({"model_type": "bertt"}, "Unknown architecture .*'bertt'", "Supported: .*Llama.*newer transformers"),
        ({"model_type": "xlm_roberta"}, "Unknown architecture", "Supported: .*XLM-R"),
        ({}, "names no model_type", "Supported: .*Llama"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_reason_and_a_way_out(
    config: dict[str, Any], reason: str, way_out: str
) -> None:
    with pytest.raises(BenchError, match=f"(?s){reason}.*{way_out}") as refusal:
        choose_family(config, AUTO, "DIR")
    assert "'DIR'" in str(refusal.value)
    # A config.json that is edited to pass for another architecture's would load, and run as none.
    assert "Did you mean" not in str(refusal.value) and "config.json" not in str(refusal.value)


@pytest.mark.parametrize("shared", [0, None])
def test_a_gemma4_without_shared_keys_and_values_is_a_causal_model(shared: int | None) -> None:
    assert choose_family({"model_type": "gemma4_text", "num_kv_shared_layers": shared}, AUTO, "DIR") == "causal"


def test_a_refused_architecture_is_refused_before_its_weights_are_read(bert_copy: Path) -> None:
    (bert_copy / "model.safetensors").write_bytes(b"nothing that could be read")
    edit(bert_copy / "config.json", model_type="canine")
    with pytest.raises(BenchError, match="CANINE reads characters"):
        load_as(bert_copy)


def test_a_causal_tokenizer_with_a_mask_token_does_not_make_a_masked_model(tmp_path: Path) -> None:
    build_family(tmp_path, "llama", tokenizer="xlm-roberta")
    model = load_as(tmp_path)
    assert model.tokenizer.mask_token_id is not None
    assert model.family == "causal"


def test_blooms_slow_variant_runs_by_the_generic_adapter(model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model_folder("bloom"), tmp_path / "bloom"))
    assert type(load_as(copy)).__name__ == "BloomModel"
    edit(copy / "config.json", slow_but_exact=True)
    assert type(load_as(copy)).__name__ == "GenericCausal"


@pytest.mark.parametrize(
    ("architecture", "adapter"),
    [
        ("bert", "BertModel"),
        ("xlm-roberta", "XlmRobertaModel"),
        ("distilbert", "DistilBertModel"),
        ("bloom", "BloomModel"),
    ],
)
def test_fast_paths_are_kept(architecture: str, adapter: str, model_folder: Callable[[str], Path]) -> None:
    assert type(load_as(model_folder(architecture))).__name__ == adapter
