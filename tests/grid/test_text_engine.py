"""``projection.tokens=text``: hits are those of one hooked pass per pair in which special tokens stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import ProbingSettings, ProjectionTokens, SentenceScore
from lrp2_bench.core.types import Relation, all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.interventions.random import random_shifts
from lrp2_bench.interventions.tokens import on_tokens
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.probing.probe import Queries
from tests.support import naive
from tests.support.families import build_family
from tests.support.interventions import edit_of
from tests.support.probing import hits_of, load, probe_of
from tests.support.tokenizers import DECODERS, special_of, with_tokenizer
from tests.support.vectors import random_vectors

SIDES = {"lirp_only": ("lirp",), "lsrp_only": ("lsrp",)}
INTERVENTIONS = ("lrp2", "lirp_only", "lsrp_only", "random", "shuffled", "other_pivot")
FAST = ("bert", "bloom")
#: Rotary, windows and scaled embeddings, one row per sentence, an encoder by the generic adapter.
GENERIC = ("llama", "gemma3", "lfm2", "modernbert")

#: All other combinations are slow.
BY_DEFAULT = {("bert", "random"), ("llama", "other_pivot"), ("lfm2", "lsrp_only"), ("modernbert", "shuffled")}


@pytest.fixture(scope="module")
def model_of(
    model_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], LayeredModel]:
    """Decoders with a begin token, and no padding token."""
    made: dict[str, LayeredModel] = {}

    def make(name: str) -> LayeredModel:
        if name not in made:
            root = tmp_path_factory.mktemp("text")
            model = load(model_folder(name) if name in FAST else build_family(root / name, name))
            made[name] = with_tokenizer(model, DECODERS["begin"]) if model.family == "causal" else model
        return made[name]

    return make


def _hits(model: LayeredModel, relation: Relation, edit: Edit, score: SentenceScore) -> np.ndarray:
    probe = probe_of(model, relation, probing=ProbingSettings(sentence_score=score))
    return hits_of(probe, len(relation.facts), plan_grid(model.blocks, all_pairs(model.blocks)), edit)


def _assert_naive(
    model: LayeredModel, name: str, mlama: Path, score: SentenceScore = SentenceScore.sum,
    tokens: ProjectionTokens = ProjectionTokens.text,
) -> None:  # fmt: skip
    [relation] = MLama(mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations
    language, pivot, other = (random_vectors(model, seed) for seed in (1, 2, 3))
    source = other if name == "shuffled" else language
    target = other if name == "other_pivot" else pivot
    edit = edit_of(name, language, pivot, other, seed=7)
    if name == "random":
        source, target = torch.zeros_like(language), random_shifts(shifts(language, pivot), 7, "de")
    ours = _hits(model, relation, on_tokens(edit, tokens, model), score)
    pool = pool_of(relation, None, 0)
    theirs = naive.evaluate(
        model.model, model.tokenizer, relation, [list(pool.labels)] * len(relation.facts),
        (None, *all_pairs(model.blocks)), source, target, sides=SIDES.get(name, ("lirp", "lsrp")),
        still=special_of(model.tokenizer) if tokens is ProjectionTokens.text else (), mean=score is SentenceScore.mean,
    )  # fmt: skip
    differing = ours != theirs.hits
    assert not (differing & ~theirs.too_close_to_call()).any()
    assert (ours[1:] != ours[0]).any(), "vectors that change no answer would show nothing"


def _cases() -> Iterator[object]:
    for case in product((*FAST, *GENERIC), INTERVENTIONS):
        yield pytest.param(*case, marks=[] if case in BY_DEFAULT else pytest.mark.slow)


@pytest.mark.parametrize(("name", "intervention"), _cases())
def test_hits_are_those_of_one_hooked_pass_per_pair_that_leaves_special_tokens_alone(
    name: str, intervention: str, model_of: Callable[[str], LayeredModel], toy_mlama: Path
) -> None:
    _assert_naive(model_of(name), intervention, toy_mlama)


@pytest.mark.slow
@pytest.mark.parametrize("around", DECODERS)
@pytest.mark.parametrize("tokens", [ProjectionTokens.all, ProjectionTokens.text])
def test_hits_are_the_same_whatever_a_decoders_tokenizer_adds_and_pads_with(
    around: str, tokens: ProjectionTokens, model_of: Callable[[str], LayeredModel], toy_mlama: Path
) -> None:
    _assert_naive(with_tokenizer(model_of("llama"), DECODERS[around]), "lrp2", toy_mlama, tokens=tokens)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gemma3", "lfm2"])
def test_hits_by_mean_scores_are_too(name: str, model_of: Callable[[str], LayeredModel], toy_mlama: Path) -> None:
    _assert_naive(model_of(name), "lrp2", toy_mlama, SentenceScore.mean)


def test_without_special_tokens_text_gives_the_very_states_of_all(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bloom"))  # whose tokenizer declares a begin and adds none
    edit = edit_of("lrp2", random_vectors(model, 1), random_vectors(model, 2))
    both = ProjectionTokens.all, ProjectionTokens.text
    everything, text = (_finals(model, on_tokens(edit, tokens, model)) for tokens in both)
    assert torch.equal(everything, text)


def test_masks_move_and_the_ends_of_a_sentence_do_not(bert: LayeredModel) -> None:
    ids = bert.tokenizer("Paris [MASK] .")["input_ids"]
    batch = bert.batch([ids, ids[:-2]])
    edit = on_tokens(edit_of("lrp2", random_vectors(bert, 1), random_vectors(bert, 2)), ProjectionTokens.text, bert)
    cls, mask, sep = (ids.index(token) for token in bert.tokenizer.convert_tokens_to_ids(["[CLS]", "[MASK]", "[SEP]"]))
    moved = edit.tokens(batch)
    assert moved is not None
    assert moved[0].tolist() == [place not in (cls, sep) for place in range(len(ids))] and moved[0, mask]
    assert not moved[1, -2:].any(), "padding"


def test_a_query_of_special_tokens_alone_stays_as_it_is(bert: LayeredModel) -> None:
    edit = on_tokens(edit_of("lrp2", random_vectors(bert, 1), random_vectors(bert, 2)), ProjectionTokens.text, bert)
    finals = _finals(bert, edit, bert.tokenizer("")["input_ids"])
    assert all(torch.equal(state, finals[0]) for state in finals)


def _finals(model: LayeredModel, edit: Edit, ids: list[int] | None = None) -> torch.Tensor:
    """``[setting, scored, hidden]`` of the first and the last token."""
    ids = ids or model.tokenizer("Die Hauptstadt von Japan")["input_ids"]
    runner = FrontierRunner(model, plan_grid(model.blocks, all_pairs(model.blocks)), edit, 64)
    settings = 1 + len(all_pairs(model.blocks))
    with torch.inference_mode():
        queries = Queries(model.batch([ids]), torch.tensor([[0, len(ids) - 1]]))
        final = runner(queries, torch.ones(1, settings, dtype=torch.bool))
    return final.hidden[final.setting.argsort()]
