"""BMLAMA's tables: quotes, headers and prompts as they come; what cannot be used is counted with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import ParallelFacts, Relation
from lrp2_bench.data.successors.bmlama import BMlama
from tests.support.paths import BMLAMA_ZIP, needs_successors
from tests.support.toy_successors import blemishes, build_bmlama, change_tabs

CAPITAL = "the_capital_of_x_is_y"
ADDED = "Facts whose answer is not among their candidates got it added"
NO_SUBJECT = "Prompts that do not hold their subject are asked as they are"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_bmlama(tmp_path)


def _facts(folder: Path, language: str = "de") -> tuple[ParallelFacts, DataWarnings]:
    data_warnings = DataWarnings()
    return BMlama(path=folder).facts(language, "en", data_warnings), data_warnings


def _capitals(folder: Path) -> tuple[Relation, DataWarnings]:
    parallel, data_warnings = _facts(folder)
    return next(relation for relation in parallel.relations if relation.name == CAPITAL), data_warnings


def _german(folder: Path) -> Path:
    return folder / "BMLAMA53" / "de.tsv"


def test_relations_are_named_by_the_english_prompts_and_templates_found_again(folder: Path) -> None:
    parallel, data_warnings = _facts(folder)
    found = {relation.name: relation.template for relation in parallel.relations}
    assert found == {
        CAPITAL: "Die Hauptstadt von [X] ist [Y] .", "x_is_located_in_y": "[X] liegt in [Y] .",
        "y_is_the_country_of_x": "[Y] ist das Land von [X] .",
    }  # fmt: skip
    assert not blemishes(data_warnings)


def test_a_fact_has_its_own_candidates_under_ids_that_all_languages_share(folder: Path) -> None:
    parallel, _ = _facts(folder)
    for ours, theirs in zip(parallel.relations, parallel.pivot_relations, strict=True):
        for mine, other in zip(ours.facts, theirs.facts, strict=True):
            assert ours.candidates_of(mine) == theirs.candidates_of(other)
            assert 2 <= len(ours.candidates_of(mine)) <= 3 and mine.object_id in ours.candidates_of(mine)
            assert (mine.subject_id, mine.object_id) == (other.subject, other.object)


def test_quotes_of_spreadsheets_are_no_part_of_a_name(folder: Path) -> None:
    def change(rows: list[list[str]]) -> None:
        rows[1] = ['Die Hauptstadt von "Frank" reich ist <mask> .', 'Par"is', 'Par"is, Peking', '"Frank" reich']

    change_tabs(_german(folder), change)
    assert b'"Die Hauptstadt von ""Frank"" reich' in _german(folder).read_bytes()
    capitals, data_warnings = _capitals(folder)
    first = capitals.facts[0]
    assert (first.subject, first.object, first.templates) == ('"Frank" reich', 'Par"is', ())
    assert not blemishes(data_warnings)


def test_a_quote_without_its_other_half_costs_no_row(folder: Path) -> None:
    whole, _ = _capitals(folder)
    path = _german(folder)
    path.write_bytes(path.read_bytes().replace(b"Die Hauptstadt von China", b'"Die Hauptstadt von China'))
    capitals, _ = _capitals(folder)
    assert [fact.key for fact in capitals.facts] == [fact.key for fact in whole.facts]


def test_a_header_with_a_tab_too_many_is_read_and_counted_and_another_refused(folder: Path) -> None:
    change_tabs(_german(folder), lambda rows: rows.__setitem__(0, ["Prompt", "Ans", "Candidate", "Ans", "Subject"]))
    _, data_warnings = _facts(folder)
    told = data_warnings.as_dict()["Headers of other cells than Prompt, Ans, Candidate Ans, Subject are read as these"]
    assert told == {"count": 1, "examples": ["BMLAMA53/de.tsv line 1"]}
    change_tabs(_german(folder), lambda rows: rows.pop(0))
    with pytest.raises(BenchError, match=r"de.tsv' line 1: the header is 'Die Haupt.*has the columns Prompt, Ans"):
        _facts(folder)


def test_a_prompt_without_its_subject_is_asked_as_it_is_and_counted(folder: Path) -> None:
    change_tabs(_german(folder), lambda rows: rows[3].__setitem__(0, "Im Reich der Mitte regiert <mask> ."))
    capitals, data_warnings = _capitals(folder)
    [china] = [fact for fact in capitals.facts if fact.subject == "China"]
    assert capitals.fill(china, "Peking").text == "Im Reich der Mitte regiert Peking ."
    assert capitals.template == "Die Hauptstadt von [X] ist [Y] ."
    assert data_warnings.as_dict()[NO_SUBJECT] == {"count": 1, "examples": ["BMLAMA53/de.tsv line 4"]}


def test_of_a_subject_that_stands_twice_the_relations_template_tells_which(folder: Path) -> None:
    def change(rows: list[list[str]]) -> None:
        rows[3][0], rows[3][3] = "Die Hauptstadt von t ist <mask> .", "t"

    change_tabs(_german(folder), change)
    capitals, data_warnings = _capitals(folder)
    assert not any(fact.templates for fact in capitals.facts) and not blemishes(data_warnings)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda row: row.__setitem__(2, "Rom, Wien"), ADDED),
        (lambda row: row.__setitem__(2, row[1]), "Facts with a single candidate, which any model gets right"),
        (lambda row: row.__setitem__(0, row[0].replace("<mask>", "?")), "Prompts without <mask> once were skipped"),
        (lambda row: row.__setitem__(0, row[0] + " <mask>"), "Prompts without <mask> once were skipped"),
        (lambda row: row.__setitem__(1, ""), "Facts with a blank label were skipped"),
        (lambda row: row.append("x"), "Rows of more or fewer cells than the header were skipped"),
        (lambda row: row.__setitem__(3, f" {row[3]}"), "Cells with blanks around their text were trimmed"),
    ],
)
def test_a_blemish_is_counted_and_moves_no_other_row(change: object, kind: str, folder: Path) -> None:
    before, _ = _facts(folder)
    change_tabs(_german(folder), lambda rows: change(rows[2]))  # type: ignore[operator]
    after, data_warnings = _facts(folder)
    assert data_warnings.as_dict()[kind] == {"count": 1, "examples": ["BMLAMA53/de.tsv line 3"]}
    kept = {(fact.key, fact.subject) for relation in after.relations for fact in relation.facts}
    everything = {(fact.key, fact.subject) for relation in before.relations for fact in relation.facts}
    gone = everything - kept
    assert kept <= everything and len(gone) == ("skipped" in kind)
    assert all(relation.facts[0].object in relation.pool for relation in after.relations)


def test_rows_that_english_lacks_are_left_out_and_counted(folder: Path) -> None:
    change_tabs(folder / "BMLAMA53" / "en.tsv", lambda rows: rows.pop())
    parallel, data_warnings = _facts(folder)
    kind = "Rows without an English one, which tells the relation, were skipped"
    assert data_warnings.count(kind) == 1 and sum(len(relation.facts) for relation in parallel.relations) == 22
    (folder / "BMLAMA53" / "en.tsv").unlink()
    with pytest.raises(BenchError, match="BMLAMA53 has no en.tsv"):
        BMlama(path=folder).facts("de", "zh", DataWarnings())


def test_a_folder_itself_is_read_and_another_edition_is_not_mixed_in(folder: Path) -> None:
    build_bmlama(folder, edition=17)
    assert BMlama(path=folder / "BMLAMA53").languages() == ("de", "en", "zh")
    assert BMlama(path=folder, edition=17).facts("de", "en", DataWarnings()).relations[0].facts[0].uuid == "bmlama17/0"
    with pytest.raises(BenchError, match="dataset.edition=52"):
        BMlama(path=folder, edition=52)


@needs_successors
@pytest.mark.system
@pytest.mark.parametrize(("edition", "language", "relations", "facts"), [(17, "he", 38, 6_792), (53, "de", 27, 3_070)])
def test_bmlama_itself_is_what_this_version_was_tested_with(
    edition: int, language: str, relations: int, facts: int
) -> None:
    dataset, data_warnings = BMlama(path=BMLAMA_ZIP, edition=edition), DataWarnings()
    parallel = dataset.facts(language, "en", data_warnings)
    assert len(dataset.languages()) == edition and len(parallel.relations) == relations
    assert [sum(len(each.facts) for each in side) for side in (parallel.relations, parallel.pivot_relations)] == [
        facts
    ] * 2
    # Read with the quotes of a spreadsheet, every answer is among its candidates: 150 in Hebrew are not without.
    assert not data_warnings.count(ADDED)
    assert data_warnings.count(NO_SUBJECT) == (language == "de")
    assert not any("differs from the BMLAMA" in kind for kind in data_warnings.as_dict())
