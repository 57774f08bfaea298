"""Similarity of parallel sentences at every layer, with intervals: cosine and linear CKA, with and without LRP2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lrp2_bench.analyses.alignment.cka import linear_cka
from lrp2_bench.analyses.alignment.halves import split_halves
from lrp2_bench.analyses.alignment.queries import cosines
from lrp2_bench.analyses.mexa import nearest, shuffled
from lrp2_bench.analyses.states import Encoded, StateBank, pooled_states
from lrp2_bench.core.progress import progress
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.stats.bootstrap import PERCENTILES
from lrp2_bench.stats.clusters import Clusters
from lrp2_bench.stats.weighted import Floats

#: The fewest sentences that bands are given for.
FEWEST = 10

#: Bytes of states held at once beside those of the sentences CKA is taken over.
_BLOCK = 256 * 2**20
_NORMAL = 1.96  # standard errors to each side of a 95 % band


@dataclass(frozen=True)
class Effort:
    """``resamples`` of clusters for cosines; CKA is taken over ``cka_sentences`` drawn with ``seed``, its error over
    ``halves`` of them."""

    resamples: int
    cka_sentences: int
    halves: int
    seed: int


@dataclass(frozen=True)
class Aligned:
    """A language's alignment with the pivot; run 0 is the baseline, run 1 (with a ``pair``) LRP2.

    ``cosine`` and ``cka`` are ``[run, layer, 3]``: value and the bounds of its 95 % band. ``change`` ``[layer, 3]`` is
    run 1 less run 0, paired; None without a pair. ``inside`` ``[run or run + change, 3]`` is the cosine's mean over the
    layers the states are projected at (LIRP's to the one before LSRP's), over all blocks without a pair. ``plain_cka``
    ``[run, layer]`` has no correction for few sentences. ``mexa`` ``[run, layer, 3]`` is in percent, over CKA's
    sentences; with a control it has a third run, of a random shift, whose cosines are ``cosine_random`` ``[layer, 3]``.
    ``mexa_shuffled`` ``[layer]`` is the baseline's with the translations of other sentences.
    """

    language: str
    pair: LayerPair | None
    sentences: int
    cka_sentences: int
    cosine: Floats
    change: Floats | None
    inside: Floats
    cka: Floats
    plain_cka: Floats
    mexa: Floats
    mexa_shuffled: Floats
    cosine_random: Floats | None


def align(
    model: LayeredModel,
    language: str,
    sentences: Sequence[tuple[Encoded, Encoded]],
    clusters: Clusters,
    bank: StateBank,
    pair: LayerPair | None,
    edit: Shifts | Edit | None,
    effort: Effort,
    *,
    batch_tokens: int,
    control: Edit | None = None,
) -> Aligned:
    """Run the language's sentences, look up or run the pivot's, and measure.

    ``clusters`` of the sentences are what resamples and halves take as one. At least :data:`FEWEST` sentences.
    ``control`` is the edit of a random shift.
    """
    rng = np.random.default_rng(effort.seed)
    chosen = np.sort(rng.permutation(len(sentences))[: effort.cka_sentences])
    runs = 1 if pair is None else 2 if control is None else 3
    found = np.empty((runs, model.blocks + 1, len(sentences)))
    kept: list[tuple[Tensor, Tensor]] = []
    with progress(f"Alignment {language}", 2 * len(sentences), "sentences") as advance:
        for block in _blocks(len(sentences), (runs + 1) * (model.blocks + 1) * model.hidden_size * 4):
            part = sentences[block.start : block.stop]
            ours = pooled_states(
                model, [one for one, _ in part], pair, edit, batch_tokens=batch_tokens, advance=advance
            )
            if pair is not None and control is not None:
                moved = pooled_states(
                    model, [one for one, _ in part], pair, control, batch_tokens=batch_tokens, advance=_unseen
                )
                ours = torch.cat([ours, moved[1:]])
            theirs = bank([other for _, other in part], advance)
            for run in range(runs):
                found[run, :, block.start : block.stop] = cosines(ours[run], theirs).numpy()
            inside = chosen[(chosen >= block.start) & (chosen < block.stop)] - block.start
            kept.append((ours[:, :, inside], theirs[:, inside]))
    ours, theirs = torch.cat([one for one, _ in kept], dim=2), torch.cat([other for _, other in kept], dim=1)
    layers = range(pair.lirp, pair.lsrp) if pair is not None else range(1, model.blocks + 1)
    cosine, change, within = _cosine_bands(found[:2], clusters, layers, effort)
    random = _cosine_bands(found[2:], clusters, layers, effort)[0][0] if runs == 3 else None
    # Graphics cards make the products of Gram matrices cheap; states themselves lie on the CPU.
    within_cka = clusters.of(chosen)
    cka, plain = _cka_bands(ours[:2], theirs, within_cka, effort, model.device)
    mexa, shuffled_mexa = _mexa_bands(ours, theirs, within_cka, effort, model.device)
    return Aligned(
        language, pair, len(sentences), len(chosen), cosine, change, within, cka, plain, mexa, shuffled_mexa, random
    )


def _mexa_bands(
    ours: Tensor, theirs: Tensor, clusters: Clusters, effort: Effort, device: torch.device
) -> tuple[Floats, Floats]:
    """Of every run and layer with its band, and the shuffled control's by layer; in percent."""
    runs, depth, count = ours.shape[:3]
    match = torch.from_numpy(shuffled(count, effort.seed)).to(device)
    found, control = np.empty((runs, depth, count)), np.empty(depth)
    for layer in range(depth):
        right = theirs[layer].to(device)
        control[layer] = 100.0 * float(nearest(ours[0, layer].to(device), right, match).double().mean())
        for run in range(runs):
            found[run, layer] = nearest(ours[run, layer].to(device), right).cpu().numpy()
    return _bounded(100.0 * found.mean(axis=2), 100.0 * _resampled_means(found, clusters, effort)), control


def _cosine_bands(
    found: Floats, clusters: Clusters, layers: range, effort: Effort
) -> tuple[Floats, Floats | None, Floats]:
    """``found`` is ``[run, layer, sentence]``; all measures come from the same resamples."""
    values, samples = found.mean(axis=2), _resampled_means(found, clusters, effort)
    within, within_samples = values[:, layers].mean(axis=1), samples[:, layers].mean(axis=1)
    if len(found) == 1:
        return _bounded(values, samples), None, _bounded(within, within_samples)
    within = np.append(within, within[1] - within[0])
    within_samples = np.vstack([within_samples, within_samples[1] - within_samples[0]])
    change = _bounded(values[1] - values[0], samples[1] - samples[0])
    return _bounded(values, samples), change, _bounded(within, within_samples)


def _resampled_means(found: Floats, clusters: Clusters, effort: Effort) -> Floats:
    """``[run, layer, resample]``: means of ``found`` ``[run, layer, sentence]`` over resamples of whole clusters."""
    drawn = clusters.draws(effort.resamples, effort.seed).astype(np.float64)
    sizes = drawn @ np.bincount(clusters.codes)
    sums: Floats = drawn[:, clusters.codes] @ found.reshape(-1, found.shape[-1]).T
    return (sums / np.where(sizes > 0, sizes, np.nan)[:, None]).T.reshape(*found.shape[:2], -1)


def _cka_bands(
    ours: Tensor, theirs: Tensor, clusters: Clusters, effort: Effort, device: torch.device
) -> tuple[Floats, Floats]:
    """``ours`` is ``[run, layer, sentence, hidden]``, ``theirs`` without the run."""
    runs, depth = ours.shape[:2]
    halves = torch.from_numpy(split_halves(clusters, effort.halves, effort.seed)).float().to(device)
    bands, plain = np.empty((runs, depth, 3)), np.empty((runs, depth))
    for layer in range(depth):
        measured = linear_cka([run[layer].to(device) for run in ours], theirs[layer].to(device), halves)
        for run, one in enumerate(measured):
            reach = _NORMAL * one.error
            bands[run, layer] = one.value, one.value - reach, one.value + reach
            plain[run, layer] = one.plain
    return bands, plain


def _bounded(value: Floats, samples: Floats) -> Floats:
    """``[..., 3]`` of a value ``[...]`` and its ``samples`` ``[..., resample]``."""
    low, high = np.nanpercentile(samples, PERCENTILES, axis=-1)
    return np.stack([value, low, high], axis=-1)


def _unseen(steps: int = 1) -> None:
    """Progress that no bar shows."""


def _blocks(count: int, size: int) -> Iterator[range]:
    """Consecutive blocks of sentences whose states, ``size`` bytes each, fit into :data:`_BLOCK`."""
    step = max(1, _BLOCK // size)
    for start in range(0, count, step):
        yield range(start, min(count, start + step))
