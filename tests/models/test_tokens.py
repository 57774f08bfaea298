"""Token ids that a model has no embedding for: looked for in what sentences produce, not in the tokenizer's size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.answer_prompts import answer_prompts
from tests.support import models, toy
from tests.support.loading import load_as
from tests.support.probing import baseline_hits, probe_of, relation_of
from tests.support.vectors import vectors_of

RARE = "<image>"  # an id beyond the vocabulary, which no sentence has


@pytest.fixture(params=["bert", "bloom"])
def larger(request: pytest.FixtureRequest, tmp_path: Path) -> LayeredModel:
    """A model whose tokenizer has a token that it lacks."""
    folder = models.build_model(tmp_path, request.param, toy.all_texts())
    tokenizer = load_as(folder).tokenizer
    tokenizer.add_tokens([RARE], special_tokens=True)
    tokenizer.save_pretrained(folder)
    model = load_as(folder)
    assert len(model.tokenizer) == model.vocab_size + 1
    return model


def test_a_tokenizer_larger_than_the_vocabulary_runs_where_no_sentence_needs_the_excess(larger: LayeredModel) -> None:
    relation = relation_of("[X] liegt bei [Y] .", [("Frankreich", "Paris"), ("Japan", "Tokio")])
    assert baseline_hits(larger, relation).any()
    assert vectors_of(larger).values.isfinite().all()


@pytest.mark.parametrize(
    "use",
    [
        lambda model: vectors_of(model, ["Paris", f"Paris {RARE}"]),
        lambda model: probe_of(model, relation_of("[X] [Y]", [("Japan", f"Tokio {RARE}"), ("Japan", "Paris")])),
        lambda model: probe_of(model, relation_of("[X] [Y]", [(f"Japan {RARE}", "Tokio"), ("Japan", "Paris")])),
        lambda model: answer_prompts(
            model, relation_of("[X] [Y]", [("Japan", f"Tokio {RARE}")]), "de P1", DataWarnings()
        ),
    ],
)
def test_a_sentence_with_a_token_beyond_the_vocabulary_is_named(
    use: Callable[[LayeredModel], object], larger: LayeredModel
) -> None:
    told = rf"(?s)turns '.*{RARE}.*' into token {larger.vocab_size} \('{RARE}'\), but the model has {larger.vocab_size}"
    with pytest.raises(BenchError, match=told):
        use(larger)


def test_rows_are_filled_up_with_an_id_that_the_model_has(tmp_path: Path) -> None:
    folder = models.build_model(tmp_path, "bloom", toy.all_texts())
    tokenizer = load_as(folder).tokenizer
    tokenizer.add_special_tokens({"pad_token": "<filling>"})
    tokenizer.save_pretrained(folder)
    model = load_as(folder)
    assert model.tokenizer.pad_token_id >= model.vocab_size
    batch = model.batch([[5, 6, 7], [8]])
    assert batch.ids.max() < model.vocab_size
    assert batch.keep.sum(dim=1).tolist() == [3, 1]
    assert vectors_of(model).values.isfinite().all()
