"""The study of Gemma 3 270M: its tables say what its stored hits say."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.gemma3_270m.estimates import (
    Contrast,
    Stored,
    jointly,
    over_languages,
    resampled_both,
    verdict,
    verdict_resampled,
)
from benchmarks.gemma3_270m.figures import transfer_figure
from benchmarks.gemma3_270m.tables import controls, reported, tables, transfer
from lrp2_bench.core.types import Interval

_FACTS, _LANGUAGES = 120, ("af", "az", "be", "bg")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four languages in which LRP2 wins 12 facts and loses 2 of 120; shuffled vectors win 1; random draws nothing."""
    (tmp_path / "hits").mkdir()
    rng = np.random.default_rng(0)
    rows, draws, facts = [], [], []
    for language in _LANGUAGES:
        before = rng.permutation(np.arange(_FACTS) < 60)
        won, lost = rng.permutation(np.flatnonzero(~before))[:12], rng.permutation(np.flatnonzero(before))[:2]
        moved, shuffled = before.copy(), before.copy()
        moved[won], moved[lost], shuffled[won[0]] = True, False, True
        for at in range(_FACTS):
            key = ("P1" if at % 2 else "P2", f"f{at}")
            facts.append(("reporting", language, *key, f"Q{at // 2}", at < 30, at >= 90))
            rows.append(("pivot", language, None, None, None, None, *key, True))
            for kind, hits in (("lrp2_text", moved), ("shuffled_text", shuffled)):
                rows.append((kind, language, None, None, None, None, *key, before[at]))
                rows.append((kind, language, 14, 16, 0.5, None, *key, hits[at]))
            draws += [("lrp2_text", language, seed, *key, before[at]) for seed in range(3)]
    names = ["intervention", "language", "lirp", "lsrp", "strength", "strength_back", "relation", "uuid", "hit"]
    hits = pd.DataFrame(rows, columns=names)
    hits.to_parquet(tmp_path / "hits" / "reporting_left_out.parquet")
    hits[hits["intervention"] != "shuffled_text"].to_parquet(tmp_path / "hits" / "transfer.parquet")
    pd.DataFrame(draws, columns=["intervention", "language", "seed", "relation", "uuid", "hit"]).to_parquet(
        tmp_path / "hits" / "reporting_left_out_draws.parquet"
    )
    names = ["part", "language", "relation", "uuid", "subject", "in_subject", "as_english"]
    pd.DataFrame(facts, columns=names).to_parquet(tmp_path / "facts.parquet")
    return tmp_path


def test_the_headline_is_the_mean_over_languages_with_an_interval(data: Path) -> None:
    gains, mean = transfer(Stored(data))
    assert set(gains) == set(_LANGUAGES) and mean.value == pytest.approx(100 * 10 / _FACTS)
    assert 0 < mean.low < mean.value < mean.high < 20 and verdict(mean) == "supported"


def test_the_interval_that_the_design_names_resamples_subjects_and_languages(data: Path) -> None:
    gains, mean = transfer(Stored(data))
    assert resampled_both(gains).value == pytest.approx(mean.value) and verdict_resampled(gains) == "supported"
    wide, narrow = resampled_both(gains), resampled_both(gains, 0.9)
    assert wide.low < narrow.low < mean.value < narrow.high < wide.high
    # Subjects alone: languages with one value a resample each differ by nothing else.
    same = resampled_both(dict.fromkeys(("af", "az", "be", "bg"), gains["af"]))
    drawn = gains["af"].estimate().samples
    assert same.low == pytest.approx(np.quantile(drawn, 0.025)) and same.high == pytest.approx(
        np.quantile(drawn, 0.975)
    )
    # Languages alone: of two that differ by 20 points, the mean of two draws is either or halfway.
    certain = {
        name: Contrast(np.full(40, share), np.zeros(40), tuple(map(str, range(40)))) for name, share in
        (("af", 0.1), ("az", 0.3))
    }  # fmt: skip
    apart = resampled_both(certain)
    assert (apart.low, apart.value, apart.high) == pytest.approx((10, 20, 30))


def test_no_effect_that_matters_is_seen_in_the_90_percent_of_resamples() -> None:
    nothing = {name: Contrast(np.zeros(40), np.zeros(40), tuple(map(str, range(40)))) for name in ("af", "az")}
    assert verdict_resampled(nothing) == "no effect that matters"


def test_controls_are_taken_off_fact_by_fact(data: Path) -> None:
    found = {name: over_languages(by_language).value for name, by_language in controls(Stored(data)).items()}
    assert found["less 20 random draws"] == pytest.approx(100 * 10 / _FACTS)
    assert found["less shuffled vectors"] == pytest.approx(100 * 9 / _FACTS)


def test_transferability_is_that_of_the_suite(data: Path) -> None:
    sides = Stored(data).sides("reporting_left_out", "lrp2")["af"]
    assert sides.transferability() == pytest.approx(100 * 10 / _FACTS)  # English knows all


def test_a_gain_is_tested_beside_all_others(data: Path) -> None:
    gains = reported(Stored(data))
    tested = {("x", language): gain for language, gain in gains["LRP2, left out"].items()}
    alone = jointly({("x", "af"): gains["LRP2, left out"]["af"]})["x", "af"]
    together = jointly({**tested, **{("y", name): gain for name, gain in gains["shuffled vectors"].items()}})
    assert 0 < alone <= together["x", "af"] < 0.05 < together["y", "af"]


def test_subjects_widen_the_interval(data: Path) -> None:
    gain = reported(Stored(data))["LRP2, left out"]["af"]
    single = type(gain)(gain.values, gain.baseline, tuple(map(str, range(_FACTS))))
    by_subject = type(gain)(np.repeat(gain.values[::4], 4), gain.baseline, tuple(str(at // 4) for at in range(_FACTS)))
    apart = type(gain)(by_subject.values, gain.baseline, single.subjects)
    assert by_subject.interval().high - by_subject.mean > 1.5 * (apart.interval().high - apart.mean)


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (Interval(2.0, 0.1, 3.9), "supported"),
        (Interval(-2.0, -3.9, -0.1), "contradicted"),
        (Interval(0.1, -0.5, 0.7), "no effect that matters"),
        (Interval(0.1, -2.0, 2.2), "inconclusive"),
        (Interval(0.1, math.nan, math.nan), "inconclusive"),
    ],
)
def test_a_verdict_follows_the_interval(interval: Interval, said: str) -> None:
    assert verdict(interval) == said


def test_there_is_no_number_of_the_headline_before_all_languages_have_run(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.gemma3_270m.tables.missing", lambda choices: [])
    made = dict(tables(data))
    assert made["Transfer of the choice: unfinished"] == "36 of 40 languages have not run."
    assert not any(title.startswith("Headline") for title in made)


def test_every_table_is_made_of_what_is_there(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.gemma3_270m.tables.OTHERS", _LANGUAGES)
    left = ["reporting_own lrp2 de"]
    monkeypatch.setattr("benchmarks.gemma3_270m.tables.missing", lambda choices: left)
    assert dict(tables(data))["Reporting facts: unfinished"] == "1 runs are missing, the first: reporting_own lrp2 de."
    assert "Reporting facts" not in dict(tables(data))
    left.clear()
    made = dict(tables(data))
    headline = next(title for title in made if title.startswith("Headline"))
    assert "+8.3 [" in headline and "over 4 languages (supported; " in headline
    by_form = made["By the form of the answer (LRP2, left out)"].splitlines()
    assert [line.split(" | ")[1] for line in by_form[2:]] == ["120", "120", "240"]
    assert "| P1 | 240 |" in made["By relation (LRP2, left out)"]


def test_the_figure_of_the_headline_has_the_mean_first_and_then_each_language(data: Path) -> None:
    (axes,) = transfer_figure(Stored(data)).axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[0] == "mean" and "Bulgarian" in labels and len(labels) == 5
    points = [line.get_ydata()[0] for line in axes.lines if line.get_marker() in ("D", "o")]
    assert points == pytest.approx([100 * 10 / _FACTS] * 5)
