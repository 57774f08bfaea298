"""Affine maps by ridge regression, the penalty chosen by leave-one-out cross-validation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

#: Penalties that are tried, in units of the mean variance of a dimension times the number of sentences.
PENALTIES = tuple(10.0**power for power in range(-5, 4))


@dataclass(frozen=True)
class Fit:
    """``x -> weight x + bias``, float32, and the penalty it was fitted with, in the units of :data:`PENALTIES`."""

    weight: Float[Tensor, "out hidden"]
    bias: Float[Tensor, " out"]
    penalty: float


def ridge(source: Float[Tensor, "sentence hidden"], target: Float[Tensor, "sentence out"]) -> Fit:
    """The map that minimises ``sum |W x + c - y|^2 + penalty |W|^2`` (c is not penalised), in float64.

    The penalty is the one of :data:`PENALTIES` with the least squared error on sentences left out one at a time, which
    has a closed form: a sentence's residual divided by one less its leverage. The larger one of equals. There may be
    fewer sentences than dimensions. Where ``source`` never varies the map is the mean of ``target``.
    """
    x, y = source.double(), target.double()
    x_mean, y_mean = x.mean(dim=0), y.mean(dim=0)
    x, y = x - x_mean, y - y_mean
    count, size = x.shape
    # Of the two Gram matrices the smaller one is taken apart: x = u diag(sigma) v.
    if count < size:
        variances, u = torch.linalg.eigh(x @ x.T)
        keep = variances > 1e-12 * variances[-1].clamp(min=torch.finfo(torch.float64).tiny)
        variances, u = variances[keep], u[:, keep]
        v = (x.T @ u) / variances.sqrt()
    else:
        variances, v = torch.linalg.eigh(x.T @ x)
        keep = variances > 1e-12 * variances[-1].clamp(min=torch.finfo(torch.float64).tiny)
        variances, v = variances[keep], v[:, keep]
        u = (x @ v) / variances.sqrt()
    rotated = u.T @ y
    unit = float(variances.sum()) / size
    best, penalty = float("inf"), PENALTIES[-1]
    for tried in reversed(PENALTIES):
        shrunk = variances / (variances + tried * unit)
        leverage = 1 / count + (u.square() * shrunk).sum(dim=1)
        left_out = (y - u @ (shrunk.unsqueeze(1) * rotated)) / (1 - leverage).clamp(min=1e-9).unsqueeze(1)
        if (error := float(left_out.square().sum())) < best:
            best, penalty = error, tried
    scale = variances.sqrt() / (variances + penalty * unit)
    weight = (v @ (scale.unsqueeze(1) * rotated)).T
    return Fit(weight.float(), (y_mean - weight @ x_mean).float(), penalty)
