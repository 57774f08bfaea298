"""Masked probing (paper, section 3.1): n [MASK] tokens for an object of n tokens, mean log-probability.

Candidates of n tokens share the query with n masks, so a fact has one query per length in its pool. Within a length
the log-partition cancels: the candidates' own logits show whether the right object leads it. Only the settings in which
it does go on to the other lengths, longest list first, and leave as soon as any candidate beats the right object. All
facts of a batch take such a turn together, each with a length of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.core.batching import by_tokens
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Relation, Setting
from lrp2_bench.models.devices import send
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.leader import Leader
from lrp2_bench.probing.log_partition import Interval, LogPartition
from lrp2_bench.probing.masked_queries import MaskedQueries, Numbers
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.probe import FactBatch, Probe, ProbeCounts, RunSettings, Shape, Workload


@dataclass(frozen=True)
class _Scored:
    """Cells of one number of masks: places of their facts in the batch and settings, and what is found there."""

    masks: int
    fact: Numbers
    setting: Numbers
    states: Float[Tensor, "cell masks hidden"]
    scores: Float[Tensor, "cell candidate"]
    known: Float[Tensor, "cell masks"]

    def at(self, cells: Numbers) -> _Scored:
        """Some of the cells."""
        there = send(torch.from_numpy(cells), self.scores.device)
        found = (part.index_select(0, there) for part in (self.states, self.scores, self.known))
        return _Scored(self.masks, self.fact[cells], self.setting[cells], *found)


class MaskedProbe(Probe):
    """See the module."""

    def __init__(
        self,
        model: LayeredModel,
        relation: Relation,
        pool: Pool,
        where: str,
        data_warnings: DataWarnings,
        log_partition: LogPartition,
    ) -> None:
        self.model, self.relation, self.where, self.data_warnings = model, relation, where, data_warnings
        self.counts, self.candidates = ProbeCounts(), pool.allowed
        self._log_partition = log_partition
        self._queries = MaskedQueries(model, relation, pool, where, data_warnings)
        lengths = self._queries.lengths.items()
        self._competes = {masks: np.asarray(pool.allowed[:, length.numbers].any(axis=1)) for masks, length in lengths}
        self._allowed = torch.from_numpy(pool.allowed).to(model.device)
        self._gold = pool.gold.astype(np.int64)

    def batches(self, tokens: int, facts: Sequence[int] | None = None) -> Iterator[FactBatch]:
        own = self._queries.own
        asked = list(own) if facts is None else sorted(own.keys() & set(facts))
        for indices in by_tokens([self._queries.longest(fact) for fact in asked], tokens):
            yield FactBatch(torch.tensor([asked[index] for index in indices]))

    def workload(self, tokens: int, facts: Sequence[int] | None = None) -> Workload:
        certain, possible = [], []
        for batch in self.batches(tokens, facts):
            by_masks: dict[int, list[int]] = defaultdict(list)
            for fact in batch.facts.tolist():
                by_masks[self._queries.own[fact]].append(fact)
            for own, together in sorted(by_masks.items()):
                certain.append(self._shape(together, own))
                rivals = {
                    masks: [fact for fact in together if self._queries.fits(fact, masks)] for masks in self._rivals(own)
                }
                possible += [self._shape(fitting, masks) for masks, fitting in rivals.items() if fitting]
        return Workload(certain, possible)

    def _shape(self, facts: list[int], masks: int) -> Shape:
        lengths = tuple(self._queries.length(fact, masks) for fact in facts)
        candidates = sum(map(len, self._queries.lengths[masks].tokens))
        return Shape(lengths, masks, candidates, 1, max(lengths), masks)

    def decide(self, batch: FactBatch, settings: Sequence[Setting], run: RunSettings) -> Bool[Tensor, "fact setting"]:
        facts = batch.facts.numpy()
        self.counts.cells += len(facts) * len(settings)
        self.counts.facts += len(facts)
        everyone, everything = np.arange(len(facts)), np.ones((len(facts), len(settings)), dtype=np.bool_)
        own = np.array([self._queries.own[fact] for fact in facts.tolist()])
        mine = self._ask(facts, everyone, own, everything, settings, run)
        leads = []
        gold = []
        for part in mine:
            index = self._queries.lengths[part.masks].index
            there = send(torch.from_numpy(self._gold[facts[part.fact]]), index.device)
            place = torch.searchsorted(index, there).unsqueeze(1)
            score = part.scores.gather(1, place)
            before = index < there.unsqueeze(1)
            beaten = (part.scores > score) | ((part.scores == score) & before)
            leads.append(~beaten.any(dim=1) & torch.isfinite(score).squeeze(1))
            gold.append(score.squeeze(1))
        hits = np.zeros_like(everything)
        led = torch.cat(leads).cpu().numpy()
        ends = np.cumsum([len(part.fact) for part in mine])
        chosen = [found.nonzero()[0] for found in np.split(led, ends[:-1])]
        for part, cells in zip(mine, chosen, strict=True):
            hits[part.fact[cells], part.setting[cells]] = True
        self.counts.undecided_facts += int(hits.any(axis=1).sum())
        if len(self._queries.lengths) == 1 or not hits.any():
            return torch.from_numpy(hits)
        cell = np.full(hits.shape, -1)
        count = 0
        kept = []
        for part, cells, score in zip(mine, chosen, gold, strict=True):
            some = part.at(cells)
            cell[some.fact, some.setting] = np.arange(count, count + len(cells))
            count += len(cells)
            kept.append((some, score.index_select(0, send(torch.from_numpy(cells), score.device))))
        leader = self._leader(kept)
        rivals = {masks: self._rivals(masks) for masks in set(own.tolist())}
        for turn in range(len(self._queries.lengths) - 1):
            other = np.array([rivals[masks][turn] for masks in own.tolist()])
            self._against(other, facts, settings, hits, leader, cell, run)
        return torch.from_numpy(hits)

    def scored_batches(self, tokens: int) -> Iterator[FactBatch]:
        asked = self._queries.answerable()
        for indices in by_tokens([self._queries.longest(fact) for fact in asked], tokens):
            yield FactBatch(torch.tensor([asked[index] for index in indices]))

    def scores(
        self, batch: FactBatch, settings: Sequence[Setting], run: RunSettings
    ) -> Float[Tensor, "fact setting candidate"]:
        facts = batch.facts.numpy()
        device = self._allowed.device
        found = torch.full((len(facts), len(settings), self._allowed.shape[1]), -torch.inf, device=device)
        for count, length in self._queries.lengths.items():
            rows = np.array([row for row, fact in enumerate(facts.tolist()) if self._queries.fits(fact, count)])
            if not len(rows):
                continue
            everything = np.ones((len(rows), len(settings)), dtype=np.bool_)
            for part in self._ask(
                facts[rows], np.arange(len(rows)), np.full(len(rows), count), everything, settings, run
            ):
                exact = self._log_partition.exact(part.states.flatten(0, 1), self.counts)
                mean = (part.scores - exact.view(-1, count).sum(dim=1, keepdim=True)) / count
                at = (send(torch.from_numpy(one), device).unsqueeze(1) for one in (rows[part.fact], part.setting))
                found[(*at, length.index)] = torch.where(torch.isfinite(mean), mean, -torch.inf)
        return found.masked_fill(~self._allowed[send(batch.facts, device)].unsqueeze(1), torch.nan)

    def _against(
        self,
        masks: Numbers,
        facts: Numbers,
        settings: Sequence[Setting],
        hits: npt.NDArray[np.bool_],
        leader: Leader,
        cell: Numbers,
        run: RunSettings,
    ) -> None:
        """Take out of ``hits`` the cells in which a candidate of as many tokens as each fact is given in ``masks``
        beats the right object."""
        competes = np.array(hits.any(axis=1))
        for place in competes.nonzero()[0].tolist():
            number, asked = int(facts[place]), int(masks[place])
            competes[place] = self._queries.fits(number, asked) and self._competes[asked][number]
        rows = competes.nonzero()[0]
        if not len(rows):
            return
        theirs = self._ask(facts, rows, masks[rows], hits[rows], settings, run)
        best, tops = [], []
        none = torch.iinfo(torch.long).max
        for part in theirs:
            top = part.scores.max(dim=1).values
            index = self._queries.lengths[part.masks].index
            best.append(torch.where(part.scores == top.unsqueeze(1), index, none).min(dim=1).values)
            tops.append(top)
        rival = self._leader(list(zip(theirs, tops, strict=True)))
        fact = np.concatenate([part.fact for part in theirs])
        setting = np.concatenate([part.setting for part in theirs])
        numbers = np.arange(len(fact))
        beaten = self._beaten(
            leader, cell[fact, setting], rival, numbers, torch.cat(tops), torch.cat(best), self._gold[facts[fact]]
        )
        hits[fact[beaten], setting[beaten]] = False

    def _beaten(
        self,
        leader: Leader,
        mine: Numbers,
        rival: Leader,
        theirs: Numbers,
        top: Float[Tensor, " cell"],
        best: Int[Tensor, " cell"],
        gold: Numbers,
    ) -> npt.NDArray[np.bool_]:
        """Whether the rival, pool index ``best``, beats the right object, ``gold``; the host looks up to four times."""
        for look in range(3):
            ours, others = leader.interval(mine), rival.interval(theirs)
            beats = (others.low > ours.high) | ~torch.isfinite(ours.high)
            open_ = ~beats & ~(others.high < ours.low) & torch.isfinite(top)  # also where a bound is no number
            beaten, close, ahead = torch.stack([beats, open_, ours.high >= others.high]).cpu().numpy()
            if look == 2 or not close.any():
                break
            # First whoever is ahead with log-partitions at their lowest: a rival may win, or fall, by that alone.
            leader.bound(mine[close & ahead] if look == 0 else mine[close])
            rival.bound(theirs[close & ~ahead] if look == 0 else theirs[close])
        asked = close.nonzero()[0]
        if len(asked):
            exact, other = leader.exact(mine[asked]), rival.exact(theirs[asked])
            sent = send(torch.from_numpy(np.stack([asked, gold[asked]])), top.device)
            first = best.index_select(0, sent[0]) < sent[1]
            beats = (other > exact) | ((other == exact) & first) | ~torch.isfinite(exact)
            beaten[asked] = beats.cpu().numpy()
        found: npt.NDArray[np.bool_] = beaten
        return found

    def _leader(self, parts: Sequence[tuple[_Scored, Float[Tensor, " cell"]]]) -> Leader:
        """Of the candidates with these scores, part after part."""
        lows, highs, known = [], [], []
        for part, _ in parts:
            led, exact = self._log_partition.led(part.states, part.fact, self.counts)
            least = torch.maximum(part.known - self._log_partition.slip(part.states, part.known), led.low)
            there = send(torch.from_numpy(exact), least.device).unsqueeze(1)
            lows.append(torch.where(there, led.low, least).flatten())
            highs.append(led.high.flatten())
            known.append(exact)
        return Leader(
            torch.cat([part.states.flatten(0, 1) for part, _ in parts]),
            torch.cat([score for _, score in parts]),
            Interval(torch.cat(lows), torch.cat(highs)),
            np.concatenate([np.full(len(part.fact), part.masks) for part, _ in parts]),
            np.concatenate(known),
            self._log_partition,
            self.counts,
        )

    def _ask(
        self,
        facts: Numbers,
        rows: Numbers,
        masks: Numbers,
        wanted: npt.NDArray[np.bool_],
        settings: Sequence[Setting],
        run: RunSettings,
    ) -> list[_Scored]:
        """Those of ``rows``, places of ``facts``, that are asked with as many ``masks`` each in the ``wanted``
        settings, by the number of masks."""
        final = run(self._queries.ask(facts[rows], masks), torch.from_numpy(wanted))
        cell = torch.zeros(wanted.shape, dtype=torch.long, device=final.hidden.device)
        cell[final.query, final.setting] = torch.arange(len(final.query), device=cell.device)
        parts = []
        for count in sorted(set(masks.tolist())):
            row, setting = (wanted & (masks == count)[:, None]).nonzero()
            at = cell.flatten().index_select(0, send(torch.from_numpy(row * wanted.shape[1] + setting), cell.device))
            states = self.model.readout(final.hidden.index_select(0, at)[:, :count])
            scores, known = self._queries.lengths[count].score(states, self.model.vocabulary)
            parts.append(_Scored(count, rows[row], setting, states, scores, known))
        return self._finite(parts, facts, settings)

    def _finite(self, parts: Sequence[_Scored], facts: Numbers, settings: Sequence[Setting]) -> list[_Scored]:
        """With minus infinity in place of scores that are no finite numbers, which are counted, and of candidates that
        a fact is not asked for."""
        broken = torch.stack([torch.isfinite(part.scores).all() for part in parts]).logical_not().cpu()
        found = []
        for part, some in zip(parts, broken.tolist(), strict=True):
            scores, length = part.scores, self._queries.lengths[part.masks]
            asked = torch.from_numpy(facts[part.fact])
            if some:
                scores = self.finite(scores, asked, torch.from_numpy(part.setting), settings)
            allowed = self._allowed.index_select(0, send(asked, scores.device)).index_select(1, length.index)
            found.append(replace(part, scores=scores.masked_fill(~allowed, -torch.inf)))
        return found

    def _rivals(self, own: int) -> list[int]:
        """The other lengths, the one with most candidates first: it is the likeliest to hold a better one."""
        others = [masks for masks in self._queries.lengths if masks != own]
        return sorted(others, key=lambda masks: (-len(self._queries.lengths[masks].numbers), masks))
