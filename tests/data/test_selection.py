"""Some of a dataset's facts: those a file names, or a sample that is the same in every language."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import ParallelFacts
from lrp2_bench.data.cldr.dataset import CldrDataset
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.selection import LACKING, SelectedDataset, Selection, stratified
from lrp2_bench.data.table.dataset import TableDataset
from tests.support.toy_table import table, write_table


def picked(
    dataset: Dataset, limit: int | None = None, relations: list[str] | None = None, **settings: Any
) -> SelectedDataset:
    return SelectedDataset(dataset, Selection.of(**settings), limit, relations)


def keys(facts: ParallelFacts) -> set[tuple[str, int]]:
    return {fact.key for relation in facts.relations for fact in relation.facts}


def listed(tmp_path: Path, text: str) -> str:
    (tmp_path / "some.csv").write_text(text, "utf-8")
    return str(tmp_path / "some.csv")


def test_the_facts_that_a_file_names_are_asked_and_pools_stay_whole(toy_mlama: Path, tmp_path: Path) -> None:
    file = listed(tmp_path, "relation,fact\nP36,2\nP30,P30-1\nP36,P36-0\n")  # line ids and uuids
    whole = MLama(toy_mlama).facts("de", "en", DataWarnings())
    found = picked(MLama(toy_mlama), facts=file).facts("de", "en", DataWarnings())
    assert keys(found) == {("P36", 2), ("P36", 0), ("P30", 1)}
    assert [fact.line_id for fact in found.relations[1].facts] == [0, 2]  # in the dataset's order
    assert {r.name: r.pool for r in found.relations}.items() <= {r.name: r.pool for r in whole.relations}.items()
    assert [len(r.facts) for r in found.pivot_relations] == [1, 2]
    assert found.digest != whole.digest


def test_a_parquet_file_of_whole_numbers_names_facts_as_well(toy_mlama: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    pq.write_table(pa.table({"relation": ["P36", "P30"], "fact": [2.0, 1.0]}), path)
    assert keys(picked(MLama(toy_mlama), facts=str(path)).facts("de", "en", DataWarnings())) == {("P36", 2), ("P30", 1)}


def test_a_fact_that_another_language_has_is_counted(toy_mlama: Path, tmp_path: Path) -> None:
    file = listed(tmp_path, "relation,fact\nP36,6\nP36,1\n")  # Chinese lacks Brasília
    for pivot in ("en", "zh"):
        data_warnings = DataWarnings()
        assert keys(picked(MLama(toy_mlama), facts=file).facts("zh", pivot, data_warnings)) == {("P36", 1)}
        assert data_warnings.count(LACKING) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("relation,fact\nP36,2\nP36,77\n", "line 3: 'P36' has no fact '77' in any language; line ids are such"),
        ("relation,fact\nP63,2\n", "some.csv line 2: unknown relation 'P63'; did you mean 'P36'"),
        ("relation,uuid\nP36,2\n", "has no column fact, but relation, uuid"),
        ("relation,fact\n,2\n", "some.csv line 2: no relation"),
        ("relation,fact\n", "has no row below its header"),
        ("", "is empty"),
    ],
)  # fmt: skip
def test_a_file_that_names_no_facts_is_refused(text: str, told: str, toy_mlama: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError) as error:
        picked(MLama(toy_mlama), facts=listed(tmp_path, text)).facts("de", "en", DataWarnings())
    assert told in str(error.value)


def test_a_fact_that_no_two_spellings_of_an_id_share_is_named_as_it_is_written(tmp_path: Path) -> None:
    facts = "1,c,en,Peru,Lima\n01,c,en,Mali,Bamako\n1.0,c,en,Nepal,Kathmandu"
    dataset = picked(table(tmp_path / "t", facts, "c,en,[X] [Y]"), facts=listed(tmp_path, "relation,fact\nc,01\n"))
    assert [f.subject for f in dataset.facts("en", "en", DataWarnings()).relations[0].facts] == ["Mali"]


def test_relations_that_are_not_asked_may_stand_in_the_file(toy_mlama: Path, tmp_path: Path) -> None:
    file = listed(tmp_path, "relation,fact\nP36,2\nP30,1\n")
    some = picked(MLama(toy_mlama, relations=["P36"]), relations=["P36"], facts=file)
    assert keys(some.facts("de", "en", DataWarnings())) == {("P36", 2)}


def test_languages_that_lack_an_asked_relation_are_no_hindrance_to_a_file(tmp_path: Path) -> None:
    facts = "1,c,de,Peru,Lima\n1,c,en,Peru,Lima\n2,c,fr,Mali,Bamako\n3,d,ar,Mali,Africa"
    write_table(tmp_path / "t", facts, "".join(f"{name},[X] [Y]\n" for name in ("c,de", "c,en", "c,fr", "d,ar")))
    dataset = TableDataset(tmp_path / "t", relations=["c"])
    some = picked(dataset, relations=["c"], facts=listed(tmp_path, "relation,fact\nc,1\nc,2\n"))
    data_warnings = DataWarnings()
    assert keys(some.facts("de", "en", data_warnings)) == {("c", 1)} and data_warnings.count(LACKING) == 1
    some = picked(dataset, relations=["c"], facts=listed(tmp_path, "relation,fact\nc,1\nc,77\n"))
    with pytest.raises(
        BenchError, match=r"line 3: 'c' has no fact '77' in any language \(but perhaps ar, which cannot"
    ):
        some.facts("de", "en", data_warnings)


def test_a_relation_whose_name_is_a_number_is_picked_from_a_file_too(tmp_path: Path) -> None:
    write_table(tmp_path / "t", "1,101,de,Peru,Lima\n2,101,de,Mali,Bamako", "101,de,[X] [Y]")
    dataset = TableDataset(tmp_path / "t", relations=[101])  # type: ignore[list-item]  # as YAML reads it
    some = picked(dataset, relations=[101], facts=listed(tmp_path, "relation,fact\n101,2\n"))  # type: ignore[list-item]
    assert keys(some.facts("de", "de", DataWarnings())) == {("101", 2)}


def test_a_file_and_a_limit_do_not_go_together(toy_mlama: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="dataset.limit=3 both pick facts"):
        picked(MLama(toy_mlama, limit=3), limit=3, facts=listed(tmp_path, "relation,fact\nP36,2\n"))


def test_a_sample_is_the_same_in_all_its_languages() -> None:
    dataset = picked(CldrDataset(), sample=100, sample_languages=["de", "cy", "la"])
    found = {code: keys(dataset.facts(code, "en", DataWarnings())) for code in ("de", "cy", "la")}
    assert found["de"] == found["cy"] == found["la"] and len(found["de"]) == 100
    english = keys(dataset.facts("en", "en", DataWarnings()))
    assert english == found["de"]


def test_a_sample_has_of_each_relation_its_share() -> None:
    whole = CldrDataset().facts("de", "de", DataWarnings())
    drawn = picked(CldrDataset(), sample=200).facts("de", "en", DataWarnings())
    sizes = {relation.name: len(relation.facts) for relation in whole.relations}
    counts = Counter(name for name, _ in keys(drawn))
    assert sum(counts.values()) == 200
    for name, size in sizes.items():
        assert abs(counts[name] - 200 * size / sum(sizes.values())) < 1


def test_a_sample_of_a_sample_languages_facts_needs_no_other(toy_mlama: Path) -> None:
    dataset = picked(MLama(toy_mlama), sample=23, sample_languages=["zh"])
    data_warnings = DataWarnings()
    assert len(keys(dataset.facts("de", "en", data_warnings))) == 23 and data_warnings.count(LACKING) == 0


def test_seeds_draw_samples_of_their_own_and_each_the_same_again(toy_mlama: Path) -> None:
    def drawn(seed: int) -> set[tuple[str, int]]:
        return keys(picked(MLama(toy_mlama), sample=12, sample_seed=seed).facts("de", "en", DataWarnings()))

    assert drawn(0) == drawn(0) != drawn(1)


def test_a_file_and_a_sample_draw_from_the_file(toy_mlama: Path, tmp_path: Path) -> None:
    file = listed(tmp_path, "relation,fact\n" + "".join(f"P36,{line}\n" for line in range(4)))
    found = keys(picked(MLama(toy_mlama), facts=file, sample=2).facts("de", "en", DataWarnings()))
    assert len(found) == 2 and found <= {("P36", line) for line in range(4)}


def test_a_sample_larger_than_the_facts_is_refused_with_their_number(toy_mlama: Path) -> None:
    with pytest.raises(BenchError, match=r"dataset.sample=25 is more than the 24 facts that 'de' has. .*sample=24"):
        picked(MLama(toy_mlama), sample=25).facts("de", "en", DataWarnings())
    with pytest.raises(BenchError, match=r"23 facts that de, zh all have.*sample_languages"):
        picked(MLama(toy_mlama), sample=24, sample_languages=["de", "zh"]).facts("de", "en", DataWarnings())


def test_shares_are_rounded_by_the_largest_remainder() -> None:
    lines = {"a": range(5), "b": range(3), "c": range(2)}
    counts = Counter(name for name, _ in stratified(lines, Selection(sample=7), ["de"]))
    assert counts == {"a": 4, "b": 2, "c": 1}  # 3.5, 2.1, 1.4


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sample": 0}, "dataset.sample=0"), ({"sample": True}, "dataset.sample=True"),
        ({"sample": 2.5}, "dataset.sample=2.5"), ({"sample": 3, "sample_seed": "x"}, "dataset.sample_seed=x"),
        ({"sample": 3, "sample_languages": "de"}, "dataset.sample_languages=de"),
        ({"sample": 3, "sample_languages": []}, "give a list of codes"),
        ({"sample": 3, "sample_languages": [False]}, "in quotes"),
        ({"sample_languages": ["de"]}, "give dataset.sample=N as well"), ({"facts": 3}, "dataset.facts=3"),
        ({"facts": "nowhere.csv"}, "cannot read 'nowhere.csv'"),
    ],
)  # fmt: skip
def test_settings_that_pick_nothing_are_refused(settings: dict[str, Any], told: str, toy_mlama: Path) -> None:
    with pytest.raises(BenchError) as error:
        picked(MLama(toy_mlama), **settings).facts("de", "en", DataWarnings())
    assert told in str(error.value)
