"""Knowledge attribution equals its closed form, a plain loop over Hugging Face's forward, and adds up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.analyses.neurons.attribution import RULES, Attributed, Method, Rule, attribute
from lrp2_bench.analyses.neurons.compute import completeness
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import LayerPair, Relation, Setting
from lrp2_bench.data.mlama import MLama
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models import neurons
from lrp2_bench.models.base import Architecture
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.registry import ARCHITECTURES as RECORDS
from lrp2_bench.probing.answer_prompts import AnswerPrompt, answer_prompts
from tests.support.attribution import LinearModel, loop
from tests.support.models import ARCHITECTURES
from tests.support.probing import load

METHOD = Method(steps=3, rule="right", batch_tokens=200)


def _all(
    model: LayeredModel, prompts: list[AnswerPrompt], pair: Setting = None, moved: torch.Tensor | None = None,
    method: Method = METHOD,
) -> Attributed:  # fmt: skip
    """Every prompt in its own place."""
    parts = list(attribute(model, prompts, pair, moved, method))
    order = torch.tensor([place for part in parts for place in part.prompts]).argsort()
    values, full, zeroed = (
        torch.cat([getattr(part, name) for part in parts])[order] for name in ("values", "full", "zeroed")
    )
    return Attributed(range(len(prompts)), values, full, zeroed)


def _toy(model: LayeredModel, toy_mlama: Path, language: str = "zh") -> tuple[list[Relation], list[AnswerPrompt]]:
    relations = MLama(toy_mlama, limit=2).facts(language, "en", DataWarnings()).relations
    found = [prompt for relation in relations for prompt in answer_prompts(model, relation, "", DataWarnings())]
    assert None not in found
    return list(relations), [prompt for prompt in found if prompt is not None]


def _vectors(model: LayeredModel) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    shape = model.blocks + 1, model.hidden_size
    return torch.randn(shape), torch.randn(shape)


@pytest.mark.parametrize("rule", RULES)
def test_attributions_of_a_linear_model_equal_their_closed_form(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    record = type("Linear", (Architecture,), {"name": "linear", "blocks": "blocks", "second_map": "second"})
    monkeypatch.setitem(RECORDS._registered, "linear", record)
    model = LinearModel()
    prompts = [AnswerPrompt((token,), (0,), (0,)) for token in (1, 2, 3)]
    found = _all(model, prompts, method=replace(METHOD, rule=rule, steps=7))
    many = _all(model, prompts, method=Method(2000, "midpoint", 10**6))
    head = model.model.head.weight[0].double()
    first, second = model.model.blocks
    for place, prompt in enumerate(prompts):
        state = model.model.embedding.weight[prompt.ids[0]]
        below = first.first(state).double()
        above = second.first(first.second(below.float())).double()
        offset = (head @ second.second.weight.double() @ second.first.bias.double()).item()
        weights = head @ second.second.weight.double() @ second.first.weight.double() @ first.second.weight.double()
        for block, (activation, weight, start) in enumerate(
            ((below, weights, offset), (above, head @ second.second.weight.double(), 0.0))
        ):
            parts = weight * activation
            reach = parts.sum()
            shares = (torch.arange(7, dtype=torch.float64) + RULES[rule]) / 7
            slopes = (start + shares * reach).sigmoid()
            expected = parts * (slopes * (1 - slopes)).mean()
            torch.testing.assert_close(found.values[place, block].double(), expected, atol=1e-6, rtol=1e-4)
            change = (start + reach).sigmoid() - torch.tensor(start).sigmoid()
            torch.testing.assert_close(many.values[place, block].double(), parts * change / reach, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("pair", [None, LayerPair(2, 4)])
def test_attributions_equal_a_plain_loop_over_prompts_blocks_and_steps(
    architecture: str, pair: Setting, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    relations, prompts = _toy(model, toy_mlama)
    language, pivot = _vectors(model)
    found = _all(model, prompts, pair, shifts(language, pivot))
    assert max(len(prompt.positions) for prompt in prompts) > 1, "no object has several tokens"
    facts = [(relation, fact) for relation in relations for fact in relation.facts]
    for place, (relation, fact) in list(enumerate(facts))[::2]:
        plain = loop(model.model, model.tokenizer, relation, fact, [1 / 3, 2 / 3, 1.0], pair, language, pivot)
        scale = plain.values.abs().max().item()
        torch.testing.assert_close(found.values[place], plain.values, atol=1e-3 * scale, rtol=1e-3)
        assert found.full[place].item() == pytest.approx(plain.full, rel=1e-3)
        assert found.zeroed[place].tolist() == pytest.approx(plain.zeroed, rel=1e-3)


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_attributions_do_not_depend_on_the_batches(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    _, prompts = _toy(model, toy_mlama, "de")
    whole, single = (_all(model, prompts, method=replace(METHOD, batch_tokens=tokens)) for tokens in (4096, 1))
    scale = whole.values.abs().amax(dim=(1, 2), keepdim=True)
    assert ((whole.values - single.values).abs() / scale).max() < 1e-3


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_more_steps_make_attributions_add_up_to_the_change_of_the_probability(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    _, prompts = _toy(model, toy_mlama, "de")
    errors = [completeness(_all(model, prompts, method=replace(METHOD, steps=steps))).mean for steps in (2, 16, 128)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 0.03
    midpoint = completeness(_all(model, prompts, method=Method(16, "midpoint", 400))).mean
    assert midpoint < errors[1] / 3


def test_nothing_is_left_behind_in_the_model_even_by_an_error(
    model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder("bert"))
    _, prompts = _toy(model, toy_mlama, "de")
    batch = model.batch([prompts[0].ids])
    with torch.no_grad():
        before = model.block(1, model.embed(batch), model.context(batch))

    def broken(activations: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"), neurons.changed_neurons(model, 1, broken):
        model.block(1, model.embed(batch), model.context(batch))
    _all(model, prompts[:1])
    with torch.no_grad():
        np.testing.assert_array_equal(before, model.block(1, model.embed(batch), model.context(batch)))
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.model.parameters())
