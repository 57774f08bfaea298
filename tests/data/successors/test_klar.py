"""KLAR in both its layouts: JSON per relation and language, and lines of questions and answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Relation
from lrp2_bench.data.successors.klar import Klar
from lrp2_bench.data.successors.klar_lines import blocks, question_and_answer
from tests.support.paths import KLAR_ZIP, needs_successors
from tests.support.toy_successors import blemishes, build_klar, build_klar_lines

ADDED = "Facts whose answer is not among their candidates got it added"
NO_SLOT = "Templates without <subject> and <mask> once each were skipped"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_klar(tmp_path)


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    return build_klar_lines(tmp_path)


def _read(folder: Path, language: str = "de") -> tuple[dict[str, Relation], DataWarnings]:
    data_warnings = DataWarnings()
    parallel = Klar(path=folder).facts(language, "en", data_warnings)
    return {relation.name: relation for relation in parallel.relations}, data_warnings


def _change(folder: Path, change: Callable[[dict[str, Any]], Any], language: str = "de") -> None:
    path = folder / "klar" / language / "P36.json"
    whole = json.loads(path.read_text("utf-8"))
    change(whole)
    path.write_text(json.dumps(whole), encoding="utf-8")


def test_a_json_file_holds_wordings_and_facts_with_candidates_of_their_own(folder: Path) -> None:
    relations, data_warnings = _read(folder)
    capital = relations["P36"]
    assert capital.template == "? Die Hauptstadt von [X] ist [Y] ."
    assert capital.paraphrases == ("Die Hauptstadt von [X] ist [Y] .",)
    first, *_, last = capital.facts
    assert (first.line_id, first.uuid, first.subject_id) == (0, "klar/P36/0", "France")
    assert len(capital.candidates_of(first)) <= 3 < len(capital.candidates_of(last)), "the last one lists none"
    assert not blemishes(data_warnings)


@pytest.mark.parametrize(
    ("change", "kind", "where"),
    [
        (lambda row: row.pop("index"), "Samples without subject, object and index were skipped", "sample 2"),
        (lambda row: row.update(object=" "), "Samples without subject, object and index were skipped", "sample 2"),
        (lambda row: row.update(index=0), "Facts that repeat an id were skipped", "sample 2"),
        (lambda row: row.update(object_candidates=["Rom", "Wien"]), ADDED, "sample 2"),
    ],
)
def test_a_sample_that_cannot_be_used_is_counted(change: Any, kind: str, where: str, folder: Path) -> None:
    def pad(whole: dict[str, Any]) -> None:
        whole["samples"] += [{**whole["samples"][0], "index": 900 + number} for number in range(10)]
        change(whole["samples"][1])

    _change(folder, pad)
    relations, data_warnings = _read(folder)
    assert blemishes(data_warnings) == {kind: {"count": 1, "examples": [f"klar/de/P36.json {where}"]}}
    assert len(relations["P36"].facts) == (17 if kind == ADDED else 16)


def test_templates_without_their_slots_are_counted_and_a_relation_without_any_left_out(folder: Path) -> None:
    _change(folder, lambda whole: whole["prompt_templates"].insert(0, "<subject>?"))
    relations, data_warnings = _read(folder)
    assert blemishes(data_warnings) == {NO_SLOT: {"count": 1, "examples": ["klar/de/P36.json template 1"]}}
    assert len(relations["P36"].paraphrases) == 1
    _change(folder, lambda whole: whole.pop("prompt_templates"))
    relations, data_warnings = _read(folder)
    assert "P36" not in relations and data_warnings.count("Relations without a template were skipped") == 1


@pytest.mark.parametrize(
    ("text", "cause"),
    [(b'{"samples": [}', "not JSON"), (b"[1, 2]", "no JSON object"), ("{'Stra\xdfe'}".encode("latin-1"), "not UTF-8")],
)
def test_a_file_that_is_none_is_refused_by_its_name(text: bytes, cause: str, folder: Path) -> None:
    (folder / "klar" / "de" / "P36.json").write_bytes(text)
    with pytest.raises(BenchError, match=rf"(?s)klar/de/P36.json.*{cause}"):
        _read(folder)


def test_a_file_of_which_too_much_is_lost_is_refused(folder: Path) -> None:
    _change(folder, lambda whole: [row.pop("subject") for row in whole["samples"][:3]])
    with pytest.raises(BenchError, match=r"(?s)P36.json': 3 of 7 lines cannot be read.*sample 1: no subject"):
        _read(folder)


def test_json_of_other_folders_is_no_language(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "frequencies.json").write_text("{}")
    assert Klar(path=folder).languages() == ("de", "en", "zh")


def test_without_english_the_samples_own_names_in_english_are_the_ids(folder: Path) -> None:
    whole, _ = _read(folder)
    for path in (folder / "klar" / "en").iterdir():
        path.unlink()
    alone = Klar(path=folder).facts("de", "de", DataWarnings()).relations
    assert [(fact.subject_id, fact.object_id) for fact in alone[0].facts] == [
        (fact.subject_id, fact.object_id) for fact in whole[alone[0].name].facts
    ]


@pytest.mark.parametrize(
    ("language", "template", "subject"),
    [
        ("de", "Was ist die Hauptstadt von [X]? Antwort: [Y]", "Frankreich"),
        ("zh", "[X]的首都是哪里？答案是：[Y]", "法国"),
    ],
)
def test_lines_are_cut_into_relations_where_their_english_questions_change(
    language: str, template: str, subject: str, lines: Path
) -> None:
    capital = _read(lines, language)[0]["what_is_the_capital_of_x"]
    assert (capital.template, capital.facts[0].subject, len(capital.facts)) == (template, subject, 7)
    assert (capital.facts[0].subject_id, capital.facts[0].object_id) == ("France", "Paris")


def test_a_line_without_an_answer_is_counted_and_moves_no_other(lines: Path) -> None:
    path = lines / "klar_variant" / "deu_Latn.txt"
    path.write_text(path.read_text("utf-8").replace("Deutschland? Antwort: Berlin", "Deutschland?", 1), "utf-8")
    relations, data_warnings = _read(lines)
    kind = "Lines without a question, a colon and an answer were skipped"
    assert data_warnings.count(kind) == 1
    assert [fact.line_id for fact in relations["what_is_the_capital_of_x"].facts] == [0, 2, 3, 4, 5, 6]


def test_a_title_with_a_colon_belongs_to_the_question() -> None:
    line = "What is the original language of Alien: Resurrection? The answer is: English"
    assert question_and_answer(line) == (line.removesuffix("English") + "<mask>", "English")
    assert question_and_answer("no answer") == question_and_answer("What is it:") == ("", "")


def test_names_that_begin_alike_make_no_relation_of_their_own() -> None:
    questions = [f"Where did {name} die? The answer is: <mask>" for name in
                 ("Ann", "Henry of Ulm", "Henry of Bonn", "Henry of Trier", "Bob", "Cy")]  # fmt: skip
    others = [f"Where is the seat of {name}? The answer is: <mask>" for name in ("Ford", "Shell", "Bosch", "Fiat")]
    assert blocks([*questions, *others]) == [("where_did_x_die", 0, 6), ("where_is_the_seat_of_x", 6, 10)]
    assert blocks([]) == []


@needs_successors
@pytest.mark.system
@pytest.mark.parametrize("language", ["fr", "ja", "tr"])
def test_the_lines_of_klar_are_what_this_version_was_tested_with(language: str) -> None:
    relations, data_warnings = _read(KLAR_ZIP, language)
    assert len(Klar(path=KLAR_ZIP).languages()) == len(relations) == 12
    assert sum(len(relation.facts) for relation in relations.values()) == 1_197
    assert {relation.template.count("[X]") for relation in relations.values()} == {1}
    assert not any("differs from the KLAR" in kind for kind in data_warnings.as_dict())
