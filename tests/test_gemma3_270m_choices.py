"""The study of Gemma 3 270M: settings are chosen as its design says, and its steps ask for what it lists."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from benchmarks.gemma3_270m.choices import Choices, first_best, table
from benchmarks.gemma3_270m.facts import LANGUAGES
from benchmarks.gemma3_270m.runs import OTHERS, STEPS, jobs, missing, overrides_of
from benchmarks.gemma3_270m.store import read_stored
from benchmarks.gemma3_270m.verify import compare, settings_of
from lrp2_bench.config.arguments import expand
from lrp2_bench.config.compose import conf_dir, register, typed
from lrp2_bench.core.settings.commands import AnalyzeCommand, ScoreCommand, SearchCommand

_NAN = float("nan")


def _hits(rows: dict[tuple[float, ...], dict[str, list[int]]], intervention: str = "lrp2") -> pd.DataFrame:
    """``rows``: hits of each fact by language, by (lirp, lsrp, strength[, back])."""
    made = []
    for setting, by_language in rows.items():
        lirp, lsrp, strength, back = (*setting, *[_NAN] * (4 - len(setting)))
        for language, hits in by_language.items():
            for at, hit in enumerate(hits):
                made.append((intervention, language, lirp, lsrp, strength, back, "P1", f"f{at}", bool(hit)))
    names = ["intervention", "language", "lirp", "lsrp", "strength", "strength_back", "relation", "uuid", "hit"]
    return pd.DataFrame(made, columns=names)


def _store(folder: Path, experiment: str, hits: pd.DataFrame) -> None:
    (folder / "hits").mkdir(exist_ok=True)
    hits.to_parquet(folder / "hits" / f"{experiment}.parquet")


def test_ties_go_to_the_baseline_then_to_the_smaller_strength_then_to_the_first_pair() -> None:
    rows = {
        (3, 4, 1.0): {"de": [1, 1, 0]},
        (2, 4, 0.5): {"de": [1, 1, 0]},
        (1, 4, 1.0): {"de": [1, 1, 0]},
        (2, 3, 0.5, 0.25): {"de": [0, 0, 0]},
        (): {"de": [1, 1, 0]},
    }
    accuracy = table(_hits(rows))
    assert list(accuracy.index) == [(), (2, 4, 0.5), (2, 3, 0.5, 0.25), (1, 4, 1.0), (3, 4, 1.0)]
    assert first_best(accuracy["de"]) == ()
    assert first_best(accuracy["de"].drop([()])) == (2, 4, 0.5)
    assert first_best(accuracy["de"].drop([(), (2, 4, 0.5)])) == (1, 4, 1.0)


def test_a_languages_own_facts_have_no_part_in_what_is_chosen_on_the_others(tmp_path: Path) -> None:
    rows = {
        (): {"de": [0, 0], "fr": [0, 0], "zh": [0, 0]},
        (1, 2, 0.5): {"de": [1, 1], "fr": [0, 0], "zh": [0, 0]},
        (1, 3, 0.5): {"de": [0, 0], "fr": [1, 0], "zh": [0, 0]},
    }
    _store(tmp_path, "grid", _hits(rows))
    choices = Choices(tmp_path)
    assert choices.own("de") == (1, 2, 0.5) and choices.left_out("de") == (1, 3, 0.5)
    assert choices.own("zh") == () and choices.left_out("zh") == choices.default() == (1, 2, 0.5)
    assert choices.ten_pairs() == [(1, 2), (1, 3)]


def test_the_tokens_that_do_better_are_used_and_text_in_a_tie(tmp_path: Path) -> None:
    text = {(): {"de": [0, 0], "zh": [1, 0]}, (2, 4, 0.5): {"de": [0, 1], "zh": [0, 0]}}
    better = {(): {"de": [0, 0], "zh": [1, 0]}, (2, 4, 0.5): {"de": [1, 1], "zh": [0, 0]}}
    _store(tmp_path, "tokens_text", _hits(text))
    _store(tmp_path, "tokens_all", _hits(text))
    assert Choices(tmp_path).tokens == "text"
    _store(tmp_path, "tokens_all", _hits(better))
    assert Choices(tmp_path).tokens == "all"


@pytest.fixture
def chosen(tmp_path: Path) -> Choices:
    by_language = {language: [0, 1] for language in LANGUAGES}
    better = {language: [1, 1] for language in LANGUAGES}
    for name in ("tokens_text", "tokens_all"):
        _store(tmp_path, name, _hits({(2, 4, 0.5): by_language}))
    _store(tmp_path, "grid", _hits({(): by_language, (14, 16, 0.5): better}))
    labels = ("recover_of12", "subspace_of12", "affine")
    rows = {(): by_language, (14, 16, 0.5, 0.25): better}
    _store(tmp_path, "rivals", pd.concat([_hits(rows, label) for label in labels]))
    return Choices(tmp_path)


def test_nothing_is_chosen_from_a_part_of_a_step(chosen: Choices) -> None:
    assert chosen.rival("affine", "zh") == chosen.rival_setting("affine", "zh") == (14, 16, 0.5, 0.25)
    hits = read_stored("rivals", chosen.data)
    for part, told in (
        (hits[(hits["language"] != "cy") | (hits["intervention"] != "affine")], "1 runs are missing"),
        (hits[hits["intervention"] != "affine"], "unfinished"),
    ):
        _store(chosen.data, "rivals", part)
        with pytest.raises(SystemExit, match=told):
            Choices(chosen.data).rival("recover", "zh")
    (chosen.data / "hits" / "rivals.parquet").unlink()
    with pytest.raises(SystemExit, match="There are no hits of 'rivals' .* run that step"):
        Choices(chosen.data).rival("recover", "zh")


def test_the_steps_ask_what_the_design_lists(chosen: Choices) -> None:
    tokens = list(jobs("tokens", chosen))
    assert len(tokens) == 6 and all(job.settings[1].count("[") == 1 + 36 * 2 for job in tokens)
    assert [job.language for job in jobs("grid", chosen)] == list(LANGUAGES)
    assert len(list(jobs("rivals", chosen))) == 36

    reporting = [job for job in jobs("reporting", chosen) if job.language == "zh"]
    assert [job.experiment for job in reporting] == [
        "reporting_own",
        *["reporting_left_out"] * 4,
        *(f"reporting_left_out_{kind}" for kind in ("recover", "subspace", "affine")),
    ]
    assert all("search.pairs=[[14,16,0.5]]" in job.settings for job in reporting[:5])
    assert all("search.pairs=[[14,16,0.5,0.25]]" in job.settings for job in reporting[5:])
    assert [job.settings[2] for job in reporting if any("seeds=20" in each for each in job.settings)] == [
        "projection=lrp2"
    ]
    assert {job.facts for job in reporting} == {"reporting"} and {job.facts for job in tokens} == {"selection"}

    full = list(jobs("full_pools", chosen))
    assert {job.language for job in full} == {"zh", "de"} and all("[[14,16,0.5]]" in job.settings[1] for job in full)

    transfer = list(jobs("transfer", chosen))
    assert len(transfer) == 40 and not {job.language for job in transfer} & {*LANGUAGES, "en"}
    assert len(set(OTHERS)) == 40

    readings = [(job.command, job.experiment) for job in jobs("readings", chosen) if job.language == "zh"]
    assert readings == [("score", "readings"), ("analyze", "readings"), ("analyze", "readings")]
    assert {job.language for job in jobs("readings", chosen)} == {"de", "ru", "zh"}


@pytest.mark.parametrize("step", STEPS)
def test_every_step_gives_its_commands_settings_that_they_know(step: str, chosen: Choices) -> None:
    register()
    GlobalHydra.instance().clear()
    given = Namespace(model="model.gguf", mlama="mlama.zip", tatoeba="tatoeba.zip", outputs="outputs")
    language = OTHERS[0] if step == "transfer" else "zh"
    asked = [job for job in jobs(step, chosen) if job.language == language]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for job in asked:
            overrides = overrides_of(given, job, Path("facts.csv"), ["model.threads=1"])
            made = compose(job.command, overrides=expand(job.command, overrides))
            typed(made, {"search": SearchCommand, "score": ScoreCommand, "analyze": AnalyzeCommand}[job.command])
    assert asked


def test_step_3_is_finished_when_every_one_of_its_runs_has_been_stored_whole(chosen: Choices) -> None:
    asked = list(jobs("reporting", chosen))
    assert len(missing(chosen)) == len(asked) == 12 * 8
    by_language = {language: [0, 1] for language in LANGUAGES}
    halves = {(14, lsrp, 0.5): by_language for lsrp in range(15, 19)}
    labels = ("lrp2_text", "lirp_only_text", "lsrp_only_text", "shuffled_text")
    rivals = ("recover_of12_text", "subspace_of12_text", "affine_text")
    parts = {"own": labels[:1], "left_out": labels,
             **{f"left_out_{label.split('_')[0]}": (label,) for label in rivals}}  # fmt: skip
    for experiment, kinds in parts.items():
        there = (14, 16, 0.5, 0.25) if kinds[0] in rivals else (14, 16, 0.5)
        at = {kind: halves if kind == "lirp_only_text" else {there: by_language} for kind in kinds}
        found = [_hits({(): by_language, **settings}, kind) for kind, settings in at.items()]
        _store(chosen.data, f"reporting_{experiment}", pd.concat(found))
        rows = [(kind, language, lirp) for kind in kinds for language in LANGUAGES for lirp in (None, 14)]
        damage = pd.DataFrame(rows, columns=["intervention", "language", "lirp"])
        damage.to_csv(chosen.data / f"damage_reporting_{experiment}.csv")
    assert missing(chosen) == [f"reporting_left_out lrp2 {language}" for language in LANGUAGES], "draws"
    rows = [("lrp2_text", language, seed, at) for language in LANGUAGES for seed in range(20) for at in range(2)]
    drawn = pd.DataFrame(rows, columns=["intervention", "language", "seed", "uuid"])
    _store(chosen.data, "reporting_left_out_draws", drawn)
    assert missing(chosen) == []

    hits = read_stored("reporting_left_out", chosen.data)
    ours = (hits["language"] == "cy") & (hits["intervention"] == "lrp2_text")
    only_a_baseline, other = ~ours | hits["lirp"].isna(), hits.copy()
    other.loc[ours & hits["lirp"].notna(), "lsrp"] = 17
    for changed in (hits[only_a_baseline], other):
        _store(chosen.data, "reporting_left_out", changed)
        assert missing(chosen) == ["reporting_left_out lrp2 cy"]
    _store(chosen.data, "reporting_left_out", hits)
    rival = read_stored("reporting_left_out_subspace", chosen.data)
    _store(chosen.data, "reporting_left_out_subspace", rival.assign(strength_back=rival["strength_back"] * 2))
    assert missing(chosen)[0] == "reporting_left_out_subspace subspace de", "another way back"
    _store(chosen.data, "reporting_left_out_subspace", rival)
    for fewer in (drawn[drawn["seed"] != 3], drawn.drop(index=5)):
        _store(chosen.data, "reporting_left_out_draws", fewer)
        assert "reporting_left_out lrp2 de" in missing(chosen)


def test_of_a_rival_that_does_harm_the_least_harmful_setting_is_reported(chosen: Choices) -> None:
    better, worse = (dict.fromkeys(LANGUAGES, hits) for hits in ([1, 1], [0, 0]))
    rows = {(): better, (14, 16, 0.5): {**worse, "zh": [0, 1]}, (12, 13, 0.5): {**worse, "de": [0, 1]}}
    _store(chosen.data, "rivals", pd.concat([_hits(rows, label) for label in ("recover", "subspace", "affine")]))
    asked = Choices(chosen.data)
    assert asked.rival("affine", "de") == ()
    assert asked.rival_setting("affine", "de") == (14, 16, 0.5) and asked.rival_setting("affine", "zh") == (12, 13, 0.5)


def test_where_nothing_beats_the_baseline_no_setting_is_reported(tmp_path: Path, chosen: Choices) -> None:
    by_language = {language: [0, 1] for language in LANGUAGES}
    _store(tmp_path, "grid", _hits({(): by_language, (14, 16, 0.5): by_language}))
    asked = Choices(tmp_path)
    assert {job.experiment for job in jobs("reporting", asked)} == {
        f"reporting_left_out_{kind}" for kind in ("recover", "subspace", "affine")
    }
    assert all(job.settings == ("search=baseline", "damage=false") for job in jobs("transfer", asked))


def test_stored_hits_are_read_by_experiment(tmp_path: Path) -> None:
    _store(tmp_path, "grid", _hits({(): {"de": [1, 0]}}))
    assert read_stored("grid", tmp_path)["hit"].tolist() == [True, False]


def test_a_slice_is_spread_over_the_grid_and_compared_cell_by_cell() -> None:
    grid = {(i, j, strength): {"zh": [1, 0]} for strength in (0.5, 1.0) for i in range(1, 18) for j in range(i + 1, 19)}
    stored = _hits({(): {"zh": [0, 1]}, **grid})
    settings = settings_of(stored)
    assert len(settings) == 12 and {setting[2] for setting in settings} == {0.5, 1.0}
    again = _hits({(): {"zh": [0, 1]}, **{tuple(map(float, setting)): {"zh": [1, 0]} for setting in settings}})
    assert compare(stored, again) == (26, 0)
    again.loc[3, "hit"] = not again.loc[3, "hit"]
    assert compare(stored, again) == (26, 1)
    with pytest.raises(ValueError, match="not stored"):
        compare(stored[stored["uuid"] == "f0"], again)
