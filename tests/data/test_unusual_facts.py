"""Facts as other programs write them: ids of other kinds, other names of relations, labels in another form."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import ParallelFacts
from lrp2_bench.data.labels import CONTROL, NO_UUID, NOT_COMPOSED, line_id_of
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.parallel import OTHER_FACT, OTHER_UUID
from lrp2_bench.data.xfactr.dataset import XFactr
from tests.support.toy import change_mlama, mlama_file, mlama_rows, write_lines
from tests.support.toy_xfactr import build_xfactr

Rows = list[dict[str, Any]]


def _change(folder: Path, change: Callable[[Rows], None], languages: tuple[str, ...] = ("de", "en")) -> None:
    for language in languages:
        change_mlama(folder, language, "P36", change)


def _facts(folder: Path, data_warnings: DataWarnings | None = None) -> ParallelFacts:
    return MLama(folder, relations=["P36"]).facts("de", "en", data_warnings or DataWarnings())


def test_facts_without_a_uuid_get_one_that_is_the_same_in_every_language(toy_copy: Path) -> None:
    _change(toy_copy, lambda rows: [row.pop("uuid") for row in rows])
    data_warnings = DataWarnings()
    found = _facts(toy_copy, data_warnings)
    ours, theirs = ([fact.uuid for fact in side[0].facts] for side in (found.relations, found.pivot_relations))
    assert ours == theirs and len(set(ours)) == 8
    assert ours[0] == "6953838d-7767-5c91-81d5-62300b30016a"  # the same in every version, so that hits stay theirs
    assert data_warnings.as_dict()[NO_UUID]["count"] == 16


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_uuid_is_none(blank: str | None, toy_copy: Path) -> None:
    _change(toy_copy, lambda rows: [row.update(uuid=blank) for row in rows])
    assert len({fact.uuid for fact in _facts(toy_copy).relations[0].facts}) == 8


@pytest.mark.parametrize("write", [str, float, lambda number: f" {number} "])
def test_numbers_written_otherwise_are_the_same_ids(write: Callable[[int], object], toy_copy: Path) -> None:
    before = _facts(toy_copy)
    change_mlama(toy_copy, "de", "P36", lambda rows: [row.update(lineid=write(row["lineid"])) for row in rows])
    assert _facts(toy_copy) == before


def test_ids_that_are_words_join_the_languages(toy_copy: Path) -> None:
    _change(toy_copy, lambda rows: [row.update(lineid=f"capital-{row['lineid']}") for row in rows])
    change_mlama(toy_copy, "en", "P36", lambda rows: rows.reverse())
    found = _facts(toy_copy)
    assert [fact.key for fact in found.relations[0].facts] == [fact.key for fact in found.pivot_relations[0].facts]


def test_ids_are_stable_and_no_word_takes_a_numbers_place() -> None:
    assert [line_id_of(value) for value in (12, "12", " 12 ", 12.0, "-3", 0)] == [12, 12, 12, 12, -3, 0]
    words = [line_id_of(word) for word in ("a", "b", "012", "1.5", "१२", "12a", "9" * 5000)]
    assert words[0] == 1209946030524210109  # no process's own hash
    assert len(set(words)) == len(words) and all(isinstance(word, int) and word >= 1 << 60 for word in words)
    assert [line_id_of(value) for value in (None, "", " ", 1.5, float("nan"), float("inf"), True, [1], {})] == [
        None
    ] * 9


def test_labels_and_templates_are_read_in_one_unicode_form(toy_copy: Path) -> None:
    before = _facts(toy_copy)
    for name in ("P36", "templates"):
        path = mlama_file(toy_copy, "de", name)
        path.write_text(unicodedata.normalize("NFD", path.read_text("utf-8")), "utf-8")
    data_warnings = DataWarnings()
    assert _facts(toy_copy, data_warnings) == before
    told = data_warnings.as_dict()[NOT_COMPOSED]
    assert told["count"] == 3 and told["examples"][0].startswith("mlama1.1/de/P36.jsonl line ")


def test_one_object_in_two_forms_is_one_candidate(toy_copy: Path) -> None:
    _change(toy_copy, lambda rows: rows[-1].update(obj_uri="Q2844", obj_label="Brasi\u0301lia"), ("de",))
    found = _facts(toy_copy)
    assert len(found.relations[0].pool) == 7


def test_names_of_xfactr_are_read_in_one_unicode_form(tmp_path: Path) -> None:
    folder = build_xfactr(tmp_path)
    before = XFactr(folder).facts("fr", "en", DataWarnings())
    for name in ("alias/mTRExf/fr.txt", "TREx_prompts.csv"):
        path = folder / "xfactr" / name
        path.write_text(unicodedata.normalize("NFD", path.read_text("utf-8")), "utf-8")
    data_warnings = DataWarnings()
    assert XFactr(folder).facts("fr", "en", data_warnings) == before
    assert data_warnings.count(NOT_COMPOSED) > 1


@pytest.mark.parametrize("label", ["Ber\0lin", "Ber\x1blin", "Ber\tlin", "Ber\nlin"])
def test_control_characters_in_labels_are_counted(label: str, toy_copy: Path) -> None:
    change_mlama(toy_copy, "de", "P36", lambda rows: rows[1].update(obj_label=label))
    data_warnings = DataWarnings()
    assert _facts(toy_copy, data_warnings).relations[0].facts[1].object == label
    assert data_warnings.as_dict()[CONTROL] == {"count": 1, "examples": ["mlama1.1/de/P36.jsonl line 2"]}


@pytest.mark.parametrize("name", ["capital of", "größe, [x]", "born_in_2", "P36-reverse", "首都", "Q36", ".hidden"])
def test_relations_have_any_name(name: str, toy_copy: Path) -> None:
    for language in ("de", "en"):
        mlama_file(toy_copy, language, "P36").rename(mlama_file(toy_copy, language, name))
        templates = mlama_rows(toy_copy, language, "templates")
        for row in templates:
            row["relation"] = row["relation"].replace("P36", name)
        write_lines(mlama_file(toy_copy, language, "templates"), templates)
    data_warnings = DataWarnings()
    found = MLama(toy_copy).facts("de", "en", data_warnings)
    assert {relation.name for relation in found.relations} == {"P17", "P30", name}
    assert [len(relation.facts) for relation in found.pivot_relations] == [8, 8, 8]
    assert MLama(toy_copy, relations=[name]).facts("de", "en", data_warnings).relations[0].name == name


def test_a_folder_of_named_relations_alone_is_a_language(toy_copy: Path) -> None:
    for relation, name in (("P17", "country"), ("P30", "continent"), ("P36", "capital")):
        mlama_file(toy_copy, "de", relation).rename(mlama_file(toy_copy, "de", name))
    assert "de" in MLama(toy_copy).languages()


def test_google_res_relations_stay_out(toy_copy: Path) -> None:
    mlama_file(toy_copy, "de", "P36").rename(mlama_file(toy_copy, "de", "place_of_birth"))
    found = MLama(toy_copy).facts("de", "en", DataWarnings())
    assert [relation.name for relation in found.relations] == ["P17", "P30"]


def test_the_pivots_other_facts_under_an_id_are_counted(toy_copy: Path) -> None:
    change_mlama(toy_copy, "en", "P36", lambda rows: (rows[0].update(sub_uri="Q1"), rows[1].update(uuid="x")))
    data_warnings = DataWarnings()
    _facts(toy_copy, data_warnings)
    assert data_warnings.as_dict()[OTHER_FACT] == {"count": 1, "examples": ["P36 lineid 0"]}
    assert data_warnings.as_dict()[OTHER_UUID] == {"count": 1, "examples": ["P36 lineid 1"]}


# Files that are lost --------------------------------------------------------------------------------------------------


def _refused(folder: Path, data: bytes, name: str = "P36") -> str:
    mlama_file(folder, "de", name).write_bytes(data)
    with pytest.raises(BenchError) as caught:
        _facts(folder)
    assert f"mlama1.1/de/{name}.jsonl" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[1]", "no JSON object, but a list"),
        ("null", "no JSON object, but null"),
        ('"x"', "no JSON object, but a text"),
        ("5", "no JSON object, but a number"),
        ("[" * 100_000, "not JSON: maximum recursion depth exceeded"),
        ("1" * 10_000, "not JSON: Exceeds the limit"),
        ('{"a": "\0"}', "not JSON: Invalid control character"),
        ("\0" * 100, "not JSON: Expecting value at column 1"),
        ('{"sub_label": "\\ud83d"}', "half a surrogate pair"),
        ("{}", "no lineid, sub_uri, obj_uri, sub_label, obj_label"),
        ('{"sub_uri": 1, "obj_uri": "b", "sub_label": null, "obj_label": "", "lineid": 1}', "no sub_label, sub_uri="),
        ('{"sub_uri": "", "obj_uri": "", "sub_label": "", "obj_label": "", "lineid": [1]}', "lineid='[1]' is not an"),
    ],
)  # fmt: skip
def test_a_file_of_which_more_than_a_tenth_is_lost_is_an_error_with_places_and_causes(
    line: str, cause: str, toy_copy: Path
) -> None:
    sound = [json.dumps(row) for row in mlama_rows(toy_copy, "de", "P36")]
    told = _refused(toy_copy, "\n".join([sound[0], line, *sound[1:]]).encode())
    assert "1 of 9 lines cannot be read, which is more than a tenth" in told and f"line 2: {cause}" in told


def test_a_tenth_of_a_file_is_a_warning_and_one_line_more_an_error(toy_copy: Path) -> None:
    first = mlama_rows(toy_copy, "de", "P36")[0]
    sound = [json.dumps({**first, "lineid": number, "uuid": str(number)}) for number in range(18)]
    mlama_file(toy_copy, "de", "P36").write_text("\n".join([*sound, "{", "{"]), "utf-8")
    assert len(_facts(toy_copy).relations[0].facts) == 18
    assert "3 of 21 lines" in _refused(toy_copy, "\n".join([*sound, "{", "{", "{"]).encode())


def test_templates_count_too(toy_copy: Path) -> None:
    told = _refused(toy_copy, b'{"relation": "P36", "template": "[X] [Y]"}\n{"relation": "P30"}\n', "templates")
    assert "1 of 2 lines" in told and "line 2: no relation and template" in told


@pytest.mark.parametrize(("indent", "wrap", "query"), [(None, True, ".[]"), (2, True, ".[]"), (2, False, ".")])
def test_a_file_that_is_one_json_value_says_how_to_convert_it(
    indent: int | None, wrap: bool, query: str, toy_copy: Path
) -> None:
    rows = mlama_rows(toy_copy, "de", "P36")
    told = _refused(toy_copy, json.dumps(rows if wrap else rows[0], indent=indent).encode())
    assert "line 1: the file is" in told and f"jq -c '{query}'" in told


def test_a_long_line_is_read(toy_copy: Path) -> None:
    change_mlama(toy_copy, "de", "P36", lambda rows: rows[0].update(sub_label="x" * 3_000_000))
    assert len(_facts(toy_copy).relations[0].facts[0].subject) == 3_000_000


def test_a_folder_in_a_files_place_is_no_file(toy_copy: Path) -> None:
    mlama_file(toy_copy, "de", "templates").unlink()
    mlama_file(toy_copy, "de", "templates").mkdir()
    with pytest.raises(BenchError, match=r"'de' has no templates.jsonl"):
        _facts(toy_copy)
    mlama_file(toy_copy, "de", "P36").unlink()
    mlama_file(toy_copy, "de", "P36").mkdir()
    with pytest.raises(BenchError, match="'de' has no templates"):
        _facts(toy_copy)
