"""The testbed's pretraining text: every exposed fact in all its wordings, names, and a small dictionary.

Three kinds of sentences:

- **facts**: what :class:`~lrp2_bench.testbed.exposure.Exposure` lets a language cover, in every wording;
- **names**: every country, city, language, ... of the dataset with its kind alone (*Stadt: Wien.*), in every language,
  covered or not. They show the tokens of withheld names and state no fact;
- **glosses**: a name and the pivot's name for it (*Wien = Vienna*), for the share ``glosses`` of the entities. They
  state no fact either, but they are the bridge that parallel text and loanwords are to a real model. Without one, a
  withheld country's name in another script has nothing in common with the pivot's and nothing could cross. They are
  the same for a model and its no-transfer control.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.cldr.names import names_of
from lrp2_bench.data.cldr.sentences import Sentence, all_facts, entities, fact_sentences, name_sentences
from lrp2_bench.testbed.exposure import Exposure


def pretraining_text(exposure: Exposure, glosses: float = 1.0, seed: int = 0) -> list[Sentence]:
    """Every sentence once, shuffled with ``seed``. ``glosses`` is the share of entities that are glossed, 0 to 1."""
    if not 0.0 <= glosses <= 1.0:
        raise BenchError(f"glosses={glosses}: give the share of entities that are glossed, 0 to 1.")
    sentences: list[Sentence] = []
    for language in sorted(exposure.shares):
        exposed = (fact for fact in all_facts() if exposure.exposed(fact, language))
        sentences += fact_sentences(language, exposed)
        sentences += name_sentences(language)
        if language != exposure.pivot:
            sentences += gloss_sentences(language, exposure.pivot, glosses, seed)
    random.Random(f"text:{seed}").shuffle(sentences)
    return sentences


def gloss_sentences(language: str, pivot: str, share: float, seed: int) -> Iterator[Sentence]:
    """*Name = pivot's name* and the reverse, for a seeded share of the entities, the same in every language.

    Names spelled the same need no gloss and get none.
    """
    own, other = names_of(language), names_of(pivot)
    glossed: set[str] = set()
    for _, entity in entities():
        label, translation = own.label(entity), other.label(entity)
        if entity in glossed or label is None or translation is None or label == translation:
            continue
        if _fraction(f"{seed}:gloss:{entity}") >= share:
            continue
        glossed.add(entity)
        for left, right in ((label, translation), (translation, label)):
            start = len(left) + 3
            yield Sentence(language, f"{left} = {right}", (0, len(left)), (start, start + len(right)))


def _fraction(key: str) -> float:
    """A number in [0, 1) drawn by hash."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / 2**48
