"""Parallel sentences as tokens, with the places that are read: all of them, or those that the answer is scored at."""

from __future__ import annotations

from collections.abc import Sequence

from lrp2_bench.analyses.states import Encoded
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionTokens
from lrp2_bench.data.bitext import Bitext, Sentence
from lrp2_bench.interventions.tokens import CHOICES, Choose
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.seq2seq.layers import EncoderDecoder
from lrp2_bench.models.seq2seq.sentinels import OPENING

#: How a sentence becomes one state: ``mean`` over those of its tokens that ``projection.tokens`` chooses; ``scored``:
#: over the places at which a query's own object is scored.
POOLINGS = ("mean", "scored")

TOO_LONG = "Parallel sentences the model cannot hold were left out"
NOT_SCORED = "Queries without a scored position were left out"
NOT_READ = "Parallel sentences of special tokens alone were left out (projection.tokens=text)"


def encode(
    model: LayeredModel,
    bitext: Bitext,
    pooling: str,
    data_warnings: DataWarnings,
    tokens: ProjectionTokens = ProjectionTokens.all,
) -> list[tuple[int, Encoded, Encoded]]:
    """(number of the pair, the language's sentence, the pivot's) of every pair the model can hold; others are counted.

    Masked models are scored at the [MASK]s of a query with as many as its own object has tokens, causal ones at the
    tokens that predict the filled query's object, and encoder-decoders at the sentinel in the object's place, which
    the decoder is to fill in. Raises :class:`BenchError` where a tokenizer does not give them.
    """
    sides = [
        _encode(model, [getattr(pair, side) for pair in bitext.pairs], pooling, tokens) for side in ("ours", "theirs")
    ]
    kept = []
    for number, (ours, theirs) in enumerate(zip(*sides, strict=True)):
        where = f"{bitext.language} {bitext.pairs[number].id[:60]}"
        if not (_fits(model, ours) and _fits(model, theirs)):
            data_warnings.add(TOO_LONG, where)
        elif not (ours.read and theirs.read):
            data_warnings.add(NOT_SCORED if pooling == "scored" else NOT_READ, where)
        else:
            kept.append((number, ours, theirs))
    return kept


def _encode(
    model: LayeredModel, sentences: Sequence[Sentence], pooling: str, tokens: ProjectionTokens
) -> list[Encoded]:
    if not sentences:
        return []
    if pooling == "scored":
        if isinstance(model, EncoderDecoder):
            return _at_sentinels(model, sentences)
        return _masked(model, sentences) if model.family == "masked" else _predicting(model, sentences)
    ids = model.tokenize([sentence.text for sentence in sentences])
    if tokens is ProjectionTokens.all:
        return [Encoded(tuple(each), tuple(range(len(each)))) for each in ids]
    choose = CHOICES[tokens].of(model)
    return [Encoded(tuple(each), _chosen(model, each, choose)) for each in ids]


def _chosen(model: LayeredModel, ids: Sequence[int], choose: Choose) -> tuple[int, ...]:
    return tuple(choose(model.batch([ids]))[0].nonzero().flatten().tolist()) if ids else ()


def _masked(model: LayeredModel, sentences: Sequence[Sentence]) -> list[Encoded]:
    tokenizer = model.tokenizer
    spans = [_answer(sentence) for sentence in sentences]
    answers = [sentence.text[start:end] for sentence, (start, end) in zip(sentences, spans, strict=True)]
    counts = [len(each) for each in model.tokenize(answers, special=False)]
    texts = [
        sentence.text[:start] + " ".join([tokenizer.mask_token] * count) + sentence.text[end:]
        for sentence, (start, end), count in zip(sentences, spans, counts, strict=True)
    ]
    found = []
    for ids, count in zip(model.tokenize(texts), counts, strict=True):
        masks = tuple(place for place, token in enumerate(ids) if token == tokenizer.mask_token_id)
        # A subject may hold the mask token itself; then the object's masks are unknown.
        found.append(Encoded(tuple(ids), masks if len(masks) == count else ()))
    return found


def _at_sentinels(model: EncoderDecoder, sentences: Sequence[Sentence]) -> list[Encoded]:
    spans = [_answer(sentence) for sentence in sentences]
    texts = [
        sentence.text[:start] + OPENING + sentence.text[end:]
        for sentence, (start, end) in zip(sentences, spans, strict=True)
    ]
    found = []
    for ids in model.tokenize(texts):
        places = tuple(place for place, token in enumerate(ids) if token == model.sentinels.opening)
        # A subject may hold the sentinel itself; then the object's is unknown.
        found.append(Encoded(tuple(ids), places if len(places) == 1 else ()))
    return found


def _predicting(model: LayeredModel, sentences: Sequence[Sentence]) -> list[Encoded]:
    tokenizer = model.tokenizer
    if not tokenizer.is_fast:
        raise BenchError(
            "This model's tokenizer does not map its tokens to characters (it has no tokenizer.json), so the scored "
            "positions are unknown. Use analysis.pooling=mean."
        )
    texts = [sentence.text for sentence in sentences]
    encoded = tokenizer(texts, verbose=False, return_offsets_mapping=True)
    model.check_ids(texts, encoded["input_ids"])
    found = []
    for sentence, ids, offsets in zip(sentences, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        start, end = _answer(sentence)
        inside = [place for place, (first, last) in enumerate(offsets) if first < end and last > start]
        # The first token of all is predicted by nothing, and never scored.
        found.append(Encoded(tuple(ids), tuple(place - 1 for place in inside if place > 0)))
    return found


def _answer(sentence: Sentence) -> tuple[int, int]:
    if sentence.answer is None:
        raise BenchError("These sentences are not queries and have no answer to look at. Use analysis.pooling=mean.")
    return sentence.answer


def _fits(model: LayeredModel, sentence: Encoded) -> bool:
    return bool(sentence.ids) and (model.max_tokens is None or len(sentence.ids) <= model.max_tokens)
