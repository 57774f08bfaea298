"""``projection.tokens=last``: one token a row, of the query and not of a candidate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lrp2_bench.commands.search.projection import UNMOVED, Projection, note_unmoved
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionSettings, ProjectionTokens
from lrp2_bench.core.types import ParallelFacts
from lrp2_bench.interventions.lrp2 import Lrp2
from lrp2_bench.interventions.recover import Recovery
from lrp2_bench.interventions.tokens import CHOICES, on_tokens
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.prefix_tree import plant
from tests.support.probing import load, relation_of
from tests.support.tokenizers import DECODERS, with_tokenizer

LAST = ProjectionTokens.last


def test_of_a_masked_models_row_it_is_the_last_that_is_not_special(bert: LayeredModel) -> None:
    ids = bert.tokenizer("Paris [MASK] .")["input_ids"]
    chosen = CHOICES[LAST].of(bert)(bert.batch([ids, ids[:-2], ids[:1]]))
    assert chosen.sum(dim=1).tolist() == [1, 1, 0], "a class token alone has none"
    assert chosen[0].nonzero().item() == len(ids) - 2 and chosen[1].nonzero().item() == len(ids) - 3


@pytest.mark.parametrize(
    ("sentences", "common"),
    [
        ([[1, 7, 8, 9], [1, 7, 8, 5, 6]], 3),
        # A last token predicts nothing and is no node of the tree: what follows must not pass for common.
        ([[1, 7, 5], [1, 7, 8, 9, 6]], 2),
        ([[7, 5], [8, 5]], 0),
        ([[1, 7, 8], [1, 7, 8, 9]], 3),
        ([[1, 7, 8]], 3),
    ],
)
def test_a_prefix_tree_knows_what_its_sentences_begin_with(sentences: list[list[int]], common: int) -> None:
    assert plant(sentences, cancel=True).common == common


def test_of_candidates_sentences_it_is_the_last_before_they_differ(model_folder: Callable[[str], Path]) -> None:
    model = with_tokenizer(load(model_folder("bloom")), DECODERS["begin"])
    begin = model.tokenizer("")["input_ids"]
    batch = model.batch([[*begin, 7, 8, 9], [*begin, 7, 8, 9], [*begin, 7, 8, 9], [*begin, 7]])
    batch = replace(batch, common=torch.tensor([3, 1, 0, 2], device=model.device))
    chosen = CHOICES[LAST].of(model)(batch)
    assert [row.nonzero().flatten().tolist() for row in chosen] == [[2], [], [], [1]], "a begin alone is no query"


def test_an_edit_that_spares_tokens_spares_them_still(bert: LayeredModel) -> None:
    vectors = torch.ones(bert.blocks + 1, bert.hidden_size)
    edit = on_tokens(Recovery(vectors, vectors, keep_norm=False), LAST, bert)
    moved = edit.tokens(bert.batch([[7], [7, 8]]))
    assert moved is not None and moved.tolist() == [[False, False], [False, True]]


def test_templates_that_begin_with_the_object_are_counted_and_refused_where_all_do() -> None:
    projection = Projection(Lrp2(ProjectionSettings(tokens=LAST)), None)
    first, after = (relation_of(template, [("a", "b")]) for template in ("[Y] is of [X] .", "[X] is of [Y] ."))
    both, one = (ParallelFacts("de", "en", some, some, "") for some in ((first, after), (first,)))
    counted = DataWarnings()
    note_unmoved(projection, both, "causal", counted)
    assert UNMOVED in counted.as_dict()
    with pytest.raises(BenchError, match="every template of de begins with the object"):
        note_unmoved(projection, one, "causal", DataWarnings())
    note_unmoved(projection, one, "masked", DataWarnings())
