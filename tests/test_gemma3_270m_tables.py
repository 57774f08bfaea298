"""The study of Gemma 3 270M: its tables say what its stored hits say."""

from __future__ import annotations

import re
from dataclasses import replace
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
from benchmarks.gemma3_270m.reporting import Reporting, draws_kl, forgets
from benchmarks.gemma3_270m.tables import tables, transfer

_FACTS, _LANGUAGES = 120, ("af", "az", "be", "bg")
_NAMES = ["intervention", "language", "lirp", "lsrp", "strength", "strength_back", "relation", "uuid", "hit"]
_CHOSEN = (14, 16, 0.5)


def _rows(kind: str, language: str, before: np.ndarray, moved: np.ndarray, *settings: tuple[float, ...]) -> list[tuple]:
    """A run: English's hits, the baseline's, and those of one setting, which may be stored at several pairs."""
    found = []
    for at, (then, now) in enumerate(zip(before, moved, strict=True)):
        key = ("P1" if at % 2 else "P2", f"f{at}")
        found.append(("pivot", language, None, None, None, None, *key, True))
        found.append((kind, language, None, None, None, None, *key, bool(then)))
        found += [(kind, language, *setting, None, *key, bool(now)) for setting in settings or (_CHOSEN,)]
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four languages in which LRP2 wins 12 facts and loses 2 of 120, its first half alone wins 3 and its second none;
    shuffled vectors win 1; random draws nothing. In Afrikaans nothing beats the baseline. Of the rivals ReCoVeR wins 6,
    subspace loses 2, affine changes nothing. English loses 10 points with LRP2 and 4 with ReCoVeR."""
    (tmp_path / "hits").mkdir()
    rng = np.random.default_rng(0)
    runs: dict[str, list[tuple]] = {name: [] for name in ("own", *_STORED)}
    draws, facts, transfer = [], [], []
    for language in _LANGUAGES:
        before = rng.permutation(np.arange(_FACTS) < 60)
        won, lost = rng.permutation(np.flatnonzero(~before)), rng.permutation(np.flatnonzero(before))

        def moved(gained: int, gone: int, before=before, won=won, lost=lost) -> np.ndarray:
            hits = before.copy()
            hits[won[:gained]], hits[lost[:gone]] = True, False
            return hits

        halves = [(14, lsrp, 0.5) for lsrp in (15, 16, 17)], [(lirp, 16, 0.5) for lirp in (13, 14)]
        ours = _rows("lrp2_text", language, before, moved(12, 2))
        transfer += ours
        runs["own"] += ours if language != "af" else []
        runs["left_out"] += [
            *_rows("lrp2_text", language, before, moved(12, 2)),
            *_rows("lirp_only_text", language, before, moved(3, 0), *halves[0]),
            *_rows("lsrp_only_text", language, before, moved(0, 0), *halves[1]),
            *_rows("shuffled_text", language, before, moved(1, 0)),
        ]
        runs["left_out_recover"] += _rows("recover_of12_text", language, before, moved(6, 0))
        runs["left_out_subspace"] += _rows("subspace_of12_text", language, before, moved(0, 2))
        runs["left_out_affine"] += _rows("affine_text", language, before, moved(0, 0))
        for at in range(_FACTS):
            key = ("P1" if at % 2 else "P2", f"f{at}")
            facts.append(("reporting", language, *key, f"Q{at // 2}", at < 30, at >= 90))
            draws += [("lrp2_text", language, seed, *key, before[at]) for seed in range(3)]
    for name, rows in runs.items():
        if rows:
            pd.DataFrame(rows, columns=_NAMES).to_parquet(tmp_path / "hits" / f"reporting_{name}.parquet")
    pd.DataFrame(transfer, columns=_NAMES).to_parquet(tmp_path / "hits" / "transfer.parquet")
    names = ["intervention", "language", "seed", "relation", "uuid", "hit"]
    pd.DataFrame(draws, columns=names).to_parquet(tmp_path / "hits" / "reporting_left_out_draws.parquet")
    names = ["part", "language", "relation", "uuid", "subject", "in_subject", "as_english"]
    pd.DataFrame(facts, columns=names).to_parquet(tmp_path / "facts.parquet")
    _store_choices(tmp_path)
    _store_damage(tmp_path)
    return tmp_path


_STORED = ("left_out", "left_out_recover", "left_out_subspace", "left_out_affine")


def _store_choices(data: Path) -> None:
    """LRP2's setting is better in all languages but Afrikaans, the rivals' in none."""
    rows: dict[str, list[tuple]] = {"grid": [], "rivals": []}
    for kind in ("lrp2_text", "recover_of12_text", "subspace_of12_text", "affine_text"):
        for language in _LANGUAGES:
            before = np.array([True, False, True, False])
            better = kind == "lrp2_text" and language != "af"
            rows["grid" if kind == "lrp2_text" else "rivals"] += _rows(kind, language, before, before | better)
    for name, found in rows.items():
        pd.DataFrame(found, columns=_NAMES).to_parquet(data / "hits" / f"{name}.parquet")


def _store_damage(data: Path) -> None:
    costs = {"own": {"lrp2": 10.0}, "left_out": {"lrp2": 10.0, "lirp_only": 8.0, "lsrp_only": 0.0, "shuffled": 2.0},
             "left_out_recover": {"recover_of12": 4.0}, "left_out_subspace": {"subspace_of12": 2.0},
             "left_out_affine": {"affine": 0.0}}  # fmt: skip
    names = ["intervention", "language", "lirp", "lsrp", "strength", "pivot_accuracy", "kl", "facts", "sentences"]
    for experiment, by_kind in costs.items():
        rows = []
        for kind, cost in by_kind.items():
            for language in _LANGUAGES[1 if experiment == "own" else 0 :]:
                settings = [(14, 15, 0.5), (14, 16, 0.5)] if kind == "lirp_only" else [_CHOSEN]
                rows.append((f"{kind}_text", language, None, None, None, 90.0, 0.0, 120, 200))
                rows += [(f"{kind}_text", language, *each, 90.0 - cost, cost / 10, 120, 200) for each in settings]
        pd.DataFrame(rows, columns=names).to_csv(data / f"damage_reporting_{experiment}.csv", index=False)
    drawn = [("lrp2_text", language, seed, 14, 16, 0.5, 1.0, 1.0 if seed is None else 1.02, 120)
             for language in _LANGUAGES for seed in (None, 0, 1, 2)]  # fmt: skip
    names = ["intervention", "language", "seed", "lirp", "lsrp", "strength", "scale", "kl", "facts"]
    pd.DataFrame(drawn, columns=names).to_csv(data / "draws_reporting_left_out.csv", index=False)


def test_the_headline_is_the_mean_over_languages_with_an_interval(data: Path) -> None:
    gains, mean = transfer(Stored(data))
    assert set(gains) == set(_LANGUAGES) and mean.value == pytest.approx(100 * 10 / _FACTS)
    assert 0 < mean.low < mean.value < mean.high < 20 and verdict(mean, len(gains)) == "supported"


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
    found = {name: over_languages(by_language).value for name, by_language in Reporting(data).differences.items()}
    assert found["left out less 20 random draws"] == pytest.approx(100 * 10 / _FACTS)
    assert found["left out less shuffled vectors"] == pytest.approx(100 * 9 / _FACTS)


def test_transferability_is_that_of_the_suite(data: Path) -> None:
    sides = Stored(data).sides("reporting_left_out", "lrp2")["af"]
    assert sides.transferability() == pytest.approx(100 * 10 / _FACTS)  # English knows all
    assert [forgets(-1.0, 0.5), forgets(1.0, 0.5), forgets(-1.0, -0.5)] == ["+0.5 (accuracy falls)", "+0.5", "-0.5"]


def test_rows_that_say_the_same_count_once_and_may_not_differ(data: Path) -> None:
    stored = Stored(data)
    assert len(stored.sides("reporting_left_out", "lirp_only")["af"].moved) == _FACTS
    path = data / "hits" / "reporting_left_out.parquet"
    hits = pd.read_parquet(path)
    half = hits.index[(hits["intervention"] == "lirp_only_text") & hits["lirp"].notna()][0]
    hits.loc[half, "hit"] = not hits.loc[half, "hit"]
    hits.to_parquet(path)
    with pytest.raises(ValueError, match="reporting_left_out, a.: rows of one fact differ"):
        stored.sides("reporting_left_out", "lirp_only")


def test_every_intervention_has_a_row_with_what_it_costs(data: Path) -> None:
    rows = {cells[0]: cells for cells in _cells(Reporting(data).table())}
    gains = {name: float(cells[2].split(" ")[0]) for name, cells in rows.items()}
    share = 100 / _FACTS
    assert gains == pytest.approx(
        {
            "LRP2, own choice": 10 * share * 3 / 4, "LRP2, left out": 10 * share, "first half alone (LIRP)": 3 * share,
            "second half alone (LSRP)": 0, "shuffled vectors": share, "ReCoVeR": 6 * share,
            "subspace": -2 * share, "affine": 0, "random draws, mean of 20": 0,
        }, abs=0.051,
    )  # fmt: skip
    assert [rows[name][1] for name in ("LRP2, own choice", "LRP2, left out", "affine")] == [
        "4, 1 at the baseline",
        "4",
        "4",
    ]
    costs = {cells[0]: cells for cells in _cells(Reporting(data).costs_table())}
    assert list(costs) == list(rows)
    english = [cells[2] for name, cells in costs.items() if "draws" not in name]
    assert english == ["-7.5", "-10.0", "-8.0", "+0.0", "-2.0", "-4.0", "-2.0", "+0.0"]
    assert costs["random draws, mean of 20"][-1] == "1.020 (2 % apart at most)"


def test_languages_without_a_choice_are_not_tested(data: Path) -> None:
    rows = {cells[0]: cells for cells in _cells(Reporting(data).languages_table())}
    assert [name for name, cells in rows.items() if "none chosen" in cells] == ["af"] and rows["af"][2] == "none chosen"
    assert all(re.fullmatch(r"\+8\.3 \[.*\] p 0\.\d{3} \(0\.\d{3}\)", cells[3]) for cells in rows.values())


def test_halves_controls_and_costs_are_told_of_every_language(data: Path) -> None:
    gains = _cells(Reporting(data).untested_table())
    assert [cells[0] for cells in gains] == list(_LANGUAGES)
    assert [cells[3].split(" ")[0] for cells in gains] == ["+0.8"] * 4 and len(gains[0]) == 5
    costs = {cells[0]: cells for cells in _cells(Reporting(data).beside_table())}
    assert costs["af"][2:4] == ["", ""] and costs["af"][1] == "+0.0" and costs["az"][2] == costs["az"][5] == "-10.0"


def test_full_pools_stand_beside_pools_of_ten(data: Path) -> None:
    rows = pd.read_parquet(data / "hits" / "transfer.parquet")
    other = rows[rows["lirp"].notna()].assign(lirp=1, hit=False)  # another setting of the same run
    both = pd.concat([rows, other])
    both[both["language"].isin(("af", "az"))].to_parquet(data / "hits" / "full_pools.parquet")
    cells = _cells(Reporting(data).full_pools_table())
    assert [row[:2] for row in cells] == [
        ["af", "LRP2, left out"], ["az", "LRP2, left out"], ["az", "LRP2, own choice"],
    ]  # fmt: skip
    assert all(row[2] == row[4] == "50.0" and row[3] == row[5] for row in cells)


def test_the_draws_are_told_by_how_far_their_kl_is(data: Path) -> None:
    assert draws_kl(data)["apart"].tolist() == pytest.approx([0.02] * 12)


def _cells(table: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def test_a_gain_is_tested_beside_all_others_and_a_loss_by_the_two_sided_test_alone(data: Path) -> None:
    gains = Reporting(data).gains
    tested = {("x", language): gain for language, gain in gains["LRP2, left out"].items()}
    (alone, either_alone) = jointly({("x", "af"): gains["LRP2, left out"]["af"]})["x", "af"]
    together = jointly({**tested, **{("y", name): gain for name, gain in gains["shuffled vectors"].items()}})
    assert 0 < alone <= together["x", "af"][0] < 0.05 < together["y", "af"][0]
    assert alone <= either_alone and all(one <= two for one, two in together.values())
    lost = {key: replace(gain, values=-gain.values) for key, gain in tested.items()}
    assert all(one > 0.5 and two == jointly(tested)[key][1] < 0.05 for key, (one, two) in jointly(lost).items())


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
    assert [line.split(" | ")[1:3] for line in by_form[2:]] == [["4", "120"], ["4", "120"], ["4", "240"], ["4", ""]]
    gains = [float(line.split(" | ")[3].split(" ")[0]) for line in by_form[2:]]
    assert gains[3] == pytest.approx((gains[0] + gains[1]) / 2 - gains[2], abs=0.11)
    own = made["By the form of the answer (LRP2, own choice)"].splitlines()
    # In one language nothing is chosen.
    assert [line.split(" | ")[1:3] for line in own[2:]] == [["3", "90"], ["3", "90"], ["3", "180"], ["3", ""]]
    assert "| P1 | 240 |" in made["By relation (LRP2, left out)"]
    assert "| P1 | 180 |" in made["By relation (LRP2, own choice)"]


def test_the_figure_of_the_headline_has_the_mean_first_and_then_each_language(data: Path) -> None:
    (axes,) = transfer_figure(Stored(data)).axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[0] == "mean" and "Bulgarian" in labels and len(labels) == 5
    points = [line.get_ydata()[0] for line in axes.lines if line.get_marker() in ("D", "o")]
    assert points == pytest.approx([100 * 10 / _FACTS] * 5)
