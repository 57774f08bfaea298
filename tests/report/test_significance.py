"""The table of significance says what the hits say, corrected over the languages in it, and names what it lacks."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.render.cells import show
from lrp2_bench.render.plain import to_csv
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.assessed_runs import AssessedRuns, assess_runs
from lrp2_bench.report.run_evidence import evidence_of
from lrp2_bench.report.tables.significance import significance_table
from lrp2_bench.results.runs import find_runs
from lrp2_bench.results.stored_hits import read_hits
from lrp2_bench.stats.confidence_set import Membership
from lrp2_bench.stats.max_t import step_down
from lrp2_bench.stats.new_language import leave_one_language_out
from lrp2_bench.stats.paired_tests import holm
from tests.support.assessed import assessed_run, evidence
from tests.support.run_folders import write_run
from tests.support.synthetic_runs import write_synthetic_run


def assessed(root: Path, select_by: str = "transferability") -> AssessedRuns:
    return assess_runs(find_runs([root])[0], select_by)


def rows(table: Table) -> dict[str, dict[str, Cell]]:
    keys = [column.key for column in table.columns]
    return {str(row[0]): dict(zip(keys, row, strict=True)) for row in table.rows}


def test_a_row_is_the_stored_hits_at_the_best_pair(tmp_path: Path) -> None:
    folder = write_synthetic_run(tmp_path, "de", blocks=4, facts=400)
    found = assessed(tmp_path)
    de = rows(significance_table(found))["de"]
    (run,) = found.runs
    best = run.best("transferability")
    assert best is not None and de["best"] == best.pair and (de["name"], de["facts"]) == ("German", 400)
    hits = read_hits(folder / "hits.parquet")
    before, after = hits.row(None), hits.row(best.pair)
    assert before is not None and after is not None
    assert (de["gained"], de["lost"]) == (int((after > before).sum()), int((after < before).sum()))
    change = de["transferability_change"]
    assert isinstance(change, Interval) and change.low < change.value < change.high
    assert change.value == pytest.approx(best.transferability - run.baseline.transferability, abs=2e-6)
    held_out, selection_bias = de["transferability_held_out"], de["transferability_selection_bias"]
    assert isinstance(held_out, Interval) and held_out.low < held_out.value < held_out.high
    assert selection_bias == pytest.approx(change.value - held_out.value)
    accuracy = metrics.accuracy(np.stack([before, after]))
    other = de["accuracy_change"]
    assert isinstance(other, Interval) and other.value == pytest.approx(accuracy[1] - accuracy[0])
    members = [LayerPair(*map(int, text.split("/"))) for text in str(de["confidence_set_pairs"]).split()]
    assert de["confidence_set"] == (len(members), 6) and best.pair in members
    assert str(de["confidence_set_lirp"]).split("–")[0] == str(min(pair.lirp for pair in members))


def test_p_is_corrected_over_the_languages_of_the_table(tmp_path: Path) -> None:
    for language in ("de", "fr", "ja"):
        write_synthetic_run(tmp_path, language, blocks=4, facts=300)
    table = rows(significance_table(assessed(tmp_path)))
    plain = [row["naive_p"] for row in table.values()]
    assert [row["naive_p_holm"] for row in table.values()] == pytest.approx(holm(plain))
    assert len(table) == 3 and any(row["naive_p_holm"] != row["naive_p"] for row in table.values())


def test_languages_share_their_draws_so_that_max_t_corrects_over_all_of_them(tmp_path: Path) -> None:
    for language in ("de", "fr", "ja"):
        write_synthetic_run(tmp_path, language, blocks=4, facts=300)
    found = assessed(tmp_path)
    largest = [each.assessed.largest for each in found.assessed.values()]
    assert [row["p_max_t"] for row in rows(significance_table(found)).values()] == step_down(largest)
    assert max(each.p for each in found.assessed.values()) >= max(one.p for one in largest)


def test_the_others_pair_is_chosen_without_the_language(tmp_path: Path) -> None:
    for language in ("de", "fr", "ja"):
        write_synthetic_run(tmp_path, language, blocks=4, facts=2_000, gain=1.5)
    found = assessed(tmp_path)
    changes = {code: evidence_of(each.run).measured["transferability"].changes for code, each in found.assessed.items()}
    for language, row in rows(significance_table(found)).items():
        others = [
            found.evidence[code].measured["transferability"].changes for code in found.assessed if code != language
        ]
        best = max(others[0], key=lambda pair: sum(each[pair].value for each in others))
        assert row["new_language"] == str(best)
        assert row["new_language_gain"] == changes[language][best]


def test_where_the_others_choose_no_pair_nothing_is_measured() -> None:
    worse = {language: {LayerPair(1, 2): Interval(-1.0, -2.0, 0.5)} for language in ("de", "fr", "ja")}
    column = Column("new_language_gain", "its change", "change_interval")
    for found in leave_one_language_out(worse).values():
        assert found.pair is None and show(found.gain, column) == "0.0"


def test_a_rounding_error_breaks_no_tie_with_none() -> None:
    changes = {"a": 0.3, "b": 0.1, "c": -0.1}  # that b and c add up to 5e-17, not 0, is the sum's rounding
    found = leave_one_language_out({each: {LayerPair(1, 2): Interval(v, v - 1, v + 1)} for each, v in changes.items()})
    assert found["a"].pair is None and found["c"].pair == LayerPair(1, 2)


def test_the_others_choose_the_pair_that_is_lowest_where_less_is_better() -> None:
    changes = {LayerPair(1, 2): Interval(-2.0, -3.0, -1.0), LayerPair(1, 3): Interval(4.0, 3.0, 5.0)}
    alike = dict.fromkeys(("de", "fr", "ja"), changes)
    for sign, best in ((-1.0, LayerPair(1, 2)), (1.0, LayerPair(1, 3))):
        assert {(one.pair, one.gain) for one in leave_one_language_out(alike, sign).values()} == {(best, changes[best])}


def test_the_notes_say_what_facts_are_clustered_by_and_what_it_costs(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "de", blocks=4, facts=300)
    notes = " ".join(significance_table(assessed(tmp_path)).notes)
    assert "by clusters of facts (fact)" in notes and "Design effect: 1.0 to 1.0 for the baseline" in notes
    assert "Each fact counts as a cluster of its own." in notes and "Monte Carlo error is 0.0" in notes


def test_select_by_accuracy_assesses_accuracy_first(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "de", blocks=4, facts=300)
    table = significance_table(assessed(tmp_path, "accuracy"))
    keys = [column.key for column in table.columns]
    assert keys[4:6] == ["accuracy_without", "accuracy_held_out"]
    assert keys.index("accuracy_held_out") < keys.index("accuracy_change") < keys.index("transferability_change")


def test_the_published_pair_is_looked_for_among_the_good_ones(tmp_path: Path) -> None:
    for model in ("mbert", "mine"):
        write_synthetic_run(tmp_path / model, "de", model=model, blocks=12, facts=300)
    row = rows(significance_table(assessed(tmp_path / "mbert")))["de"]
    assert row["paper"] == LayerPair(3, 4)
    assert row["paper_confidence_set"] == ("yes" if "3/4" in str(row["confidence_set_pairs"]).split() else "no")
    assert not any("paper" in column.key for column in significance_table(assessed(tmp_path / "mine")).columns)


@pytest.mark.parametrize(
    ("evaluated", "said"),
    [
        ({LayerPair(1, 2): True, LayerPair(3, 4): True}, "yes"),
        ({LayerPair(1, 2): True, LayerPair(3, 4): False}, "no"),
        ({LayerPair(1, 2): True, LayerPair(1, 3): True}, "–"),
        ({LayerPair(1, 2, 0.5): True, LayerPair(3, 4, 0.5): False, LayerPair(3, 4, 1.0): True}, "yes"),
        ({LayerPair(1, 2, 0.5): True, LayerPair(3, 4, 0.5): False, LayerPair(3, 4, 1.0): False}, "no"),
        ({LayerPair(1, 2, 0.5): True, LayerPair(1, 2, 1.0): True}, "–"),
    ],
)
def test_the_published_layers_are_looked_for_at_any_strength_and_only_where_they_were_evaluated(
    evaluated: dict[LayerPair, bool], said: str
) -> None:
    memberships = {pair: Membership(kept, np.zeros(25, np.uint8), 200) for pair, kept in evaluated.items()}
    kept = tuple(pair for pair, one in memberships.items() if one.kept)
    de = assessed_run("de")
    of = replace(de.assessed, memberships=memberships, confidence_set=kept)
    table = significance_table(evidence(replace(de, assessed=of)).found)
    (column,) = [column for column in table.columns if column.key == "paper_confidence_set"]
    assert show(rows(table)["de"]["paper_confidence_set"], column) == said


def test_runs_without_hits_or_pairs_have_no_row_and_are_named(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "de", blocks=4, facts=200)
    damaged = write_synthetic_run(tmp_path, "fr", blocks=4, facts=200)
    (damaged / "hits.parquet").write_bytes(b"?")
    write_run(tmp_path, "ja", (20, 30), {(1, 2): (21, 31)}, blocks=4)
    write_run(tmp_path, "ko", (20, 30), blocks=4)
    other = write_synthetic_run(tmp_path, "zh", blocks=4, facts=200)
    (other / "hits.parquet").write_bytes((other / "pivot_hits.parquet").read_bytes())
    found = assessed(tmp_path)
    table = significance_table(found)
    assert list(rows(table)) == ["de"]
    assert sorted(found.unread) == ["fr", "ja", "zh"]
    notes = "\n".join(table.notes)
    assert f"fr has no row: '{damaged / 'hits.parquet'}' is damaged" in notes
    assert "ja has no row" in notes and "is missing" in notes
    assert "zh has no row" in notes and "and pairs.csv disagree in their settings" in notes
    assert "Only the baseline was run, so no row: ko." in notes


def test_csv_keeps_small_ps_and_every_good_pair(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "de", blocks=4, facts=2_000, gain=1.5)
    table = significance_table(assessed(tmp_path))
    (row,) = csv.DictReader(io.StringIO(to_csv(table)))
    assert 0 < float(row["naive_p"]) < 1e-6 and 0 < float(row["held_out_p_holm"]) < 1e-6
    assert row["confidence_set_pairs"].split() == [*dict.fromkeys(row["confidence_set_pairs"].split())]
    assert len(row["confidence_set_pairs"].split()) == int(row["confidence_set"])


def test_an_unknown_language_has_a_row_of_its_own(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "qqq", blocks=4, facts=200)
    assert rows(significance_table(assessed(tmp_path)))["qqq"]["name"] == "qqq"
