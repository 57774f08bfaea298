"""The page's numbers are those of the stored files, its lists are capped and counted, and gaps are told."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.types import LayerPair
from lrp2_bench.report.assessed_runs import assess_runs
from lrp2_bench.report.page.data import Choices, page_data
from lrp2_bench.report.page.shown_facts import SHOWN
from lrp2_bench.report.run_evidence import evidence_of
from lrp2_bench.results.choice import METRICS
from lrp2_bench.results.facts import read_facts
from lrp2_bench.results.runs import Run, Unfinished, find_runs
from tests.support.page_runs import assessed_groups, write_page_run
from tests.support.run_folders import write_run


def page_of(root: Path, unfinished: tuple[Unfinished, ...] = ()) -> tuple[dict[str, Any], list[str], list[Run]]:
    runs, _ = find_runs([root])
    content, problems = page_data(assessed_groups(runs), unfinished, Choices())
    json.dumps(content, allow_nan=False)
    return content, problems, runs


def test_every_number_is_that_of_pairs_csv(tmp_path: Path) -> None:
    for language in ("de", "fr"):
        write_page_run(tmp_path, language)
    content, problems, _ = page_of(tmp_path)
    (group,) = content["groups"]
    assert not problems and [run["name"] for run in group["runs"]] == ["French", "German"]
    for run in group["runs"]:
        path = tmp_path / "paper" / "mbert" / "mlama" / run["code"] / "pairs.csv"
        baseline, *rows = csv.DictReader(path.read_text().splitlines())
        assert run["pairs"] == [[int(row["lirp"]), int(row["lsrp"])] for row in rows]
        assert (run["facts"], run["shared"]) == (int(baseline["facts"]), int(baseline["shared"]))
        for metric in METRICS:
            shown = run["metrics"][metric]
            assert [f"{one:.6f}" for one in (shown["baseline"], *shown["values"])] == [
                row[metric] for row in (baseline, *rows)
            ]
            highest = max(rows, key=lambda row: float(row[metric]))
            assert run["best"][metric] == rows.index(highest)


def test_intervals_sets_counts_and_alignment_are_the_runs_own(tmp_path: Path) -> None:
    write_page_run(tmp_path, "de", facts=100)
    content, _, (run,) = page_of(tmp_path)
    (shown,) = content["groups"][0]["runs"]
    evidence = evidence_of(run)
    pairs = [LayerPair(*pair) for pair in shown["pairs"]]
    for metric in METRICS:
        measured = evidence.measured[metric]
        numbers = shown["metrics"][metric]
        for name in ("low", "high"):
            assert numbers[name] == pytest.approx([getattr(measured.changes[pair], name) for pair in pairs], abs=6e-4)
        assert {pairs[place] for place in numbers["confidence_set"]} == measured.confidence_set
        best = pairs[shown["best"][metric]]
        sides, turned = shown["changes"][str(best)], evidence.turned[best]
        assert [sides[side]["count"] for side in ("gained", "lost")] == [len(turned.gained), len(turned.lost)]
    assert shown["gained"] == [evidence.counts[pair][0] for pair in pairs]
    assert shown["lost"] == [evidence.counts[pair][1] for pair in pairs]
    assert shown["alignment"]["lrp2"][0] == pytest.approx(0.6)
    assert shown["paper"] is not None, "mbert on mlama is the paper's"


def test_held_out_gains_and_p_values_are_those_of_the_table_of_significance(tmp_path: Path) -> None:
    for language in ("de", "fr", "ja"):
        write_page_run(tmp_path, language, facts=100)
    write_run(tmp_path, "en", (34, 100), blocks=4)
    content, _, runs = page_of(tmp_path)
    for metric in METRICS:
        found = assess_runs(runs, metric).assessed
        shown = {run["code"]: run["metrics"][metric].get("test") for run in content["groups"][0]["runs"]}
        assert shown.pop("en") is None and set(shown) == set(found)
        for language, each in found.items():
            gain = each.assessed.measured[metric].held_out
            numbers = shown[language]
            said = [numbers[key] for key in ("held_out", "held_out_low", "held_out_high", "held_out_p_holm", "max_t_p")]
            assert said == pytest.approx([gain.value, gain.low, gain.high, each.held_out_p, each.p], rel=1e-3)
            assert numbers["naive_p"] == pytest.approx(each.assessed.naive.p, rel=1e-3)
        assert any(each.naive_p != each.assessed.naive.p for each in found.values()), "or nothing was corrected"
        mean, low, high, languages = content["groups"][0]["held_out"][metric]
        assert low < mean < high and languages == 3


def test_relations_add_up_to_the_facts_that_change_at_the_best_pair(tmp_path: Path) -> None:
    write_page_run(tmp_path, "de", relations=["P17", "P30", "X<b>"], facts=50)
    content, _, (run,) = page_of(tmp_path)
    (shown,) = content["groups"][0]["runs"]
    best = run.best("transferability")
    assert best is not None and list(shown["relations"]) == ["P17", "P30", "X<b>"]
    assert [each["facts"][0] for each in shown["relations"].values()] == [50, 50, 50]
    hits = sum(each["facts"][1] for each in shown["relations"].values())
    assert 100 * hits / 150 == pytest.approx(run.baseline.accuracy, abs=1e-5)
    sides = shown["changes"][str(best.pair)]
    by_relation = [each[str(best.pair)] for each in shown["relations"].values()]
    assert [sum(side) for side in zip(*by_relation, strict=True)] == [sides["gained"]["count"], sides["lost"]["count"]]
    assert content["relations"] == {"P17": "country", "P30": "continent"}


def test_searched_strengths_and_interventions_are_dimensions_of_their_own(tmp_path: Path) -> None:
    for projection in ("lrp2", "random"):
        write_page_run(tmp_path / projection, "de", manifest={"projection": {"kind": projection, "label": projection}})
    content, _, _ = page_of(tmp_path)
    named = [[group[name] for name in ("model", "intervention", "strength")] for group in content["groups"]]
    assert named == [["mbert", "lrp2", "1"], ["mbert", "random", "1"]]


def test_lists_of_facts_are_capped_counted_and_begin_with_every_relation(tmp_path: Path) -> None:
    relations = ["P17", "P30", "P36"]
    folder = write_page_run(tmp_path, "de", relations=relations, facts=700)
    content, _, (run,) = page_of(tmp_path)
    (shown,) = content["groups"][0]["runs"]
    best = run.best("transferability")
    assert best is not None
    gained = shown["changes"][str(best.pair)]["gained"]
    assert gained["count"] > SHOWN == len(gained["shown"]) == len(gained["right"]), "or nothing was cut"
    entries = [content["facts"][place] for place in gained["shown"]]
    assert [entry[0] for entry in entries[:3]] == relations
    texts = read_facts(folder / "facts.parquet")
    evidence = evidence_of(run)
    assert best.pair is not None
    turned = evidence.turned[best.pair]
    known = {
        (key[0], texts[key].query.replace("[Y]", texts[key].object), texts[key].pivot_object): key in turned.right
        for key in turned.gained
    }
    for entry, right in zip(entries, gained["right"], strict=True):
        assert known.pop((entry[0], "".join(entry[1:4]), entry[5])) == bool(right)
    assert gained["pivot"] == len(turned.right.intersection(turned.gained))


def test_two_models_share_the_texts_of_their_facts(tmp_path: Path) -> None:
    for model in ("a", "b"):
        write_page_run(tmp_path, "de", model=model)
    content, _, _ = page_of(tmp_path)
    assert len(content["groups"]) == 2
    assert len({tuple(entry) for entry in content["facts"]}) == len(content["facts"])


@pytest.mark.parametrize(("gone", "told"), [("facts.parquet", "Facts are counted"), ("hits.parquet", "No intervals")])
def test_what_a_folder_lacks_is_told_and_costs_nothing_else(tmp_path: Path, gone: str, told: str) -> None:
    folder = write_page_run(tmp_path, "de")
    write_page_run(tmp_path, "fr")
    (folder / gone).unlink()
    content, problems, _ = page_of(tmp_path)
    assert len(problems) == 1 and str(folder / gone) in problems[0]
    french, german = content["groups"][0]["runs"]
    assert any(told in note for note in german["notes"]) and not any(told in note for note in french["notes"])
    assert german["metrics"]["accuracy"]["values"] and french["changes"]
    for sides in german["changes"].values():
        assert not sides["gained"]["shown"]


def test_baselines_and_the_pivot_have_a_row_without_pairs(tmp_path: Path) -> None:
    write_run(tmp_path, "en", (34, 100))
    write_run(tmp_path, "de", (20, 30))
    content, problems, _ = page_of(tmp_path)
    english, german = content["groups"][0]["runs"]
    assert not problems and english["pivot"] and english["resource"] is None and german["resource"] == "high"
    assert german["pairs"] == [] and german["best"] == {}
    assert content["leaderboard"] == {"accuracy": [], "transferability": []}


def test_metrics_of_nothing_are_none(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (float("nan"), float("nan")), {(1, 2): (float("nan"), float("nan"))}, facts=0, shared=0)
    content, _, _ = page_of(tmp_path)
    assert content["groups"][0]["runs"][0]["metrics"]["transferability"]["baseline"] is None


def test_texts_of_strangers_are_cut_and_cleaned(tmp_path: Path) -> None:
    write_run(tmp_path, "xx", (20, 30), {(1, 2): (21, 31)}, model="m", manifest={"language": "x\u202e" + "y" * 9999})
    unfinished = Unfinished(tmp_path, "m", "mlama", "zz", "died\n" + "z" * 9999)
    other = Unfinished(tmp_path, "other", "mlama", "zz", "died")
    content, _, _ = page_of(tmp_path, (unfinished, other))
    (group,) = content["groups"]
    (run,) = group["runs"]
    assert run["name"].startswith("x�yyy") and len(run["name"]) < 70 and run["family"] is None
    ((told),) = group["unfinished"]
    assert told["reason"].startswith("died zzz") and len(told["reason"]) < 310
