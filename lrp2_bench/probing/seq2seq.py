"""Probing an encoder-decoder: a sentinel in the object's place, the object scored by the decoder behind it.

A query runs through the encoder once for each layer pair, whatever its candidates; those are targets ``<extra_id_0>
object <extra_id_1>`` and run through the decoder as one tree. The score is the mean (or sum) of the log-probabilities
of the object's tokens, the closing sentinel left out (or counted); of the opening one never. Which target wins is found
as for a causal model's sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import SentenceScore
from lrp2_bench.core.types import Relation, Setting
from lrp2_bench.models.devices import floats_at_once, send
from lrp2_bench.models.layered import TokenBatch
from lrp2_bench.models.seq2seq.layers import EncoderDecoder
from lrp2_bench.models.seq2seq.sentinels import OPENING
from lrp2_bench.probing import causal
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.probe import FinalStates, Queries, RunSettings, Shape
from lrp2_bench.probing.target_tree import TargetTree, pack, target_tree

#: Nodes of a decoder's row: ten candidates need far fewer, and a full pool is cut into rows of so many.
_ROW_NODES = 96

#: Steps of the decoder whose states are kept at once.
_STEPS = 8


@dataclass(frozen=True)
class _Choice(causal._Choice):
    """A fact's query, and its candidates' distinct targets; facts with the same candidates share their tree."""

    query: list[int]
    targets: TargetTree

    @property
    def tokens(self) -> int:
        return len(self.query)


class Seq2SeqProbe(causal.CausalProbe):
    """See the module. Candidates that tokenize alike are one target, which belongs to the first label."""

    model: EncoderDecoder

    def __init__(
        self,
        model: EncoderDecoder,
        relation: Relation,
        pool: Pool,
        where: str,
        data_warnings: DataWarnings,
        log_partition: LogPartition,
        score: SentenceScore,
        *,
        closing: bool,
        full: bool = False,
    ) -> None:
        self._closing = closing
        super().__init__(model, relation, pool, where, data_warnings, log_partition, score, full=full)

    def _shape(self, choice: causal._Choice) -> Shape:
        (mine,) = _own([choice])
        targets, length = mine.targets, len(mine.query)
        planted = targets.prefix_tree
        return Shape(
            lengths=(length,),
            scored=length,
            candidate_tokens=len(planted.steps),
            sentences=len(planted.paths),
            sentence_tokens=length,
            log_partitions=len(planted.scored) - sum(planted.shared),
            decoder_tokens=sum(1 + len(row) for row in targets.rows),
            decoder_row=targets.width,
            target_tokens=mine.longest,
        )

    def _contested(
        self, choices: list[causal._Choice], facts: Sequence[int], settings: Sequence[Setting], run: RunSettings
    ) -> Bool[Tensor, "fact setting"]:
        hits = torch.zeros(len(choices), len(settings), dtype=torch.bool, device=self.model.device)
        for together, states in self._in_parts(choices, len(settings), run):
            some = [choices[place] for place in together]
            hits[together] = self._ranking(some, states, [facts[place] for place in together], settings).wins()
        return hits

    def _in_parts(
        self, choices: list[causal._Choice], settings: int, run: RunSettings
    ) -> Iterator[tuple[list[int], Float[Tensor, "fact setting scored hidden"]]]:
        mine = _own(choices)
        queries = self._ask(mine)
        everything = torch.ones(len(mine), settings, dtype=torch.bool)
        final = run(queries, everything)
        cell = torch.empty(everything.shape, dtype=torch.long, device=final.hidden.device)
        cell[final.query, final.setting] = torch.arange(len(final.query), device=cell.device)
        floats = [settings * len(choice.prefix_tree.scored) * final.hidden.shape[-1] for choice in mine]
        keep = send(queries.tokens.keep, cell.device)
        for together in _groups(floats, floats_at_once(cell.device)):
            yield together, self._states_of([mine[place] for place in together], cell[together], final, keep)

    def _states_of(
        self,
        choices: Sequence[_Choice],
        cell: Int[Tensor, "fact setting"],
        final: FinalStates,
        keep: Bool[Tensor, "query token"],
    ) -> Float[Tensor, "fact setting scored hidden"]:
        """The decoder's states at each fact's scored nodes, in every setting."""
        scored = max(1, *(len(choice.prefix_tree.scored) for choice in choices))
        states = final.hidden.new_zeros(*cell.shape, scored, final.hidden.shape[-1])
        # A fact's settings come in several pieces where its pool is large.
        pieces: list[tuple[int, Int[Tensor, " asked"]]] = []
        tokens = []
        for place, choice in enumerate(choices):
            each = len(choice.targets.rows) * (choice.targets.width + keep.shape[1])
            size = max(1, _STEPS * final.step_tokens // each)
            for piece in torch.arange(cell.shape[1], device=cell.device).split(size):
                pieces.append((place, piece))
                tokens.append(len(piece) * each)
        for group in _groups(tokens, final.step_tokens):
            places, asked = zip(*(pieces[number] for number in group), strict=True)
            cells = [cell[place, piece] for place, piece in zip(places, asked, strict=True)]
            found = self._decode([choices[place].targets for place in places], cells, final, keep)
            for place, piece, part in zip(places, asked, found, strict=True):
                states[place, piece, : part.shape[1]] = self.model.readout(part)
        return states

    def _decode(
        self,
        trees: Sequence[TargetTree],
        cells: Sequence[Int[Tensor, " asked"]],
        final: FinalStates,
        keep: Bool[Tensor, "query token"],
    ) -> Iterator[Float[Tensor, "asked scored hidden"]]:
        """The decoder's states at each tree's scored nodes, over the encoder's states in each of its ``cells``."""
        distinct = list({id(tree): tree for tree in trees}.values())
        packed = pack(distinct, self.model.padding, self.model.device)
        first, rows = dict[int, int](), 0
        for tree in distinct:
            first[id(tree)] = rows
            rows += len(tree.rows)
        # Of a tree's first row every cell, then of its second, and so on.
        cell = torch.cat([here.repeat(len(tree.rows)) for tree, here in zip(trees, cells, strict=True)])
        row = torch.cat(
            [
                first[id(tree)] + torch.arange(len(tree.rows), device=here.device).repeat_interleave(len(here))
                for tree, here in zip(trees, cells, strict=True)
            ]
        )
        size = max(1, final.step_tokens // (packed.ids.shape[1] + keep.shape[1]))
        parts = []
        for some, at in zip(cell.split(size), row.split(size), strict=True):
            targets = TokenBatch(packed.ids[at], packed.keep[at], packed.positions[at], _rows(packed.visible, at))
            parts.append(self.model.decode(final.hidden[some], keep[final.query[some]], targets))
        hidden, start = torch.cat(parts), 0
        for tree, here in zip(trees, cells, strict=True):
            numbers = torch.arange(len(here), device=here.device)
            found = [hidden[start + part * len(here) + numbers, at] for part, at in tree.slots]
            yield torch.stack(found, dim=1)
            start += len(tree.rows) * len(here)

    def _ask(self, choices: Sequence[_Choice]) -> Queries:
        """The queries, read at every token: the decoder looks at all of them."""
        tokens = self.model.padded([choice.query for choice in choices])
        last = tokens.keep.sum(dim=1, keepdim=True) - 1
        return Queries(tokens, torch.minimum(tokens.positions, last))

    def _tokenize(self, relation: Relation, pool: Pool) -> dict[int, causal._Choice]:
        objects = self._tokenize_pool(pool)
        made: dict[tuple[tuple[int, ...], ...], TargetTree] = {}
        result: dict[int, causal._Choice] = {}
        for fact, query in self._tokenize_queries(relation).items():
            asked = pool.allowed[fact].nonzero()[0].tolist()
            found = self._found({index: objects[index] for index in asked if index in objects}, int(pool.gold[fact]))
            if found is None:
                continue
            targets, gold, owners = found
            scored = [len(target) - 1 for target in targets]
            # What all share cancels in means too, where all have as many tokens.
            cancel = not self._full and (not self._mean or len(set(scored)) == 1)
            key = tuple(targets)
            if key not in made:
                made[key] = target_tree(self.model.start, key, cancel=cancel, most=_ROW_NODES)
            result[fact] = _Choice(
                prefix_tree=made[key].prefix_tree,
                gold=gold,
                owners=owners,
                weights=[1 / count if self._mean else 1.0 for count in scored],
                longest=max(map(len, key)),
                rows=None,
                query=query,
                targets=made[key],
            )
        return result

    def _tokenize_pool(self, pool: Pool) -> dict[int, tuple[int, ...]]:
        """Pool index -> the candidate's target: opening sentinel, tokens, and the closing sentinel where it counts."""
        sentinels, unknown = self.model.sentinels, self.model.tokenizer.unk_token_id
        end = (sentinels.closing,) if self._closing else ()
        found = {}
        for index, ids in enumerate(self.model.tokenize(list(pool.labels), special=False)):
            where = f"{self.where} '{pool.labels[index]}'"
            if not ids:
                self.data_warnings.add("Candidates without a token can never be the answer", where)
                continue
            if unknown in ids:
                self.data_warnings.add("Candidates with an unknown token", where)
            found[index] = (sentinels.opening, *ids, *end)
        return found

    def _tokenize_queries(self, relation: Relation) -> dict[int, list[int]]:
        """Fact -> its query's token ids, with the sentinel in the object's place."""
        texts = [relation.fill(fact, OPENING).text for fact in relation.facts]
        queries = {}
        for number, ids in enumerate(self.model.tokenize(texts)):
            if ids.count(self.model.sentinels.opening) == 1:
                queries[number] = ids
            else:
                where = f"{self.where} {relation.facts[number].uuid}"
                self.data_warnings.add(f"Facts whose subject holds the sentinel {OPENING} are never hit", where)
        return queries


def _own(choices: Sequence[causal._Choice]) -> list[_Choice]:
    """Those that :class:`Seq2SeqProbe` has made."""
    return [choice for choice in choices if isinstance(choice, _Choice)]


def _groups(tokens: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Places in order, as many together as have no more tokens than ``budget`` (one in any case); 0 is left out."""
    group: list[int] = []
    for place, size in enumerate(tokens):
        if group and sum(tokens[other] for other in group) + size > budget:
            yield group
            group = []
        if size:
            group.append(place)
    if group:
        yield group


def _rows(visible: Tensor | None, at: Tensor) -> Tensor | None:
    return None if visible is None else visible[at]
