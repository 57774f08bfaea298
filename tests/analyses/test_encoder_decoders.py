"""Which analyses an encoder-decoder has: states of its encoder, but no neurons that score an object."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from lrp2_bench.analyses.encode import NOT_SCORED, encode
from lrp2_bench.analyses.neurons.job import Neurons
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.bitext import Bitext, Sentence, SentencePair
from lrp2_bench.models.seq2seq.adapter import Seq2SeqModel


def test_a_querys_scored_place_is_its_sentinel(seq2seq_model: Callable[[str], Seq2SeqModel]) -> None:
    model, data_warnings = seq2seq_model("umt5"), DataWarnings()
    ours, theirs = Sentence("Japan liegt in Asien .", (15, 20)), Sentence("Japan is located in Asia .", (20, 24))
    held = Sentence("<extra_id_0> liegt in Asien .", (22, 27))
    bitext = Bitext("de", "en", "toy", (SentencePair("a", "P30", ours, theirs), SentencePair("b", "P30", held, theirs)))
    ((number, mine, yours),) = encode(model, bitext, "scored", data_warnings)
    assert number == 0
    assert list(mine.ids) == model.tokenizer("Japan liegt in <extra_id_0> .")["input_ids"]
    assert list(yours.ids) == model.tokenizer("Japan is located in <extra_id_0> .")["input_ids"]
    for side in (mine, yours):
        assert [side.ids[place] for place in side.read] == [model.sentinels.opening]
    assert data_warnings.count(NOT_SCORED) == 1


def test_neurons_are_refused_with_what_else_there_is(seq2seq_model: Callable[[str], Seq2SeqModel]) -> None:
    subject: Any = SimpleNamespace(model=seq2seq_model("mt5"), model_name="mt5")
    with pytest.raises(BenchError, match="(?s)'mt5' is an encoder-decoder.*has no such positions.*analysis=alignment"):
        Neurons().run(subject)
