"""Facts of one's own: what a table says is what is asked, whatever form it has."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import ParallelFacts
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.table.dataset import NUMBERS, OTHER_CODE, TableDataset
from lrp2_bench.probing.pools import pool_of
from tests.support.paths import MLAMA_ZIP, needs_mlama
from tests.support.toy_table import CAPITALS, FACTS, WORDINGS, table, table_of, write_table


def facts_of(dataset: TableDataset, language: str = "de", pivot: str = "en") -> ParallelFacts:
    return dataset.facts(language, pivot, DataWarnings())


def queries(facts: ParallelFacts) -> list[str]:
    return [relation.fill(fact, fact.object).text for relation in facts.relations for fact in relation.facts]


def test_a_folder_of_facts_and_templates_is_asked(tmp_path: Path) -> None:
    found = facts_of(table(tmp_path), "en", "de")
    assert queries(found) == [
        "The capital of Peru is Lima.", "The capital of Mali is Bamako.", "The capital of Nepal is Kathmandu.",
    ]  # fmt: skip
    assert [fact.subject for fact in found.pivot_relations[0].facts] == ["Peru", "Mali"]
    assert found.relations[0].pool == ("Bamako", "Kathmandu", "Lima")


def same_facts(ours: ParallelFacts, theirs: ParallelFacts) -> None:
    """But for the uuids, which a table has of its own."""
    for mine, other in ((ours.relations, theirs.relations), (ours.pivot_relations, theirs.pivot_relations)):
        assert [relation.name for relation in mine] == [relation.name for relation in other]
        for a, b in zip(mine, other, strict=True):
            assert a.template == b.template and a.answers == b.answers and a.pool == b.pool
            assert [(f.key, f.subject, f.object, f.object_id) for f in a.facts] == [
                (f.key, f.subject, f.object, f.object_id) for f in b.facts
            ]
            for size in (None, 10):
                assert (pool_of(a, size, 0).allowed == pool_of(b, size, 0).allowed).all()


def test_mlama_as_a_table_holds_the_same_facts_and_pools(toy_mlama: Path, tmp_path: Path) -> None:
    mlama = MLama(toy_mlama)
    as_table = TableDataset(table_of(mlama, ("de", "en", "zh"), tmp_path / "table"))
    for language in ("de", "zh"):
        same_facts(facts_of(as_table, language), mlama.facts(language, "en", DataWarnings()))


@needs_mlama
@pytest.mark.slow
def test_published_mlama_as_a_table_holds_the_same_facts_and_pools(tmp_path: Path) -> None:
    mlama = MLama(MLAMA_ZIP)
    as_table = TableDataset(table_of(mlama, ("de", "en"), tmp_path))
    same_facts(facts_of(as_table), mlama.facts("de", "en", DataWarnings()))


FORMS = (
    "csv", "semicolons", "tsv", "jsonl", "parquet", "bom", "crlf", "utf-16", "sep line", "dictionary", "quoted", "cr",
    "cr sep line", "cr tsv", "cr jsonl",
)  # fmt: skip


def written(form: str, folder: Path) -> Path:
    rows = [line.strip() for line in CAPITALS.strip().splitlines()]
    cells = [row.split(",") for row in rows]
    names = FACTS.split(",")
    plain = "\n".join([FACTS, *rows]) + "\n"
    write_table(folder, CAPITALS, WORDINGS)
    path = folder / "facts.csv"
    path.unlink()
    if form == "semicolons":
        path.write_text(plain.replace(",", ";"), "utf-8")
    elif form == "sep line":
        path.write_bytes(b"sep=;\r\n" + plain.replace(",", ";").replace("\n", "\r\n").encode())
    elif form == "cr sep line":
        path.write_bytes(b"sep=;\r" + plain.replace(",", ";").replace("\n", "\r").encode())
    elif form == "cr":
        path.write_bytes(plain.replace("\n", "\r").encode())
    elif form == "cr tsv":
        path.with_suffix(".tsv").write_bytes(plain.replace(",", "\t").replace("\n", "\r").encode())
    elif form == "bom":
        path.write_text(plain, "utf-8-sig")
    elif form == "crlf":
        path.write_bytes(plain.replace("\n", "\r\n").encode())
    elif form == "utf-16":
        path.write_text(plain.replace(",", "\t"), "utf-16")
    elif form == "quoted":
        path.write_text("\n".join(",".join(f'"{cell}"' for cell in row) for row in [names, *cells]), "utf-8")
    elif form == "tsv":
        path.with_suffix(".tsv").write_text(plain.replace(",", "\t"), "utf-8")
    elif form in ("jsonl", "cr jsonl"):
        lines = [json.dumps({**dict(zip(names, row, strict=True)), "fact": int(row[0])}) for row in cells]
        path.with_suffix(".jsonl").write_bytes(("\r" if form == "cr jsonl" else "\n").join(lines).encode())
    elif form in ("parquet", "dictionary"):
        columns = list(zip(*cells, strict=True))
        arrays = [
            pa.array([float(x) for x in columns[0]]),
            *(pa.array(column, pa.large_string()) for column in columns[1:]),
        ]
        if form == "dictionary":
            arrays[1:] = [array.dictionary_encode() for array in arrays[1:]]
        pq.write_table(pa.table(arrays, names=names), path.with_suffix(".parquet"))
    else:
        path.write_text(plain, "utf-8")
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_table_says_the_same(form: str, tmp_path: Path) -> None:
    expected = facts_of(table(tmp_path / "plain"))
    assert facts_of(TableDataset(written(form, tmp_path / "form"))) == expected


def test_one_file_has_its_templates_beside_its_facts(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rows = [line.strip() for line in CAPITALS.strip().splitlines()]
    templates = {
        row.split(",")[1]: row.split(",")[2] for row in (line.strip() for line in WORDINGS.strip().splitlines())
    }
    path.write_text(
        "\n".join([FACTS + ",template", *(f"{row},{templates[row.split(',')[2]]}" for row in rows)]), "utf-8"
    )
    one = facts_of(TableDataset(path))
    assert one == facts_of(table(tmp_path / "folder"))
    assert one.relations[0].facts[0].templates == ()  # one of the relation, however often it is written


def test_columns_of_other_names_are_mapped_whatever_their_case(tmp_path: Path) -> None:
    head = "ID,Predicate,Lang,Head,Tail"
    folder = write_table(tmp_path / "mapped", CAPITALS, WORDINGS, head=head)
    columns = {"fact": "id", "relation": "Predicate", "language": "LANG", "subject": "head", "object": "tail"}
    assert facts_of(TableDataset(folder, columns)) == facts_of(table(tmp_path / "plain"))


def test_rows_of_m_lama_as_the_hub_has_them_are_a_table(tmp_path: Path) -> None:
    rows = []
    for language, template in (("en", "The capital of [X] is [Y] ."), ("de", "Die Hauptstadt von [X] ist [Y] .")):
        for line, (subject, uri, label) in enumerate([("Peru", "Q2868", "Lima"), ("Mali", "Q3703", "Bamako")]):
            ids = {"uuid": f"u{line}", "lineid": line, "obj_uri": uri, "sub_uri": f"Q{line}", "predicate_id": "P36"}
            rows.append({**ids, "obj_label": label, "sub_label": subject, "template": template, "language": language})
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    columns = {
        "fact": "lineid", "relation": "predicate_id", "subject": "sub_label", "object": "obj_label",
        "subject_id": "sub_uri", "object_id": "obj_uri",
    }  # fmt: skip
    found = facts_of(TableDataset(tmp_path / "rows.jsonl", columns))
    assert [fact.key for fact in found.relations[0].facts] == [("P36", 0), ("P36", 1)]
    assert found.relations[0].objects == {"Q2868": "Lima", "Q3703": "Bamako"}
    assert queries(found)[0] == "Die Hauptstadt von Peru ist Lima ."


def test_rows_of_a_subject_with_several_objects_are_all_true(tmp_path: Path) -> None:
    facts = "1,lang,en,Peru,Spanish\n2,lang,en,Peru,Quechua\n3,lang,en,Mali,Bambara"
    (relation,) = facts_of(table(tmp_path, facts, "lang,en,[X] speaks [Y]"), "en").relations
    assert [sorted(relation.other_answers(fact)) for fact in relation.facts] == [["Quechua"], ["Spanish"], []]


def test_several_templates_are_paraphrases_and_the_first_is_the_probes(tmp_path: Path) -> None:
    (relation,) = facts_of(table(tmp_path, templates=WORDINGS + "capital,de,[Y] regiert [X].")).relations
    assert (relation.template, relation.paraphrases) == ("Die Hauptstadt von [X] ist [Y].", ("[Y] regiert [X].",))


def test_a_fact_repeated_with_another_template_has_wordings_of_its_own(tmp_path: Path) -> None:
    facts = "1,q,en,,green,Grass is [Y]\n1,q,en,,green,The colour of grass is [Y]\n2,q,en,,blue,The sky is [Y]"
    (relation,) = facts_of(table(tmp_path, facts, head=FACTS + ",template", templates=""), "en").relations
    assert [fact.templates for fact in relation.facts] == [
        ("Grass is [Y]", "The colour of grass is [Y]"), ("The sky is [Y]",),
    ]  # fmt: skip
    assert relation.fill(relation.facts[1], "blue").text == "The sky is blue"


def test_candidates_of_a_relation_are_its_pool(tmp_path: Path) -> None:
    candidates = "\n".join(f"capital,de,{city}" for city in ("Lima", "Bamako", "Quito", "Rabat"))
    (relation,) = facts_of(table(tmp_path, candidates=candidates)).relations
    assert relation.pool == ("Bamako", "Lima", "Quito", "Rabat")
    assert pool_of(relation, None, 0).allowed.all()


def test_candidates_of_a_fact_are_its_own(tmp_path: Path) -> None:
    head = "relation,language,object,fact"
    candidates = "capital,de,Lima,1\ncapital,de,Quito,1"
    (relation,) = facts_of(table(tmp_path, candidates=candidates, candidates_head=head)).relations
    pool = pool_of(relation, None, 0)
    assert [[pool.labels[i] for i in row.nonzero()[0]] for row in pool.allowed] == [
        ["Lima", "Quito"],
        ["Bamako", "Lima"],
    ]


@pytest.mark.parametrize("code", ["DE", "De", "dE"])
def test_the_case_of_a_code_means_nothing(code: str, tmp_path: Path) -> None:
    dataset = table(tmp_path, CAPITALS.replace(",de,", f",{code},"))
    data_warnings = DataWarnings()
    assert dataset.languages() == ("de", "en")
    assert len(dataset.facts("de", "en", data_warnings).relations[0].facts) == 2
    assert data_warnings.count(OTHER_CODE) == 1


def test_languages_and_relations_have_any_name(tmp_path: Path) -> None:
    facts = "a/1,hat Stadt?,zh-Hant-TW,秘魯,利馬\na/1,hat Stadt?,tlh,peru,lima"
    templates = "hat Stadt?,zh-Hant-TW,[X]的首都是[Y]\nhat Stadt?,tlh,[X] [Y]"
    found = facts_of(table(tmp_path, facts, templates), "zh-Hant-TW", "tlh")
    assert queries(found) == ["秘魯的首都是利馬"] and found.pivot_relations[0].facts[0].uuid == "a/1"


def test_ids_that_look_like_one_number_are_told_apart_and_counted(tmp_path: Path) -> None:
    facts = "1,c,en,Peru,Lima\n01,c,en,Mali,Bamako\n1.0,c,en,Nepal,Kathmandu"
    data_warnings = DataWarnings()
    (relation,) = table(tmp_path, facts, "c,en,[X] [Y]").facts("en", "en", data_warnings).relations
    assert len({fact.line_id for fact in relation.facts}) == 3
    assert data_warnings.count(NUMBERS) == 2


def test_long_ids_that_differ_in_a_digit_are_two_numbers(tmp_path: Path) -> None:
    facts = "9007199254740992,c,en,Peru,Lima\n9007199254740993,c,en,Mali,Bamako\nnan,c,en,Nepal,Kathmandu"
    data_warnings = DataWarnings()
    table(tmp_path, facts, "c,en,[X] [Y]").facts("en", "en", data_warnings)
    assert data_warnings.count(NUMBERS) == 0


def test_ids_that_repeat_from_relation_to_relation_name_both(tmp_path: Path) -> None:
    facts = "1,a,en,Peru,Lima\n1,b,en,Mali,Bamako"
    found = facts_of(table(tmp_path, facts, "a,en,[X] [Y]\nb,en,[Y] [X]"), "en")
    assert [fact.uuid for relation in found.relations for fact in relation.facts] == ["a/1", "b/1"]


def test_ids_and_relations_of_any_number_of_digits_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    long = "9" * 5_000
    facts = f"{long},c{long},en,Peru,Lima\n10,c10,en,Mali,Bamako\n9,c9,en,Nepal,Kathmandu"
    found = facts_of(table(tmp_path, facts, f"c{long},en,[X] [Y]\nc10,en,[X] [Y]\nc9,en,[X] [Y]"), "en")
    assert [relation.name for relation in found.relations] == ["c9", "c10", f"c{long}"]


def test_relations_whose_names_are_numbers_are_picked_by_them(tmp_path: Path) -> None:
    folder = write_table(tmp_path, CAPITALS.replace("capital", "101"), WORDINGS.replace("capital", "101"))
    picked = TableDataset(folder, relations=[101])  # type: ignore[list-item]  # as YAML reads it
    assert [relation.name for relation in facts_of(picked).relations] == ["101"]


def test_quotes_commas_and_newlines_in_cells_are_text(tmp_path: Path) -> None:
    folder = write_table(tmp_path, "0,c,en,x,y", "c,en,[X] [Y]")
    (folder / "facts.csv").write_text(f'{FACTS}\n1,c,en,"Paris, ""Texas""","a\nb"\n', "utf-8")
    (fact,) = facts_of(TableDataset(folder), "en").relations[0].facts
    assert (fact.subject, fact.object) == ('Paris, "Texas"', "a\nb")


def test_a_table_needs_a_path() -> None:
    with pytest.raises(BenchError, match="dataset.path=DIR_OR_FILE"):
        TableDataset()
