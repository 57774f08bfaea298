"""States of sentences: each run once, the right places read, the bank a memory and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lrp2_bench.analyses.encode import NOT_SCORED, TOO_LONG, encode
from lrp2_bench.analyses.states import Encoded, StateBank, pooled_states
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import LayerPair, Relation
from lrp2_bench.data.bitext import Bitext, Sentence, SentencePair, filled
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.layered import LayeredModel, TokenBatch
from tests.support.models import ARCHITECTURES, family_of
from tests.support.naive import moved, states
from tests.support.probing import fact_of, load

SENTENCES = [(5, 6, 7), (8, 9), (10, 11, 12, 13), (8, 9), (14,)]


def _encoded(ids: tuple[int, ...]) -> Encoded:
    return Encoded(ids, tuple(range(len(ids))))


def _nothing(steps: int = 1) -> None:
    pass


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sentences each call of a BERT's embedding was given."""
    from lrp2_bench.models.bert import BertModel

    seen: list[int] = []
    embed = BertModel.embed

    def counted(self: BertModel, batch: TokenBatch) -> torch.Tensor:
        seen.append(len(batch.ids))
        return embed(self, batch)

    monkeypatch.setattr(BertModel, "embed", counted)
    return seen


@pytest.mark.parametrize("pair", [None, LayerPair(1, 3), LayerPair(3, 4), LayerPair(1, 3, 0.5, 2.0)])
def test_a_sentence_is_run_once_with_and_without_lrp2_and_however_often_it_stands_there(
    pair: LayerPair | None, model_folder: Callable[[str], Path], rows: list[int]
) -> None:
    model = load(model_folder("bert"))
    generator = torch.Generator().manual_seed(0)
    vectors = [torch.randn(model.blocks + 1, model.hidden_size, generator=generator) for _ in range(2)]
    done: list[int] = []
    found = pooled_states(
        model, [_encoded(ids) for ids in SENTENCES], pair, shifts(*vectors) if pair else None,
        batch_tokens=6, advance=lambda steps=1: done.append(steps),
    )  # fmt: skip
    assert sum(rows) == 4 and sum(done) == len(SENTENCES)
    for run, setting in enumerate((None, pair)[: len(found)]):
        for place, ids in enumerate(SENTENCES):
            with moved(model.model, setting, *vectors):
                expected = states(model.model, torch.tensor([ids]))[:, 0].mean(dim=1)
            torch.testing.assert_close(found[run, :, place], expected, atol=1e-5, rtol=1e-5)


def test_the_bank_runs_a_sentence_once_over_all_languages(model_folder: Callable[[str], Path], rows: list[int]) -> None:
    model = load(model_folder("bert"))
    bank = StateBank(model, 64, 2**20)
    sentences = [_encoded(ids) for ids in SENTENCES]
    first = bank(sentences, _nothing)
    assert sum(rows) == 4
    torch.testing.assert_close(bank([*sentences[::-1], _encoded((20, 21))], _nothing)[:, :5], first.flip(1))
    assert sum(rows) == 5


def test_a_bank_without_room_forgets_and_is_right_all_the_same(
    model_folder: Callable[[str], Path], rows: list[int]
) -> None:
    model = load(model_folder("bert"))
    sentences = [_encoded(ids) for ids in SENTENCES]
    whole = pooled_states(model, sentences, batch_tokens=64, advance=_nothing)[0]
    rows.clear()
    one = (model.blocks + 1) * model.hidden_size * 4
    for room, run in ((0, 8), (one, 7), (2 * one, 6)):
        bank = StateBank(model, 64, room)
        for _ in range(2):
            torch.testing.assert_close(bank(sentences, _nothing), whole, atol=1e-6, rtol=1e-5)
        assert sum(rows) == run
        rows.clear()


def _bitext(*pairs: tuple[Sentence, Sentence]) -> Bitext:
    return Bitext("de", "en", "x", tuple(SentencePair(f"s{n}", "", *pair) for n, pair in enumerate(pairs)))


def _one(model: LayeredModel, sentence: Sentence) -> Encoded:
    ((_, ours, theirs),) = encode(model, _bitext((sentence, sentence)), "scored", DataWarnings())
    assert ours == theirs
    return ours


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if family_of(name) == "masked"])
def test_a_masked_model_is_read_at_the_masks_of_a_query_for_its_own_object(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    relation = Relation("P36", "Die Hauptstadt von [X] ist [Y] .", (), {})
    lengths = set()
    for object_ in ("Paris", "Washington", "Kairo Kairo"):
        tokens = len(model.tokenizer(object_, add_special_tokens=False)["input_ids"])
        masks = " ".join([model.tokenizer.mask_token] * tokens)
        query = _one(model, filled(relation, fact_of("China", object_)))
        assert list(query.ids) == model.tokenizer(relation.fill(fact_of("China"), masks).text)["input_ids"]
        assert [query.ids[place] for place in query.read] == [model.tokenizer.mask_token_id] * tokens
        lengths.add(tokens)
    assert len(lengths) > 1


@pytest.mark.parametrize(
    "template", ["Die Hauptstadt von [X] ist [Y] .", "[Y] ist das Land von [X] .", "[X]的首都是[Y]。"]
)
def test_a_causal_model_is_read_where_it_predicts_the_filled_object(
    template: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder("bloom"))
    relation = Relation("P36", template, (), {})
    query = _one(model, filled(relation, fact_of("中国", "Washington, D.C.")))
    ids = model.tokenizer(relation.fill(fact_of("中国"), "Washington, D.C.").text)["input_ids"]
    assert list(query.ids) == ids
    predicted = model.tokenizer.decode([ids[place + 1] for place in query.read])
    first = "" if query.read[0] else model.tokenizer.decode(ids[:1])  # the first token of all is never predicted
    assert "Washington, D.C." in first + predicted and len(first + predicted) <= len(" Washington, D.C.") + 1


def test_what_cannot_be_read_is_left_out_and_counted(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    relation = Relation("P36", "[X] ist [Y] .", (), {})
    good, masked, long = (filled(relation, fact_of(subject, "Paris")) for subject in ("China", "[MASK]", "China " * 80))
    data_warnings = DataWarnings()
    kept = encode(model, _bitext((good, good), (masked, good), (good, long), (good, good)), "scored", data_warnings)
    assert [number for number, *_ in kept] == [0, 3]
    assert data_warnings.as_dict() == {
        NOT_SCORED: {"count": 1, "examples": ["de s1"]}, TOO_LONG: {"count": 1, "examples": ["de s2"]},
    }  # fmt: skip
