"""The user's table of languages: names, families, sizes; a bad one is told by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.languages import GROUPS, LANGUAGES
from lrp2_bench.data.language_table import (
    OwnLanguage,
    groups_of,
    is_language_code,
    language_family,
    language_name,
    language_script,
    own_languages,
    read_language_table,
    usual_code,
)
from lrp2_bench.report.tables.group_means import group_means_table
from lrp2_bench.results.runs import find_runs
from tests.support.run_folders import write_run

HEADER = "code,name,family,articles\n"


def _table(folder: Path, text: str | bytes) -> dict[str, OwnLanguage]:
    path = folder / "mine.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_language_table(path)


def test_a_table_is_read_whatever_the_order_of_its_columns(tmp_path: Path) -> None:
    text = '\ufeffarticles,code, name ,family,more\r\n57000,is,"Icelandic, modern",Indo-European,x\r\n,tlh,,,\r\n'
    assert _table(tmp_path, text) == {
        "is": OwnLanguage("is", "Icelandic, modern", "Indo-European", 57000),
        "tlh": OwnLanguage("tlh", None, None, None),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"mine\.csv' is empty \(0 bytes\)"),
        (
            "code,name,family\nis,a,b\n",
            r"mine\.csv' has no column articles, but code, name, family\. .*is,Icelandic",
        ),
        ("code,name,family,articles,code\n", "line 1: the header names 'code' more than once"),
        (HEADER, r"mine\.csv' has no row below its header"),
        (HEADER + "is,a,b,1\nfo,a,b,1\nis,a,b,2\n", r"line 4: code 'is' is already at .*mine\.csv line 2"),
        (HEADER + "is,a,b,1\nIS,a,b,2\n", r"line 3: code 'is' is already at .*mine\.csv line 2"),
        (HEADER + "LOW,a,b,1\n", "line 2: 'low' is the name of a group"),
        (HEADER + "is,a,b,many\n", "line 2: articles='many' is not a whole number"),
        (HEADER + "is,a,b,-5\n", "line 2: articles='-5'"),
        (HEADER + "is,a,b,5.5\n", "line 2: articles='5.5'"),
        (HEADER + "is,a,b,²\n", "line 2: articles='²'"),
        (HEADER + "is,a,b\n", "line 2: 3 cells, but the header has 4"),
        (HEADER + "is,a,b,1,2\n", "line 2: 5 cells, but the header has 4"),
        (HEADER + ",a,b,1\n", "line 2: there is no code"),
        (HEADER + "high,a,b,1\n", "line 2: 'high' is the name of a group"),
        (HEADER + 'is,"a,b,1\n', "line 2: not CSV"),
        (HEADER.encode() + b"is,\xcdslenska,b,1\n", "line 2: not UTF-8: byte 0xcd"),
        (HEADER + "is,a,b,x\nhigh,a,b,1\n", "(?s)2 faults:.*line 2: articles='x'.*line 3: 'high' is.*is,Icelandic"),
    ],
)
def test_a_bad_table_is_an_error_with_file_and_line(text: str | bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=told):
        _table(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("mine.csv", "code;name;family;articles\nis;Íslenska;Indo-European;57000\n".encode()),
        ("mine.csv", "Code,Name,Family,Articles\nis,Íslenska,Indo-European,57000\n".encode("utf-16")),
        ("mine.tsv", "code\tname\tfamily\tarticles\nis\tÍslenska\tIndo-European\t57000\n".encode()),
        ("mine.jsonl", b'{"code":"is","name":"\\u00cdslenska","family":"Indo-European","articles":57000}\n'),
    ],
)
def test_a_table_is_read_in_whatever_form_facts_are(name: str, written: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(written)
    assert read_language_table(tmp_path / name) == {"is": OwnLanguage("is", "Íslenska", "Indo-European", 57000)}


def test_a_cell_that_is_no_text_and_a_file_that_is_no_table_are_errors(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"code":["is"],"name":"a","family":"b","articles":1}\n')
    with pytest.raises(BenchError, match=r"line 1: code=\"\['is'\]\" is list, not text"):
        read_language_table(tmp_path / "mine.jsonl")
    (tmp_path / "mine.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(BenchError, match=r"mine\.xlsx' is none of \*\.csv, \*\.tsv, \*\.jsonl, \*\.parquet"):
        read_language_table(tmp_path / "mine.xlsx")


def test_a_table_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone.csv"):
        with pytest.raises(BenchError, match=r"languages.path: cannot read(.|\n)*code,name,family,articles"):
            read_language_table(path)


def test_own_languages_have_names_families_and_classes_while_they_hold() -> None:
    mine = {"is": OwnLanguage("is", "Íslenska", "Indo-European", 57_000), "de": OwnLanguage("de", None, None, 99)}
    with own_languages(mine):
        assert (language_name("is"), language_family("is")) == ("Íslenska", "Indo-European")
        assert (language_name("de"), language_family("de")) == ("German", "Indo-European")
        groups = groups_of(["is", "de", "en", "haw"])
    assert groups["all"] == ("de", "haw", "is") and groups["low"] == ("de", "is") and groups["high"] == ()
    assert groups["indo_european"] == ("de", "is") and groups["non_indo_european"] == ()
    assert (language_name("is"), language_family("is")) == ("Icelandic", None)


@pytest.mark.parametrize(("written", "asked"), [("DE", "de"), ("ZH-hant", "zh-Hant"), ("zh-Hant", "zh-hant")])
def test_the_case_of_a_code_means_nothing(written: str, asked: str, tmp_path: Path) -> None:
    with own_languages(_table(tmp_path, HEADER + f"{written},Mine,Indo-European,57000\n")):
        assert (language_name(asked), language_family(asked)) == ("Mine", "Indo-European")
        assert is_language_code(asked) and asked in groups_of([asked])["low"]


def test_names_of_unknown_codes_are_clds_and_a_code_of_none_stays_one() -> None:
    assert [language_name(code) for code in ("haw", "pt-BR", "sr_Latn", "x-mine", "../etc", "")] == [
        "Hawaiian", "Brazilian Portuguese", "Serbian (Latin)", "x-mine", "../etc", "",
    ]  # fmt: skip
    assert is_language_code("ilo") and not is_language_code("hgh")


def test_the_benchmarks_groups_are_those_of_its_languages() -> None:
    assert groups_of(LANGUAGES) == GROUPS


def test_a_report_counts_the_datasets_languages_and_the_users_groups(tmp_path: Path) -> None:
    held = {"dataset": {"name": "mlama", "digest": "x", "languages": ["de", "en", "fo", "is"]}}
    for code, score in (("is", 90), ("de", 20)):
        write_run(tmp_path, code, (score, 30), {(1, 2): (score, 36)}, manifest=held)
    runs, _ = find_runs([tmp_path])
    with own_languages({"is": OwnLanguage("is", None, "Indo-European", 57_000)}):
        table = group_means_table(runs, "transferability", groups_of(["is", *LANGUAGES]))
    found = {str(cells[1]): (cells[2], cells[4]) for cells in table.rows if cells[0] == "accuracy"}
    assert found["all languages"] == ((2, 3), 55) and found["Indo-European"] == ((2, 2), 55)
    assert found["high resource"] == ((1, 1), 20) and found["low resource"] == ((1, 1), 90)
    assert "Missing (1 of 3 languages): fo." in table.notes
    assert not any("Of unknown family" in note for note in table.notes)


@pytest.mark.parametrize(
    ("code", "name", "script"),
    [
        ("is", "Icelandic", "Latin"), ("yo", "Yoruba", "Latin"), ("pa", "Punjabi", "Gurmukhi"),
        ("deu", "German", "Latin"), ("ja", "Japanese", "Japanese"),
        ("zh-Hant", "Traditional Chinese", "Han"), ("sr-Latn", "Serbian (Latin)", "Latin"), ("az-IR", None, "Arabic"),
        ("eng_Latn", "English", "Latin"), ("ilo", "Iloko", "Latin"), ("xx9", "xx9", None),
    ],
)  # fmt: skip
def test_names_and_scripts_of_other_languages_are_cldrs(code: str, name: str | None, script: str | None) -> None:
    assert name is None or language_name(code) == name
    assert language_script(code) == script


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("DE", "de"), ("zh-hant", "zh-Hant"), ("PT-br", "pt-BR"), ("eng_latn", "eng_Latn"), ("ES-419", "es-419"),
        ("zh-hant-tw", "zh-Hant-TW"), ("toki", "toki"), ("de", "de"), ("x-klingon", "x-klingon"),
    ],
)  # fmt: skip
def test_codes_have_one_spelling(written: str, code: str) -> None:
    assert usual_code(written) == code
