"""What is wrong with a table is told with file, line, what is right, and the next step; all of it at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.rows import FaultyTableError
from lrp2_bench.data.table.dataset import TableDataset
from tests.support.toy_table import CAPITALS, FACTS, WORDINGS, table, write_table

LIMA = "1,capital,en,Peru,Lima"


def refused(dataset: TableDataset) -> str:
    with pytest.raises(BenchError) as error:
        dataset.languages()
    return str(error.value)


@pytest.mark.parametrize(
    ("facts", "templates", "told"),
    [
        ("1,capital,en,Peru,", WORDINGS, "facts.csv line 2: no object: the cell is empty"),
        (",capital,en,Peru,Lima", WORDINGS, "facts.csv line 2: no fact"),
        ("1,capital,,Peru,Lima", WORDINGS, "facts.csv line 2: no language"),
        ("1, ,en,Peru,Lima", WORDINGS, "facts.csv line 2: no relation"),
        ("1,capital,en,,Lima", WORDINGS, "facts.csv line 2: no subject for [X]"),
        ("1,capital,en,Peru", WORDINGS, "line 2: 4 cells, but the header has 5: fact,relation,language,subject,object"),
        (f"{LIMA}\n1,capital,en,Mali,Bamako", WORDINGS, "line 3: fact '1' of 'capital' in 'en' is already at"),
        (f"{LIMA}\n{LIMA}", WORDINGS, "line 3: fact '1' of 'capital' in 'en' is already at"),
        (LIMA, "capital,en,The capital of [X]", "templates.csv line 2: the template 'The capital of [X]' holds [X] 1"),
        (LIMA, "capital,en,[X] [Y] [Y]", "line 2: the template '[X] [Y] [Y]' holds [X] 1 times and [Y] 2"),
        (LIMA, "capital,en,[X] [X] [Y]", "templates.csv line 2: the template"),
        (LIMA, "capital,en,[X] [MASK] [Y]", "no other slot in brackets"),
        (f"{LIMA}\n1,capital,fr,Pérou,Lima", WORDINGS, "facts.csv line 3: 'fr' has facts and no template"),
        (f"{LIMA}\n2,capital,en,Mali,Bamako", "capital,en,It is [Y]", "line 2: the template 'It is [Y]' has no"),
        ("1,capital,all,Peru,Lima", "capital,all,[X] [Y]", "'all' is the name of a group of languages"),
        ("1,capital,e n,Peru,Lima", "capital,en,[X] [Y]", "language 'e n' is no code such as"),
        ("1#w2,capital,en,Peru,Lima", WORDINGS, "fact '1#w2' ends as further wordings"),
        (LIMA.replace("Lima", '"Lima'), WORDINGS, "facts.csv line 2: not CSV"),
        (LIMA.replace("Lima", '"Lima" x'), WORDINGS, "facts.csv line 2: not CSV"),
        (LIMA.replace("Lima", "L" * 200_000), WORDINGS, "a cell of more than 100,000 characters"),
        ("1,capital,LOW,Peru,Lima", "capital,LOW,[X] [Y]", "'LOW' is the name of a group of languages"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_file_and_line(facts: str, templates: str, told: str, tmp_path: Path) -> None:
    text = refused(table(tmp_path, facts, templates))
    assert told in text and f"{tmp_path}/" in text
    assert text.endswith(f"`lrp2-bench check dataset.path='{tmp_path}'` lists all its faults.")


@pytest.mark.parametrize(
    ("candidates", "head", "told"),
    [
        ("capital,de,Quito", "relation,language,object", "'Lima', the object of fact '1' in 'de', is not among"),
        ("capital,de,Quito,1", "relation,language,object,fact", "among the candidates of the fact (Quito); add it"),
        ("capital,de,Quito,99", "relation,language,object,fact", "candidates of fact '99', which 'de' has not"),
        ("capitol,de,Quito", "relation,language,object", "candidates of 'capitol' in 'de', which has no such facts"),
        ("capital,de,", "relation,language,object", "candidates.csv line 2: no object"),
    ],
)  # fmt: skip
def test_candidates_that_do_not_fit_the_facts_are_faults(candidates: str, head: str, told: str, tmp_path: Path) -> None:
    text = refused(table(tmp_path, candidates=candidates, candidates_head=head))
    assert told in text and "candidates.csv line 2" in text


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    facts = "\n".join(["1,capital,en,Peru,", "2,capital,xx,Mali,Bamako", *(f"{n},capital,en,,x" for n in range(3, 30))])
    folder = write_table(tmp_path, facts, WORDINGS + "river,en,[X]")
    text = refused(TableDataset(folder))
    assert text.startswith("30 faults:") and "and 20 more" in text
    with pytest.raises(FaultyTableError) as error:
        TableDataset(folder).languages()
    everything = error.value.everything
    assert len(everything.splitlines()) == 32 and "'xx' has facts and no template" in everything


def _no_facts(folder: Path) -> Path:
    (folder / "readme.txt").write_text("hello", "utf-8")
    return folder


def _empty(folder: Path) -> Path:
    write_table(folder, CAPITALS, WORDINGS)
    (folder / "facts.csv").write_bytes(b"")
    return folder


def _header_only(folder: Path) -> Path:
    write_table(folder, CAPITALS, WORDINGS)
    (folder / "facts.csv").write_text(FACTS, "utf-8")
    return folder


def _two(folder: Path) -> Path:
    write_table(folder, CAPITALS, WORDINGS)
    (folder / "facts.tsv").write_text(FACTS, "utf-8")
    return folder


def _latin(folder: Path) -> Path:
    write_table(folder, "", WORDINGS)
    (folder / "facts.csv").write_bytes(f"{FACTS}\n1,capital,de,Österreich,Wien\n".encode("latin-1"))
    return folder


def _missing(folder: Path) -> Path:
    return write_table(folder, "1,capital,en,Peru,Lima", WORDINGS, head="fact,relation,lang,subject,object")


def _twice(folder: Path) -> Path:
    return write_table(folder, "1,capital,en,Peru,Lima", WORDINGS, head="fact,relation,language,object,Object")


def _bytes(folder: Path) -> Path:
    columns = {name: pa.array([name]) for name in ("fact", "relation", "language", "subject")}
    pq.write_table(pa.table({**columns, "object": pa.array([b"\xff\xfe\x00"])}), folder / "facts.parquet")
    return folder / "facts.parquet"


def _lists(folder: Path) -> Path:
    columns = {name: pa.array([name]) for name in ("fact", "relation", "language", "subject")}
    pq.write_table(pa.table({**columns, "object": pa.array([["a", "b"]])}), folder / "facts.parquet")
    return folder / "facts.parquet"


def _no_parquet(folder: Path) -> Path:
    (folder / "facts.parquet").write_bytes(b"PAR1 and no more")
    return folder / "facts.parquet"


def _json_list(folder: Path) -> Path:
    (folder / "facts.jsonl").write_text('[{"fact": 1}]\n{"fact": \n', "utf-8")
    return folder / "facts.jsonl"


def _unnamed(folder: Path) -> Path:
    rows = [f"{line},," for line in f"{FACTS}\n{LIMA}".splitlines() if line]
    (folder / "facts.csv").write_text("\n".join(rows), "utf-8")
    return folder


def _half_utf16(folder: Path) -> Path:
    (folder / "facts.csv").write_bytes(FACTS.encode("utf-16")[:-1])
    return folder


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (_no_facts, r"holds no facts.csv \(or .tsv, .jsonl, .parquet\), but readme.txt"),
        (_empty, r"facts.csv' is empty \(0 bytes\)"),
        (_header_only, "has no row below its header"),
        (_two, "holds facts.csv and facts.tsv: which are the facts"),
        (_latin, "(?s)line 2: .*iconv -f ISO-8859-1 -t UTF-8"),
        (_missing, r"no column 'language'\. It has: fact, relation, lang, .*\n.*dataset.columns=\{language: NAME\}"),
        (_twice, "the header names 'object' more than once"),
        (_unnamed, "the header has 2 columns without a name, .* Delete these columns"),
        (lambda folder: folder / ("x" * 300), "dataset.path: .* cannot be looked at: File name too long"),
        (_bytes, "facts.parquet row 1: object=.* is bytes, not text"),
        (_lists, "facts.parquet row 1: object=.* is list, not text"),
        (_no_parquet, "cannot be read as Parquet"),
        (_json_list, r"(?s)line 1: no JSON object, but list.*line 2: not JSON"),
        (_half_utf16, "begins as UTF-16 and is not"),
        (lambda folder: folder / "nowhere", "There is no file or folder"),
        (lambda folder: _no_facts(folder) / "readme.txt", r"is none of \*.csv, \*.tsv, \*.jsonl, \*.parquet"),
    ],
)
def test_a_table_that_cannot_be_read_as_a_whole_is_refused(
    build: Callable[[Path], Path], told: str, tmp_path: Path
) -> None:
    with pytest.raises(BenchError, match=told):
        TableDataset(build(tmp_path)).languages()


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"subjekt": "head"}, "Unknown column in dataset.columns: 'subjekt'. Did you mean 'subject'"),
        ({"subject": "head"}, "has no column 'head' (subject). It has: fact, relation, language, subject, object"),
        ({"subject": None}, "dataset.columns gives subject as None"),
        (["subject"], "dataset.columns=['subject']: give names of columns"),
    ],
)  # fmt: skip
def test_columns_that_are_not_there_are_told(columns: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError) as error:
        TableDataset(write_table(tmp_path, CAPITALS, WORDINGS), columns).languages()  # type: ignore[arg-type]
    assert told in str(error.value)


def test_a_relation_without_a_template_in_one_language_is_skipped_there_and_counted(tmp_path: Path) -> None:
    facts = CAPITALS + "7,river,de,Köln,Rhein\n7,river,en,Cologne,Rhine"
    data_warnings = DataWarnings()
    found = table(tmp_path, facts, WORDINGS + "river,en,[X] lies on the [Y]").facts("de", "en", data_warnings)
    assert [relation.name for relation in found.relations] == ["capital"]
    assert data_warnings.as_dict()["Relations without a template were skipped"]["count"] == 1


def test_a_first_line_that_is_one_long_cell_is_a_fault(tmp_path: Path) -> None:
    folder = write_table(tmp_path, LIMA, WORDINGS)
    (folder / "facts.csv").write_text("L" * 200_000 + "\n", "utf-8")
    assert "facts.csv line 1: a cell of more than 100,000 characters" in refused(TableDataset(folder))


def test_blank_lines_above_a_header_are_none_of_its(tmp_path: Path) -> None:
    folder = write_table(tmp_path, LIMA, WORDINGS)
    rows = [FACTS.strip(), LIMA, "1,capital,en,Mali,Bamako"]
    (folder / "facts.csv").write_text("\n  \r\n" + "\n".join(row.replace(",", ";") for row in rows), "utf-8")
    assert "facts.csv line 5: fact '1' of 'capital' in 'en' is already at" in refused(TableDataset(folder))


def test_a_long_header_is_cut_at_the_delimiter_that_makes_columns_of_it(tmp_path: Path) -> None:
    more = [f"column_{number}" for number in range(20_000)]
    rows = [FACTS.split(",") + more, LIMA.split(",") + ["x"] * len(more)]
    folder = write_table(tmp_path, LIMA, WORDINGS)
    (folder / "facts.csv").write_text("\n".join(";".join(row) for row in rows), "utf-8")
    assert TableDataset(folder).languages() == ("en",)
