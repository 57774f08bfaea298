"""The study of Gemma 3 270M: what is read in states and answers is stored without labels, and tabled as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.gemma3_270m.figures import readings_figure
from benchmarks.gemma3_270m.readings import BY_HAND, METRICS, changed, collect_readings, tables_of_readings

_SETTING = (4, 10, 0.5)
_FACTS = 60


def _answers() -> pd.DataFrame:
    """Of 60 facts 30 are right; LRP2 wins 25 and loses 24, whose answers are English words then."""
    rows = []
    for moved in (False, True):
        for at in range(_FACTS):
            right = at < 30 if not moved else at < 6 or 30 <= at < 55
            kind, whose = ("right", "own") if right else ("wrong", "pivot" if moved else "own")
            lirp, lsrp, strength = _SETTING if moved else (np.nan, np.nan, np.nan)
            answer = f"Wort {at % 3}" if right else "Berlin"
            rows.append(("P1", f"f{at}", lirp, lsrp, strength, answer, kind, whose, np.nan))
    names = ["relation", "uuid", "lirp", "lsrp", "strength", "answer", "kind", "language", "strength_back"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    found = tmp_path / "outputs" / "readings" / "lrp2_text" / "gemma3_270m"
    for language in ("de", "zh"):
        folder = found / "mlama" / language
        folder.mkdir(parents=True)
        _answers().to_parquet(folder / "answers.parquet")
        rows = [(*where, name, 50.0, change, change - 1, change + 1, _FACTS, None)
                for where, change in (((None, None, None), np.nan), (_SETTING, 1.5)) for name in METRICS]  # fmt: skip
        names = ["lirp", "lsrp", "strength", "metric", "value", "change", "low", "high", "facts", "strength_back"]
        pd.DataFrame(rows, columns=names).to_csv(folder / "score_metrics.csv", index=False)
    curves = {
        "alignment": pd.DataFrame(
            {"language": "de", "layer": range(19), "mexa": 50.0, "mexa_lrp2": 60.0, "mexa_random": 5.0}
        ),
        "lens": pd.DataFrame(
            [("de", run, whose, layer, layer / 20, 0.0, 1.0)
             for run in ("baseline", "lrp2") for whose in ("own", "pivot") for layer in range(19)],
            columns=["language", "run", "object", "layer", "probability", "probability_low", "probability_high"],
        ),
    }  # fmt: skip
    for name, table in curves.items():
        folder = found / "analyses" / name
        folder.mkdir(parents=True)
        table.to_csv(folder / f"{name}_all_gemma3_270m.csv", index=False)
    return tmp_path / "outputs"


def test_no_label_is_stored_and_a_second_time_changes_nothing(outputs: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    collect_readings(outputs, data)
    before = {path.name: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert set(before) == {
        "readings_alignment.csv", "readings_lens.csv", "readings_metrics.csv", "readings_answers.parquet",
    }  # fmt: skip
    stored = pd.read_parquet(data / "hits" / "readings_answers.parquet")
    assert not any("Berlin" in str(value) or "Wort" in str(value) for value in stored.to_numpy().ravel())
    assert stored.groupby(["language", "kind"], observed=True).size().to_dict() == {
        ("de", "right"): 61, ("de", "wrong"): 59, ("zh", "right"): 61, ("zh", "wrong"): 59,
    }  # fmt: skip
    collect_readings(outputs, data)
    assert {path.name: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before


def test_tables_say_what_is_answered_and_in_whose_words(outputs: Path, tmp_path: Path) -> None:
    collect_readings(outputs, tmp_path / "data")
    made = dict(tables_of_readings(tmp_path / "data"))
    answers = made["What is answered, in percent"].splitlines()
    assert answers[2] == "| de | baseline | 50.0 | 0.0 | 0.0 | 50.0 | 100.0 | 0.0 | 0.0 | 50.0 |"
    assert answers[3] == "| de | 4/10 at 0.5 | 51.7 | 0.0 | 0.0 | 48.3 | 0.0 | 0.0 | 100.0 | 48.3 |"
    assert "| zh | 4/10 at 0.5 | +1.5 [+0.5, +2.5] |" in made["Metrics of scores: changes against the baseline"]


def test_the_facts_to_look_at_are_drawn_by_their_ids(outputs: Path) -> None:
    answers = pd.concat([_answers().assign(language=language) for language in ("de", "zh")])
    found = changed(answers, {"de": _SETTING, "zh": _SETTING})
    assert (found["change"] == 1).sum() == (found["change"] == -1).sum() == BY_HAND
    assert {*found["language"]} == {"de", "zh"} and found[["language", "uuid"]].value_counts().max() == 1
    lost = found[found["change"] == -1]
    assert lost["before"].str.startswith("Wort").all() and (lost["after"] == "Berlin").all()
    shuffled = answers.sample(frac=1, random_state=1)
    assert changed(shuffled, {"zh": _SETTING, "de": _SETTING}).equals(found)


def test_the_figure_has_a_panel_a_language_and_all_curves_in_it(outputs: Path, tmp_path: Path) -> None:
    collect_readings(outputs, tmp_path / "data")
    panels = readings_figure(tmp_path / "data").axes
    assert [axes.get_title() for axes in panels] == ["German", ""]
    assert [len(axes.lines) for axes in panels] == [3, 4]
