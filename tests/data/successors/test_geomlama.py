"""GeoMLAMA's concepts: several right answers, five wordings, countries found in prompts that do not name them apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Relation
from lrp2_bench.data.successors.geomlama import GeoMlama
from tests.support.paths import GEOMLAMA_ZIP, needs_successors
from tests.support.toy_successors import blemishes, build_geomlama, change_tabs

FOOD = "the_staple_food_in_x_is_y"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_geomlama(tmp_path)


def _read(folder: Path, language: str = "de") -> tuple[dict[str, Relation], DataWarnings]:
    data_warnings = DataWarnings()
    parallel = GeoMlama(path=folder).facts(language, "en", data_warnings)
    return {relation.name: relation for relation in parallel.relations}, data_warnings


def test_every_right_answer_of_a_country_is_a_fact_and_the_others_are_known(folder: Path) -> None:
    food = _read(folder)[0][FOOD]
    china = [fact for fact in food.facts if fact.subject_id == "CN"]
    assert [(fact.object, fact.object_id, food.other_answers(fact)) for fact in china] == [
        ("Reis", "rice", {"Nudeln"}), ("Nudeln", "noodles", {"Reis"}),
    ]  # fmt: skip
    assert len(food.facts) == 9 and all(len(food.candidates_of(fact)) == 6 for fact in food.facts)
    assert food.objects["Obst (de)"] == "Obst", "no answer anywhere, so that no English name is beside it"


def test_countries_are_cut_out_of_the_prompts_wherever_a_wording_has_them(folder: Path) -> None:
    food = _read(folder)[0][FOOD]
    iran = next(fact for fact in food.facts if fact.subject_id == "IR")
    assert iran.subject == "dem Iran"
    assert food.templates_of(iran) == (
        "Das Hauptnahrungsmittel in [X] ist [Y].", "In [X] isst man [Y].", "Man isst in [X] meist [Y].",
        "[Y] isst man in [X].", "[X] isst [Y].",
    )  # fmt: skip


def test_a_wording_that_names_the_country_otherwise_is_asked_as_it_is(folder: Path) -> None:
    path = folder / "gd_prompt_de_aug.tsv"
    path.write_text(path.read_text("utf-8").replace("In China isst man <mask>.", "Chinesen essen <mask>."), "utf-8")
    food = _read(folder)[0][FOOD]
    china = next(fact for fact in food.facts if fact.subject_id == "CN")
    assert food.templates_of(china)[1] == "Chinesen essen [Y]."


def test_paraphrases_that_do_not_match_the_concepts_are_left_out_and_counted(folder: Path) -> None:
    path = folder / "gd_prompt_de_aug.tsv"
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[1:]), "utf-8")
    relations, data_warnings = _read(folder)
    assert all(len(fact.templates) == 1 for relation in relations.values() for fact in relation.facts)
    told = data_warnings.as_dict()["Files of paraphrases without 20 lines a concept were left out"]
    assert told == {"count": 1, "examples": ["gd_prompt_de_aug.tsv: 39 lines for 2 concepts"]}
    path.unlink()
    assert not blemishes(_read(folder)[1])


@pytest.mark.parametrize(
    ("cell", "text", "kind"),
    [
        (3, "Reis, Reis, Nudeln, Brot", "Facts that list a candidate twice"),
        (3, "Reis, Brot", "Facts whose answer is not among their candidates got it added"),
        (3, "Reis, Nudeln", "Facts of which every candidate is right"),
    ],
)
def test_a_blemish_is_counted_with_its_line(cell: int, text: str, kind: str, folder: Path) -> None:
    change_tabs(folder / "gd_prompt_de.tsv", lambda rows: rows[8].__setitem__(cell, text))
    relations, data_warnings = _read(folder)
    assert blemishes(data_warnings) == {kind: {"count": 1, "examples": ["gd_prompt_de.tsv line 9"]}}
    assert len(relations[FOOD].facts) == 9


def test_a_concept_that_lacks_a_country_is_skipped_and_those_behind_it_stay_in_place(folder: Path) -> None:
    change_tabs(folder / "gd_prompt_de.tsv", lambda rows: rows.pop(2))
    relations, data_warnings = _read(folder)
    assert list(relations) == [FOOD] and len(relations[FOOD].facts[0].templates) == 5
    assert data_warnings.count("Concepts without a row for each of the five countries were skipped") == 1


def test_a_header_that_lacks_a_column_is_refused(folder: Path) -> None:
    change_tabs(folder / "gd_prompt_de.tsv", lambda rows: rows[0].__setitem__(2, "Answers"))
    with pytest.raises(BenchError, match=r"gd_prompt_de.tsv' line 1: the header is 'Prompt.*Prompt, Ans, Candidate"):
        _read(folder)


@needs_successors
@pytest.mark.system
@pytest.mark.parametrize("language", ["fa", "hi", "sw", "zh"])
def test_geomlama_itself_is_what_this_version_was_tested_with(language: str) -> None:
    relations, data_warnings = _read(GEOMLAMA_ZIP, language)
    facts = [(relation, fact) for relation in relations.values() for fact in relation.facts]
    assert len(relations) == 25 and len(facts) == 151
    several = {(fact.relation, fact.subject_id) for relation, fact in facts if relation.other_answers(fact)}
    assert len(several) == 20 and all("[X]" in fact.templates[0] for _, fact in facts)
    assert data_warnings.count("Facts that list a candidate twice") == (5 if language == "hi" else 0)
    assert not any("differs from the GeoMLAMA" in kind for kind in data_warnings.as_dict())
