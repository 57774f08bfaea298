"""mParaRel's wordings: checked ones first, unusable ones counted; its facts are mLAMA's."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Relation
from lrp2_bench.data.successors.mpararel import MParaRel
from tests.support.paths import MPARAREL_ZIP, needs_successors
from tests.support.toy import write_lines
from tests.support.toy_successors import blemishes, build_mpararel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_mpararel(tmp_path)


def _read(folder: Path, language: str = "de") -> tuple[dict[str, Relation], DataWarnings]:
    data_warnings = DataWarnings()
    parallel = MParaRel(path=folder).facts(language, "en", data_warnings)
    return {relation.name: relation for relation in parallel.relations}, data_warnings


def test_wordings_that_a_human_checked_come_first_and_the_others_paraphrase_them(folder: Path) -> None:
    relations, data_warnings = _read(folder)
    capital = relations["P36"]
    assert capital.template == "Die Hauptstadt von [X] ist [Y]"
    assert capital.paraphrases == ("Die Hauptstadt von [X] ist [Y] !",)
    assert capital.templates_of(capital.facts[0]) == (capital.template, *capital.paraphrases)
    assert not blemishes(data_warnings), "no fact has a uuid, which is no blemish of any"


def test_facts_are_joined_by_relation_and_line_id_and_those_a_language_lacks_are_absent(folder: Path) -> None:
    parallel = MParaRel(path=folder).facts("en", "zh", DataWarnings())
    ours, theirs = parallel.relations[-1], parallel.pivot_relations[-1]
    assert (len(ours.facts), len(theirs.facts)) == (8, 7), "Brasilia has no name in Chinese"
    assert {fact.uuid for fact in theirs.facts} < {fact.uuid for fact in ours.facts}
    assert ours.facts[0].uuid == "mpararel/P36/0"


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("[X] hat keine", "Patterns without one [X], one [Y] and no other slot were skipped"),
        ("[Y] und [Y] in [X]", "Patterns without one [X], one [Y] and no other slot were skipped"),
        ("[X] [Z] [Y]", "Patterns without one [X], one [Y] and no other slot were skipped"),
        (None, "Lines without a pattern were skipped"),
        (" Die Hauptstadt von [X] ist [Y] ", "Patterns that stand twice"),
    ],
)
def test_a_pattern_that_cannot_be_asked_is_counted_with_its_line(pattern: object, kind: str, folder: Path) -> None:
    sound = [{"pattern": f"{text} von [X] ist [Y]", "checked-by-human": text == "Die Hauptstadt"}
             for text in ("Der Hauptort", "Die Hauptstadt", *map(str, range(10)))]  # fmt: skip
    path = folder / "patterns" / "de" / "P36.jsonl"
    write_lines(path, [*sound, {"pattern": pattern, "checked-by-human": True}])
    relations, data_warnings = _read(folder)
    assert blemishes(data_warnings) == {kind: {"count": 1, "examples": ["patterns/de/P36.jsonl line 13"]}}
    assert relations["P36"].template == "Die Hauptstadt von [X] ist [Y]" and len(relations["P36"].paraphrases) == 11


def test_relations_without_patterns_or_facts_are_left_out_and_counted(folder: Path) -> None:
    (folder / "patterns" / "de" / "P36.jsonl").unlink()
    (folder / "tuples" / "de" / "P30.jsonl").unlink()
    relations, data_warnings = _read(folder)
    assert list(relations) == ["P17"]
    assert blemishes(data_warnings) == {
        "Relations without a template were skipped": {"count": 1, "examples": ["de P36"]},
        "Relations without facts": {"count": 1, "examples": ["de P30"]},
    }


@needs_successors
@pytest.mark.system
def test_mpararel_itself_is_what_this_version_was_tested_with() -> None:
    dataset, data_warnings = MParaRel(path=MPARAREL_ZIP), DataWarnings()
    assert len(dataset.languages()) == 46 and {"zh", "zh-Hant"} < set(dataset.languages())
    parallel = dataset.facts("de", "en", data_warnings)
    assert sum(len(relation.facts) for relation in parallel.relations) == 27_821
    assert sum(1 + len(relation.paraphrases) for relation in parallel.relations) == 413
    assert blemishes(data_warnings) == {
        "Relations without a template were skipped": {"count": 6, "examples": ["de P31", "de P527", "de P1001"]}
    }
    assert data_warnings.as_dict() == blemishes(data_warnings)
