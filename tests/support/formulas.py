"""The interventions once more, as plain formulas over one hooked forward pass, from the sources named in the docs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from lrp2_bench.core.types import LayerPair
from tests.support.interventions import means_of
from tests.support.naive import Change

#: States of a layer, the layer, and the pair.
Formula = Callable[[torch.Tensor, int, LayerPair], torch.Tensor]


def formula(
    name: str, language: torch.Tensor, pivot: torch.Tensor, other: torch.Tensor, a: float = 1.0, b: float = 1.0
) -> Formula:
    """``a`` and ``b`` are the strengths there and back; vectors are ``[layer, hidden]``."""
    d, mean = pivot - language, (language + pivot + other) / 3

    def every_layer(h: torch.Tensor, k: int, pair: LayerPair) -> torch.Tensor:
        return h - b * d[k] if k == pair.lsrp else h + a * d[k]

    def recover(h: torch.Tensor, k: int, pair: LayerPair) -> torch.Tensor:
        after = h + a * (pivot[k] - mean[k]) - b * (language[k] - mean[k])
        return torch.cat([h[:, :1], after[:, 1:]], dim=1)

    def recover_norm(h: torch.Tensor, k: int, pair: LayerPair) -> torch.Tensor:
        after = recover(h, k, pair)
        return after / after.norm(dim=-1, keepdim=True) * h.norm(dim=-1, keepdim=True)

    def subspace(h: torch.Tensor, k: int, pair: LayerPair) -> torch.Tensor:
        means = np.stack([each[k].double().numpy() for each in (language, pivot, other)], axis=1)
        u = np.linalg.svd(means - means.mean(axis=1, keepdims=True))[0][:, :2]
        p = torch.from_numpy(u @ u.T).float()
        return h - a * h @ p if k == pair.lirp else h + b * language[k] @ p if k == pair.lsrp else h

    def subspace_removal(h: torch.Tensor, k: int, pair: LayerPair) -> torch.Tensor:
        return subspace(h, k, pair) if k == pair.lirp else h

    @cache
    def fitted(k: int, there: bool) -> Callable[[torch.Tensor], torch.Tensor]:
        ours, theirs = means_of(language)[k], means_of(pivot)[k]
        return ridge_by_hand(ours, theirs) if there else ridge_by_hand(theirs, ours)

    def affine(h: torch.Tensor, k: int, pair: LayerPair) -> torch.Tensor:
        if k == pair.lirp:
            return h + a * (fitted(k, True)(h) - h)
        return h + b * (fitted(k, False)(h) - h) if k == pair.lsrp else h

    def sparse(h: torch.Tensor, k: int, pair: LayerPair) -> torch.Tensor:
        score = (d[k].abs() / means_of(pivot)[k].std(dim=0, correction=0)).tolist()
        kept = sorted(range(len(score)), key=lambda at: -score[at])[: round(0.25 * len(score))]
        marked = torch.zeros_like(d[k])
        marked[kept] = d[k][kept]
        return h + a * marked if k == pair.lirp else h - b * marked if k == pair.lsrp else h

    known: dict[str, Formula] = {
        each.__name__: each for each in (every_layer, recover, recover_norm, subspace, subspace_removal, affine, sparse)
    }
    return known[name]


def ridge_by_hand(x: torch.Tensor, y: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """The penalty by leaving each sentence out and solving again; the normal equations as in a textbook."""
    x, y = x.double(), y.double()
    unit = float((x - x.mean(0)).square().sum()) / x.shape[1]

    def solve(x: torch.Tensor, y: torch.Tensor, penalty: float) -> tuple[torch.Tensor, torch.Tensor]:
        x_mean, y_mean = x.mean(0), y.mean(0)
        gram = (x - x_mean).T @ (x - x_mean) + penalty * unit * torch.eye(x.shape[1], dtype=torch.float64)
        weight = torch.linalg.solve(gram, (x - x_mean).T @ (y - y_mean))
        return weight, y_mean - x_mean @ weight

    def error(penalty: float) -> float:
        total = 0.0
        for left in range(len(x)):
            kept = [row for row in range(len(x)) if row != left]
            weight, bias = solve(x[kept], y[kept], penalty)
            total += float((y[left] - x[left] @ weight - bias).square().sum())
        return total

    weight, bias = solve(x, y, min((10.0**power for power in range(-5, 4)), key=error))
    return lambda h: (h.double() @ weight + bias).float()


def changes(of: Formula, moved: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[LayerPair], Change]:
    """``of`` from the pair's LIRP layer to its LSRP layer, on the tokens of ids that ``moved`` marks."""

    def of_pair(pair: LayerPair) -> Change:
        def change(layer: int, h: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
            if not pair.lirp <= layer <= pair.lsrp:
                return h
            return torch.where(moved(ids).unsqueeze(-1), of(h, layer, pair), h)

        return change

    return of_pair


def all_but(special: Sequence[int]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Marks the tokens that are not among ``special``."""
    return lambda ids: ~torch.isin(ids, torch.tensor(special, dtype=torch.long))


def last_of(
    tokenizer: Any, sentences: Sequence[Sequence[str]], special: Sequence[int]
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Marks each row's last token that is not ``special``; of a row of the ``sentences`` of a fact, that of the tokens
    all of that fact's begin with."""
    ends = {}
    for some in sentences:
        rows = [tokenizer(text)["input_ids"] for text in some]
        common = 0
        while all(len(row) > common and row[common] == rows[0][common] for row in rows):
            common += 1
        ends |= {tuple(row): common for row in rows}

    def mark(ids: torch.Tensor) -> torch.Tensor:
        marked = torch.zeros(ids.shape, dtype=torch.bool)
        for number, row in enumerate(ids.tolist()):
            own = [ends[row_] for row_ in ends if tuple(row[: len(row_)]) == row_]
            text = [at for at, token in enumerate(row[: max(own)] if own else row) if token not in special]
            if text:
                marked[number, text[-1]] = True
        return marked

    return mark
