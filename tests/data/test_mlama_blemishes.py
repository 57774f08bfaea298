"""Blemishes of mLAMA's files: what cannot be used is skipped and counted, with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.mlama import MLama
from tests.support import toy
from tests.support.toy import change_mlama, mlama_file, mlama_rows

NOT_JSON = "Lines that are not JSON were skipped"
NO_OBJECT = "Lines that are no JSON objects were skipped"
NOT_UTF8 = "Lines that are not UTF-8 were skipped"
NO_SLOT = "Relations whose template does not have [X] and [Y] once each were skipped"
OTHER_SLOT = "Relations whose template has a slot other than [X] and [Y] were skipped"
NO_TEMPLATE = "Relations without a template were skipped"
NO_FACTS = "Relations without facts"
BLANK = "Facts with a blank label were skipped"
INCOMPLETE = "Facts without lineid and sub_uri, obj_uri, sub_label, obj_label were skipped"
REPEATED = "Facts that repeat an id were skipped"
SECOND_LABEL = "Objects with a second label go by their first"
LONE_TEMPLATE = "Templates without a relation file"
ONE_CANDIDATE = "Relations with a single candidate, which any model gets right"


def _subjects(folder: Path, data_warnings: DataWarnings, relation: str = "P36") -> list[str]:
    [found] = MLama(folder, relations=[relation]).facts("de", "en", data_warnings).relations
    return [fact.subject for fact in found.facts]


def _lengthened(folder: Path, relation: str = "P36") -> Path:
    """German's file with 60 more facts: one bad line of eight would be more than a tenth, and an error."""
    first = mlama_rows(folder, "de", relation)[0]
    more = [{**first, "lineid": 100 + n, "uuid": f"more-{n}", "sub_label": f"Stadtstaat {n}"} for n in range(60)]
    change_mlama(folder, "de", relation, lambda rows: rows.extend(more))
    return mlama_file(folder, "de", relation)


def _originals(subjects: list[str]) -> list[str]:
    return [subject for subject in subjects if not subject.startswith("Stadtstaat")]


def test_spacing_key_order_and_line_ends_are_not_content(toy_copy: Path) -> None:
    before = MLama(toy_copy).facts("de", "en", DataWarnings()).digest
    path = mlama_file(toy_copy, "de", "P36")
    lines = [json.dumps(dict(reversed(row.items())), indent=None) for row in mlama_rows(toy_copy, "de", "P36")]
    path.write_bytes("\r\n\r\n".join(lines).encode())  # escaped letters, blank lines, no newline at the end
    data_warnings = DataWarnings()
    assert MLama(toy_copy).facts("de", "en", data_warnings).digest == before
    assert data_warnings.count(NOT_JSON) == 0


def test_a_language_without_templates_is_refused(toy_copy: Path) -> None:
    mlama_file(toy_copy, "de", "templates").unlink()
    with pytest.raises(BenchError, match=r"'de' has no templates.jsonl in its folder 'mlama1.1/de'"):
        MLama(toy_copy).facts("de", "en", DataWarnings())


def test_lines_that_cannot_be_read_are_counted_by_cause_with_their_places(toy_copy: Path) -> None:
    path = _lengthened(toy_copy)
    lines = path.read_bytes().splitlines()
    lines[1] = b'{"sub_label": '
    lines[2] = b"[1, 2]"
    lines[3] = lines[3].replace(b"Vereinigtes", b"\xff\xfe")
    lines[4] = lines[4].replace(b"Washington", b"Wash\\ud83dington")  # half an emoji
    path.write_bytes(b"\n".join(lines)[:-9])  # the last line is torn
    data_warnings = DataWarnings()
    assert _originals(_subjects(toy_copy, data_warnings)) == ["Frankreich", "Ägypten", "Brasilien", "Japan"]
    told = data_warnings.as_dict()
    assert told[NOT_JSON] == {"count": 3, "examples": [f"mlama1.1/de/P36.jsonl line {n}" for n in (2, 5, 68)]}
    assert told[NO_OBJECT] == {"count": 1, "examples": ["mlama1.1/de/P36.jsonl line 3"]}
    assert told[NOT_UTF8] == {"count": 1, "examples": ["mlama1.1/de/P36.jsonl line 4"]}


def test_a_whole_emoji_and_a_line_separator_inside_labels_are_kept(toy_copy: Path) -> None:
    path = mlama_file(toy_copy, "de", "P36")
    text = path.read_text("utf-8").replace("Frankreich", "Frank\u2028reich\x85").replace("Japan", "Ja\\ud83d\\ude00pan")
    path.write_text(text, "utf-8")
    data_warnings = DataWarnings()
    subjects = _subjects(toy_copy, data_warnings)
    assert subjects[0] == "Frank\u2028reich\x85"
    assert subjects[-1] == "Ja😀pan"
    assert data_warnings.count(NOT_JSON) == 0


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"sub_label": ""}, BLANK),
        ({"obj_label": " \u3000\n"}, BLANK),
        ({"obj_label": None}, INCOMPLETE),
        ({"sub_label": 5}, INCOMPLETE),
        ({"sub_label": ["Japan"]}, INCOMPLETE),
        ({"obj_uri": {"id": "Q84"}}, INCOMPLETE),
        ({"lineid": None}, INCOMPLETE),
        ({"lineid": " "}, INCOMPLETE),
        ({"lineid": 3.5}, INCOMPLETE),
        ({"lineid": True}, INCOMPLETE),
        ({"lineid": "0"}, REPEATED),
        ({"lineid": 0}, REPEATED),
        ({"uuid": "P36-0"}, REPEATED),
    ],
)
def test_a_fact_that_cannot_be_used_is_skipped_and_counted(change: dict[str, Any], kind: str, toy_copy: Path) -> None:
    _lengthened(toy_copy)
    change_mlama(toy_copy, "de", "P36", lambda rows: rows[3].update(change))
    data_warnings = DataWarnings()
    subjects = _originals(_subjects(toy_copy, data_warnings))
    assert len(subjects) == 7
    assert subjects[0] == "Frankreich"
    assert "Vereinigtes Königreich" not in subjects
    assert data_warnings.as_dict()[kind] == {"count": 1, "examples": ["mlama1.1/de/P36.jsonl line 4"]}


@pytest.mark.parametrize("key", ["sub_uri", "obj_uri", "sub_label", "obj_label", "lineid"])
def test_a_fact_without_one_of_its_keys_is_skipped_and_counted(key: str, toy_copy: Path) -> None:
    _lengthened(toy_copy)
    change_mlama(toy_copy, "de", "P36", lambda rows: rows[3].pop(key))
    data_warnings = DataWarnings()
    assert len(_originals(_subjects(toy_copy, data_warnings))) == 7
    assert data_warnings.count(INCOMPLETE) == 1


def test_an_object_with_a_second_label_goes_by_its_first(toy_copy: Path) -> None:
    change_mlama(
        toy_copy, "de", "P30", lambda rows: rows[3].update(obj_label="Alter Kontinent")
    )  # Europe, as for France
    data_warnings = DataWarnings()
    [relation] = MLama(toy_copy, relations=["P30"]).facts("de", "en", data_warnings).relations
    assert relation.facts[3].object == "Europa"
    assert {fact.object for fact in relation.facts} == set(relation.pool)
    assert data_warnings.as_dict()[SECOND_LABEL]["examples"] == ["mlama1.1/de/P30.jsonl line 4"]


def _set_template(folder: Path, language: str, relation: str, template: str | None) -> None:
    rows = mlama_rows(folder, language, "templates")
    kept = [row for row in rows if row["relation"] != relation]
    if template is not None:
        kept.append({"relation": relation, "template": template})
    toy.write_lines(mlama_file(folder, language, "templates"), kept)


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ("Die Hauptstadt ist [Y] .", NO_SLOT),
        ("[X] .", NO_SLOT),
        ("", NO_SLOT),
        ("[X] [Y] [Y]", NO_SLOT),
        ("[X] [X] [Y]", NO_SLOT),
        ("[x] ist [Y] .", NO_SLOT),
        ("[ X ] ist [Y] .", NO_SLOT),
        ("［X］ ist [Y] .", NO_SLOT),
        ("[X] ist [Y] seit [Z] .", OTHER_SLOT),
        ("[X] [x] ist [Y] .", OTHER_SLOT),
        ("[X] [MASK] [Y]", OTHER_SLOT),
    ],
)
def test_a_relation_that_cannot_be_asked_is_skipped_and_counted(template: str, kind: str, toy_copy: Path) -> None:
    _set_template(toy_copy, "de", "P36", template)
    data_warnings = DataWarnings()
    parallel = MLama(toy_copy).facts("de", "en", data_warnings)
    assert [relation.name for relation in parallel.relations] == ["P17", "P30"]
    told = f"mlama1.1/de/templates.jsonl line 3: {template}"
    assert data_warnings.as_dict()[kind] == {"count": 1, "examples": [told]}


def test_a_relation_without_a_template_is_skipped_and_counted(toy_copy: Path) -> None:
    _set_template(toy_copy, "de", "P36", None)
    data_warnings = DataWarnings()
    assert [relation.name for relation in MLama(toy_copy).facts("de", "en", data_warnings).relations] == ["P17", "P30"]
    assert data_warnings.as_dict()[NO_TEMPLATE] == {"count": 1, "examples": ["de P36"]}


def test_where_no_relation_can_be_asked_the_error_names_them(toy_copy: Path) -> None:
    _set_template(toy_copy, "de", "P36", "no slots")
    with pytest.raises(BenchError, match="No relation of 'de' can be probed: P36"):
        MLama(toy_copy, relations=["P36"]).facts("de", "en", DataWarnings())


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_relation_is_skipped_and_counted(content: str, toy_copy: Path) -> None:
    mlama_file(toy_copy, "de", "P36").write_text(content, "utf-8")
    data_warnings = DataWarnings()
    parallel = MLama(toy_copy).facts("de", "en", data_warnings)
    assert [relation.name for relation in parallel.relations] == ["P17", "P30"]
    assert data_warnings.as_dict()[NO_FACTS]["examples"] == ["de P36"]


@pytest.mark.parametrize("loss", ["file", "facts", "template"])
def test_a_relation_the_pivot_cannot_be_asked_shares_no_fact(loss: str, toy_copy: Path) -> None:
    if loss == "file":
        mlama_file(toy_copy, "en", "P36").unlink()
    elif loss == "facts":
        mlama_file(toy_copy, "en", "P36").write_text("")
    else:
        _set_template(toy_copy, "en", "P36", None)
    data_warnings = DataWarnings()
    parallel = MLama(toy_copy).facts("de", "en", data_warnings)
    assert [len(relation.facts) for relation in parallel.relations] == [8, 8, 8]
    assert [len(relation.facts) for relation in parallel.pivot_relations] == [8, 8, 0]
    assert data_warnings.as_dict()[NO_TEMPLATE if loss == "template" else NO_FACTS]["examples"] == ["en P36"]


def test_a_template_without_a_relation_file_is_counted(toy_copy: Path) -> None:
    mlama_file(toy_copy, "de", "P36").unlink()
    data_warnings = DataWarnings()
    MLama(toy_copy).facts("de", "en", data_warnings)
    assert data_warnings.as_dict()[LONE_TEMPLATE]["examples"] == ["de P36"]


def test_template_lines_that_are_none_are_counted_and_the_first_of_two_counts(toy_copy: Path) -> None:
    path = mlama_file(toy_copy, "de", "templates")
    more = [f'{{"relation": "P{number}", "template": "[X] [Y]"}}' for number in range(900, 920)]
    more += ['{"relation": "P36", "template": "[Y] [X]"}', '{"relation": "P36"}', '{"relation": 1, "template": "[X]"}']
    path.write_text(path.read_text("utf-8") + "\n".join(more), "utf-8")
    data_warnings = DataWarnings()
    [relation] = MLama(toy_copy, relations=["P36"]).facts("de", "de", data_warnings).relations
    assert relation.template == toy.TEMPLATES["de"]["P36"]
    assert data_warnings.count("Template lines without a relation and a template were skipped") == 2
    told = data_warnings.as_dict()["Relations with a second template go by their first"]
    assert told["examples"] == ["mlama1.1/de/templates.jsonl line 24"]


def test_a_relation_with_a_single_object_is_counted(toy_copy: Path) -> None:
    change_mlama(toy_copy, "de", "P36", lambda rows: [row.update(obj_uri="Q90", obj_label="Paris") for row in rows])
    data_warnings = DataWarnings()
    [relation] = MLama(toy_copy, relations=["P36"]).facts("de", "en", data_warnings).relations
    assert relation.pool == ("Paris",)
    assert data_warnings.as_dict()[ONE_CANDIDATE]["examples"] == ["de P36"]
