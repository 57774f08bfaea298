"""Feed-forward neurons of families without an adapter of their own: where they are, and exact attributions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lrp2_bench.analyses.neurons.attribution import Method, attribute
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionTokens
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data.mlama import MLama
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.interventions.tokens import on_tokens
from lrp2_bench.models.generic.adapter import GenericModel
from lrp2_bench.models.neurons import neuron_count, normalised_blocks
from lrp2_bench.probing.answer_prompts import answer_prompts
from tests.support.attribution import loop
from tests.support.families import EVERY, build_family, load_generic
from tests.support.tokenizers import DECODERS, special_of, with_tokenizer
from tests.support.vectors import random_vectors

#: Gated; narrower maps behind it; weights the other way round; beside attention; rows as one list; recurrence; no
#: cache in the last block; attention by relative places.
EXACT = ("llama", "gemma4", "gpt2", "gpt_neox", "opt", "lfm2", "modernbert", "roberta", "mdeberta")

EXPERTS = {"mixtral", "qwen3_moe", "olmoe", "gpt_oss", "deepseek_v3", "llama4", "jamba", "qwen3_next"}
NORMALISED = {"gemma2", "gemma3", "gemma3-multimodal", "gemma4", "olmo2", "olmo3", "glm4", "exaone4"}
#: What a block's second map is called where it is none of the usual names.
USUAL = ("mlp.down_proj", "mlp.c_proj", "mlp.dense_4h_to_h", "fc2", "mlp.Wo", "output.dense", "ffn.lin2", "mlp.fc2")
OTHERS = {"gptj": "mlp.fc_out", "lfm2": "feed_forward.w2", "mpt": "ffn.down_proj", "albert": "ffn_output",
          "recurrent_gemma": "mlp_block.down_proj"}  # fmt: skip


@pytest.fixture(scope="module")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], GenericModel]:
    root = tmp_path_factory.mktemp("families")
    return lambda name: load_generic(build_family(root / name, name))


def _slow_but(*names: str, among: object = None) -> list[object]:
    families = list(EVERY) if among is None else list(among)  # type: ignore[call-overload]
    return [name if name in names else pytest.param(name, marks=pytest.mark.slow) for name in families]


@pytest.mark.parametrize("family", _slow_but("gemma4", "mixtral"))
def test_the_second_map_of_every_family_is_found_or_the_reason_told(
    family: str, model_of: Callable[[str], GenericModel]
) -> None:
    model = model_of(family)
    if family in EXPERTS:
        with pytest.raises(BenchError, match=r"block \d is a mixture of experts \(.*\n.*another analysis"):
            neuron_count(model)
    elif family == "mamba":
        with pytest.raises(BenchError, match=r"block 1 has no feed-forward.*\n.*another analysis"):
            neuron_count(model)
    else:
        paths = {module: path for path, module in model.model.named_modules()}
        found = [paths[module] for module in model.second_maps]
        assert len(found) == 4
        assert all(path.endswith(OTHERS.get(family, USUAL)) and "attention" not in path for path in found), found
        assert len(set(found)) == (1 if family == "albert" else 4)
        assert neuron_count(model) in (32, 48, 64, 128)


@pytest.mark.parametrize("family", _slow_but("llama", among=EXACT))
@pytest.mark.parametrize("tokens", [ProjectionTokens.text, pytest.param(ProjectionTokens.all, marks=pytest.mark.slow)])
def test_attributions_equal_a_plain_loop_over_hugging_faces_forward(
    family: str, tokens: ProjectionTokens, model_of: Callable[[str], GenericModel], toy_mlama: Path
) -> None:
    model = model_of(family)
    if model.family == "causal":
        model = with_tokenizer(model, DECODERS["begin"])
    relations = MLama(toy_mlama, limit=2).facts("zh", "en", DataWarnings()).relations
    facts = [(relation, fact) for relation in relations for fact in relation.facts][:3]
    found = [prompt for relation in relations for prompt in answer_prompts(model, relation, "", DataWarnings())][:3]
    prompts = [prompt for prompt in found if prompt is not None]
    assert len(prompts) == 3
    language, pivot = random_vectors(model, 1, 1.0), random_vectors(model, 2, 1.0)
    pair, edit = LayerPair(1, 3), on_tokens(shifts(language, pivot), tokens, model)
    still = special_of(model.tokenizer) if tokens is ProjectionTokens.text else ()
    for part in attribute(model, prompts, pair, edit, Method(steps=2, rule="right", batch_tokens=200)):
        for row, place in enumerate(part.prompts):
            plain = loop(model.model, model.tokenizer, *facts[place], [0.5, 1.0], pair, language, pivot, still)
            scale = plain.values.abs().max().item()
            torch.testing.assert_close(part.values[row], plain.values, atol=1e-3 * scale, rtol=1e-3)
            assert part.full[row].item() == pytest.approx(plain.full, rel=1e-3)
            assert part.zeroed[row].tolist() == pytest.approx(plain.zeroed, rel=1e-3)


@pytest.mark.parametrize("family", _slow_but("llama", "gemma2"))
def test_blocks_that_normalise_their_feed_forwards_output_are_known(
    family: str, model_of: Callable[[str], GenericModel]
) -> None:
    if family in EXPERTS or family == "mamba":
        pytest.skip("has no neurons that are attributed")
    expected = [1, 2, 3, 4] if family in NORMALISED else []
    assert normalised_blocks(model_of(family)) == expected
