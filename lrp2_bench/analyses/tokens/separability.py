"""Whether a straight cut through the embedding space parts writing systems: a linear classifier on held-out tokens."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from lrp2_bench.analyses.languages.compute import Ints
from lrp2_bench.core.types import Interval

#: Share of each writing system's tokens that the classifier does not see.
HELD_OUT = 0.2

Embeddings = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Separability:
    """Held-out tokens predicted correctly, in percent.

    ``accuracy`` with Wilson's 95 % interval; ``majority`` is that of always saying the commonest writing system,
    ``shuffled`` that of the same classifier taught with the training labels shuffled: what tokens alone would give
    by chance. ``recall`` is per writing system, of as many held-out tokens as ``held_out`` says, ``mean_recall``
    their mean, in which each counts equally. ``converged`` is whether the fit ended before its last step.
    """

    accuracy: Interval
    majority: float
    shuffled: float
    recall: tuple[Interval, ...]
    held_out: tuple[int, ...]
    train: int
    converged: bool

    @property
    def mean_recall(self) -> float:
        return float(np.mean([each.value for each in self.recall]))


def separability(embeddings: Embeddings, label: Ints, *, seed: int = 0, steps: int = 300) -> Separability:
    """Of writing systems ``label`` ``[token]``, numbered from 0 without gaps, at ``embeddings`` ``[token, hidden]``.

    Multinomial logistic regression (L2, strength 1) on features scaled by the training tokens' means and deviations,
    a split that keeps each writing system's share, at most ``steps`` steps. Needs two writing systems of five tokens.
    """
    train, test = train_test_split(np.arange(len(label)), test_size=HELD_OUT, stratify=label, random_state=seed)
    fitted, converged = _fit(embeddings[train], label[train], steps)
    right = fitted.predict(embeddings[test]) == label[test]
    shuffled_labels = np.random.default_rng(seed).permutation(label[train])
    shuffled, _ = _fit(embeddings[train], shuffled_labels, steps)
    held_out = np.bincount(label[test])
    recognised = np.bincount(label[test], weights=right).astype(int)
    return Separability(
        accuracy=_share(int(right.sum()), len(test)),
        majority=100 * float(held_out[np.bincount(label[train]).argmax()]) / len(test),
        shuffled=100 * float((shuffled.predict(embeddings[test]) == label[test]).mean()),
        recall=tuple(_share(int(part), int(whole)) for part, whole in zip(recognised, held_out, strict=True)),
        held_out=tuple(int(size) for size in held_out),
        train=len(train),
        converged=converged,
    )


def _fit(embeddings: Embeddings, label: Ints, steps: int) -> tuple[Pipeline, bool]:
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=steps))
    with warnings.catch_warnings():
        # Reported once, in our words, by `converged`.
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(embeddings, label)
    return classifier, bool(classifier[-1].n_iter_.max() < steps)


def _share(part: int, whole: int) -> Interval:
    from scipy.stats import binomtest

    bounds = binomtest(part, whole).proportion_ci(method="wilson")
    return Interval(100 * part / whole, 100 * float(bounds.low), 100 * float(bounds.high))
