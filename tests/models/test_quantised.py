"""Matrices packed by bitsandbytes: what runs, what it is called, and what is refused with the next step."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import Precision, Quantization
from lrp2_bench.models import quantised
from lrp2_bench.models.generic.adapter import GenericModel
from lrp2_bench.models.neurons import changed_neurons, frozen, neuron_count
from lrp2_bench.models.quantised import UnpackedLinear
from tests.models.generic.test_check import _blocks_swapped, _norm_left_out
from tests.support.loading import edit, load_as

Folder = Callable[[str], Path]

KINDS = list(Quantization)


@pytest.fixture
def bitsandbytes() -> None:
    pytest.importorskip("bitsandbytes", reason="the extra 'large' is not installed")


def _size(model: torch.nn.Module) -> int:
    return sum(module.weight.numel() * module.weight.element_size() for module in model.modules()
               if isinstance(module, UnpackedLinear))  # fmt: skip


@pytest.mark.usefixtures("bitsandbytes")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", ["llama", "gpt2", "bert", "bloom"])
def test_packed_matrices_run_and_differ_from_their_own_forward_by_nothing(
    family: str, kind: Quantization, family_folder: Folder
) -> None:
    model = load_as(family_folder(family), quantization=kind)
    assert isinstance(model, GenericModel)
    assert model.parity.plain.size < 1e-5 and model.precision == f"{kind.value}+float32"
    packed = [module for module in model.model.modules() if isinstance(module, UnpackedLinear)]
    assert {module.weight.dtype for module in packed} == {torch.int8 if kind is Quantization.int8 else torch.uint8}
    whole = load_as(family_folder(family))
    batch = whole.batch([list(range(5, 17))])
    ours, truth = model.model(batch.ids).logits, whole.model(batch.ids).logits
    assert 0 < (ours - truth).std() < (0.1 if kind is Quantization.int8 else 0.9) * truth.std()


@pytest.mark.usefixtures("bitsandbytes")
@pytest.mark.parametrize("kind", KINDS)
def test_a_sentences_logits_do_not_depend_on_what_is_computed_with_it(
    kind: Quantization, family_folder: Folder
) -> None:
    model = load_as(family_folder("llama"), quantization=kind, precision=Precision.bfloat16)
    assert model.precision == f"{kind.value}+bfloat16"
    alone, pair = model.batch([[5, 6, 7, 8]]), model.batch([[5, 6, 7, 8], [200, 9, 150, 31]])
    with torch.no_grad():
        assert torch.allclose(model.model(alone.ids).logits[0], model.model(pair.ids).logits[0], atol=1e-5)


@pytest.mark.usefixtures("bitsandbytes")
@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_that_is_stored_packed_runs_as_it_did_when_it_was_packed(
    kind: Quantization, family_folder: Folder, tmp_path: Path
) -> None:
    packed = _stored(family_folder("llama"), kind, tmp_path / "packed")
    stored, made = load_as(packed), load_as(family_folder("llama"), quantization=kind)
    assert stored.precision == made.precision == f"{kind.value}+float32"
    batch = made.batch([[5, 6, 7, 8]])
    with torch.no_grad():
        assert torch.allclose(stored.model(batch.ids).logits, made.model(batch.ids).logits, atol=1e-5)
    assert load_as(packed, quantization=kind).precision == made.precision
    other = next(each for each in KINDS if each is not kind)
    with pytest.raises(BenchError, match=f"(?s)quantization={other.value}, but .* already, as {kind.value}.*Leave"):
        load_as(packed, quantization=other)


def _stored(folder: Path, kind: Quantization, target: Path) -> Path:
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    config = (
        BitsAndBytesConfig(load_in_8bit=True)
        if kind is Quantization.int8
        else BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    )
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, quantization_config=config)
    shutil.copytree(folder, target)
    model.save_pretrained(target)
    return target


@pytest.mark.usefixtures("bitsandbytes")
@pytest.mark.parametrize("fault", [_blocks_swapped, _norm_left_out])
def test_a_packed_model_that_is_run_wrongly_is_found(
    fault: Callable[[pytest.MonkeyPatch], None], family_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with pytest.raises(BenchError, match="Cannot run the model in"):
        load_as(family_folder("llama"), quantization=Quantization.nf4, precision=Precision.bfloat16)


@pytest.mark.usefixtures("bitsandbytes")
def test_experts_which_are_not_packed_are_counted_and_said(
    family_folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    load_as(family_folder("llama"), quantization=Quantization.nf4)
    assert not caplog.records
    load_as(family_folder("mixtral"), quantization=Quantization.nf4, precision=Precision.bfloat16)
    assert "quantization=nf4 does not reach 98,816 of the blocks' 111,104 matrix elements (89 %)" in caplog.text
    assert "stay in bfloat16: MixtralExperts (98,304)" in caplog.text


@pytest.mark.parametrize("lacking", [("bitsandbytes",), ("accelerate",), ("bitsandbytes", "accelerate")])
@pytest.mark.parametrize("stored", [False, True])
def test_without_what_unpacks_them_the_command_that_installs_it_is_told(
    stored: bool, lacking: tuple[str, ...], bert_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantised, "find_spec", lambda name: None if name in lacking else object())
    if stored:
        edit(bert_copy / "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True})
    with pytest.raises(
        BenchError, match=f"int8.* needs {' and '.join(lacking)}(?s:.*)pip install bitsandbytes accelerate"
    ):
        load_as(bert_copy, **({} if stored else {"quantization": Quantization.int8}))


@pytest.mark.usefixtures("bitsandbytes")
@pytest.mark.parametrize("kind", KINDS)
def test_the_neurons_of_packed_feed_forwards_are_found_and_have_gradients(
    kind: Quantization, family_folder: Folder
) -> None:
    model = load_as(family_folder("llama"), quantization=kind)
    assert isinstance(model, GenericModel)
    assert neuron_count(model) == model.model.config.intermediate_size
    batch, seen = model.batch([[5, 6, 7]]), list[torch.Tensor]()
    context, hidden = model.context(batch), model.embed(batch)

    def keep(activations: torch.Tensor) -> torch.Tensor:
        seen.append(activations.detach().requires_grad_())
        return seen[-1]

    with frozen(model), changed_neurons(model, 2, keep):
        states = model.block(2, hidden, context)
    (slope,) = torch.autograd.grad(states.square().sum(), seen)
    assert slope.shape == (1, 3, model.model.config.intermediate_size) and slope.abs().sum() > 0
