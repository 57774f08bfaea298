"""What weights will take is known before they are read, and what does not fit is an error with the way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelSettings, Precision, Quantization
from lrp2_bench.models import memory
from lrp2_bench.models.devices import choose_device, require_precision
from lrp2_bench.models.memory import empty_model, weight_bytes
from tests.support.loading import load_as
from tests.support.seq2seq import build_seq2seq

Folder = Callable[[str], Path]


@pytest.mark.parametrize("precision", list(Precision))
@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral"])
def test_the_bytes_counted_on_the_configuration_are_those_that_a_loaded_model_takes(
    family: str, precision: Precision, family_folder: Folder
) -> None:
    empty = empty_model(AutoModelForCausalLM, family_folder(family))
    assert all(weight.is_meta for weight in empty.parameters())
    counted = weight_bytes(empty, getattr(torch, precision.value), None)
    model = load_as(family_folder(family), precision=precision).model
    kept = [*model.parameters(), *model.buffers()]
    assert counted.total == sum(each.numel() * each.element_size() for each in kept)
    assert 0 < counted.of("model.layers.0" if family != "gpt2" else "transformer.h.0") < counted.total / 4


@pytest.mark.parametrize("packed", ["int8", "nf4"])
@pytest.mark.parametrize("family", ["llama", "t5"])
def test_the_bytes_of_packed_weights_are_counted_within_a_few_percent(
    family: str, packed: str, family_folder: Folder, tmp_path: Path
) -> None:
    pytest.importorskip("bitsandbytes", reason="the extra 'large' is not installed")
    folder = family_folder(family) if family == "llama" else build_seq2seq(tmp_path, family)
    empty = empty_model(AutoModelForCausalLM if family == "llama" else AutoModelForSeq2SeqLM, folder)
    model = load_as(folder, quantization=Quantization(packed)).model
    kept = sum(each.numel() * each.element_size() for each in (*model.parameters(), *model.buffers()))
    assert weight_bytes(empty, torch.float32, packed).total == pytest.approx(kept, rel=0.05)


def test_a_model_larger_than_what_is_free_is_refused_before_its_weights_are_read(
    family_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrp2_bench.models.weights._halved_as_read", lambda dtype: pytest.fail("weights are read"))
    monkeypatch.setattr(memory, "free_bytes", lambda device: 200_000)
    needed = r"needs 251,040 bytes \(0.0 GiB\) of this machine's memory, and 200,000 .*are free"
    with pytest.raises(BenchError, match=f"(?s){needed}.*model.precision=bfloat16.*quantization.*device_map=auto"):
        load_as(family_folder("llama"))


def test_memory_that_runs_out_while_weights_are_read_is_told_as_such(
    family_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory, in play")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", fail)
    with pytest.raises(BenchError, match=r"(?s)Loading '.*needs 251,040 bytes.*are free.*model.device_map=auto"):
        load_as(family_folder("llama"))


def test_a_precision_that_a_device_lacks_is_refused(family_folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    for precision in Precision:
        require_precision(torch.device("cpu"), precision)

    def fail(*args: object, **named: object) -> None:
        raise RuntimeError("not implemented for 'BFloat16'")

    monkeypatch.setattr("lrp2_bench.models.devices.torch.ones", fail)
    with pytest.raises(BenchError, match=r"(?s)precision=bfloat16 does not run on cpu: not impl.*model.precision="):
        load_as(family_folder("llama"), precision=Precision.bfloat16)


def test_a_device_without_memory_is_none() -> None:
    with pytest.raises(BenchError, match="model.device=meta holds no weights"):
        choose_device("meta")


def test_the_settings_of_large_models_change_no_identity_that_does_not_use_them() -> None:
    from lrp2_bench.commands.search.fingerprint import _model

    assert _model("a", ModelSettings()) == {"digest": "a", "precision": "float32"}
    assert _model("a", ModelSettings(device_map="auto")) == {"digest": "a", "precision": "float32"}
    packed = _model("a", ModelSettings(quantization=Quantization.nf4, precision=Precision.bfloat16))
    assert packed == {"digest": "a", "precision": "bfloat16", "quantization": "nf4"}
