"""X-FACTR: prompts agree as far as the data go, names are chosen, and whatever stands in is counted per language."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.types import Relation
from lrp2_bench.data.xfactr.dataset import XFactr
from lrp2_bench.data.xfactr.prompts import GENDER
from tests.support.paths import XFACTR_ZIP, needs_xfactr
from tests.support.toy_xfactr import build_xfactr

OTHER_CONTENT = "Language differs from the X-FACTR this version was tested with"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_xfactr(tmp_path)


def _relation(folder: Path, name: str, language: str = "fr", data_warnings: DataWarnings | None = None) -> Relation:
    [found] = XFactr(folder, relations=[name]).facts(language, "en", data_warnings or DataWarnings()).relations
    return found


def _queries(relation: Relation) -> list[str]:
    return [relation.fill(fact, fact.object).text for fact in relation.facts]


def _pack(folder: Path, target: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(prefix + str(path.relative_to(folder)), path.read_bytes())
    return target


def test_without_genders_every_subject_is_asked_about_in_the_first_form(folder: Path) -> None:
    data_warnings = DataWarnings()
    assert _queries(_relation(folder, "P19", data_warnings=data_warnings)) == [
        "Angela Merkel est né en Berlin .",
        "Victor Hugo est né en Paris .",
        "Madonna est né en Paris .",
    ]
    kind = "Facts in 'fr' that are asked in the first form (masculine), because the subject's gender is not in the data"
    assert data_warnings.as_dict()[kind] == {"count": 3, "examples": ["P19"]}


def test_with_genders_verbs_agree_and_the_rest_is_counted(tmp_path: Path) -> None:
    folder, data_warnings = build_xfactr(tmp_path, genders=True), DataWarnings()
    assert _queries(_relation(folder, "P19", "ru", data_warnings)) == [
        "Ангела Меркель родилась в Берлин .",
        "Виктор Гюго родился в Париж .",
        "Мадонна родился в Париж .",
    ]
    counted = {kind: told["count"] for kind, told in data_warnings.as_dict().items() if "'ru'" in kind}
    assert counted == {
        f"Facts in 'ru' that are {GENDER}": 1,
        "Facts in 'ru' of which a name is uninflected where the prompt needs a case": 3,
        "Names in 'ru' were chosen among aliases, for no file says which is the label": 2,
    }


def test_genders_are_part_of_what_is_probed(tmp_path: Path) -> None:
    plain = XFactr(build_xfactr(tmp_path / "a")).facts("fr", "en", DataWarnings())
    told = XFactr(build_xfactr(tmp_path / "b", genders=True)).facts("fr", "en", DataWarnings())
    assert plain.digest != told.digest
    assert plain.pivot_relations == told.pivot_relations


def test_articles_are_left_out_and_prepositions_stand_plain(folder: Path) -> None:
    data_warnings = DataWarnings()
    relation = _relation(folder, "P36", data_warnings=data_warnings)
    assert relation.template == "[Y] est la capitale de [X] ."
    assert data_warnings.count("Facts in 'fr' that are asked without an article, or with a plain preposition") == 2


def test_words_that_agree_with_the_object_tell_nothing_of_it_and_a_slip_of_the_keyboard_is_read(folder: Path) -> None:
    data_warnings = DataWarnings()
    relation = _relation(folder, "P127", data_warnings=data_warnings)
    assert relation.template == "le propriétaire de [X] est [Y] ."
    assert (
        data_warnings.count(
            "Facts in 'fr' that are asked in the first form, because the object's own would give it away"
        )
        == 3
    )
    _relation(folder, "P127", "ru", data_warnings)
    kind = "Facts in 'ru' that are asked in the singular, because the subject's number is not in the data"
    assert data_warnings.count(kind) == 3


def test_a_fact_is_absent_from_a_language_that_lacks_a_name_of_it(folder: Path) -> None:
    data_warnings = DataWarnings()
    relation = _relation(folder, "P19", "zh", data_warnings)
    assert [fact.uuid for fact in relation.facts] == ["P19-0", "P19-1"]
    assert data_warnings.as_dict()["Facts that 'zh' has no names for are absent there"] == {
        "count": 1,
        "examples": ["P19"],
    }


def test_names_are_in_their_own_script_plain_and_what_other_languages_say_too(folder: Path) -> None:
    assert _relation(folder, "P36").objects == {"Q64": "Berlin", "Q90": "Paris"}, "Lutèce is French alone"
    assert _relation(folder, "P127", "ru").objects["Q142"] == "Франция", "France is no Russian"
    english = _relation(folder, "P36", "en")
    assert english.objects == {"Q64": "Berlin", "Q90": "Paris"}, "not 'City of Light', not 'Berlin, Germany'"
    assert {fact.subject for fact in english.facts} == {"Germany", "France"}, "not the text's 'He', no country code"


def test_labels_come_before_aliases_where_the_copy_has_them(tmp_path: Path) -> None:
    folder = build_xfactr(tmp_path, labels=True)
    assert _relation(folder, "P36").objects == {"Q64": "Berlin", "Q90": "Paname"}


def test_names_in_another_script_than_the_prompts_are_counted(folder: Path) -> None:
    names = folder / "xfactr" / "alias" / "mTRExf" / "zh.txt"
    names.write_text("Q183\tДойчланд\nQ64\tБерлин\nQ142\tФранция\nQ90\tПариж\n", "utf-8")
    data_warnings = DataWarnings()
    _relation(folder, "P36", "zh", data_warnings)
    assert data_warnings.count("Names in 'zh' are in another script than its prompts") == 1


# Bad input -----------------------------------------------------------------------------------------------------------


def _set_prompt(folder: Path, old: str, new: str) -> None:
    path = folder / "xfactr" / "TREx_prompts.csv"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize("slot", ["[X bad]", "[human: один ; non-human: одно]", "[PREPDEF;X]", "[a;Y-Colour=RED|b]"])
def test_an_unknown_slot_skips_its_relation_or_is_refused_where_it_was_asked_for(slot: str, folder: Path) -> None:
    _set_prompt(folder, "Столица [X.Gen]", f"Столица {slot}")
    data_warnings = DataWarnings()
    relations = XFactr(folder).facts("ru", "en", data_warnings).relations
    assert [relation.name for relation in relations] == ["P19", "P127"]
    told = data_warnings.as_dict()["Relations whose prompt in 'ru' has an unknown slot were skipped"]
    assert told == {"count": 1, "examples": [f"P36 {slot}"]}
    with pytest.raises(BenchError, match=r"(?s)P36 in 'ru' has an unknown slot .*Known slots: \[X\].*Fix TREx"):
        XFactr(folder, relations=["P36"]).facts("ru", "en", DataWarnings())


def test_an_unknown_slot_of_the_pivots_leaves_nothing_shared(folder: Path) -> None:
    _set_prompt(folder, "The capital of [X]", "The capital of [Z]")
    parallel = XFactr(folder, relations=["P36"]).facts("fr", "en", DataWarnings())
    assert len(parallel.relations[0].facts) == 2 and not parallel.pivot_relations[0].facts


@pytest.mark.parametrize("prompt", ["[X] [X] [Y]", "[Y] .", "[X.Nom] ."])
def test_a_prompt_without_each_slot_once_is_skipped_and_counted(prompt: str, folder: Path) -> None:
    _set_prompt(folder, "[X]的首都是[Y]。", prompt)
    data_warnings = DataWarnings()
    XFactr(folder).facts("zh", "en", data_warnings)
    told = data_warnings.as_dict()["Relations whose template does not have [X] and [Y] once each were skipped"]
    assert told["examples"] == ["zh P36"]


def test_no_path_says_where_the_data_come_from() -> None:
    with pytest.raises(BenchError, match=r"dataset.path=ZIP_OR_DIR.*https://github.com/jzbjyb/X-FACTR"):
        XFactr()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "TREx_prompts.csv").write_text("pid,en\nP36,[X] [Y]\n")
    with pytest.raises(BenchError, match="holds no X-FACTR: TREx_prompts.csv and mTRExf/sub/P36.jsonl"):
        XFactr(tmp_path).languages()
    with pytest.raises(BenchError, match="There is no file or folder"):
        XFactr(tmp_path / "nowhere").languages()


def test_two_copies_are_refused(folder: Path) -> None:
    build_xfactr(folder / "again")
    with pytest.raises(BenchError, match="two copies of X-FACTR: 'again/xfactr/.*' and 'xfactr/"):
        XFactr(folder).languages()


def test_a_language_with_prompts_and_no_names_says_what_is_missing(folder: Path) -> None:
    with pytest.raises(BenchError, match=r"'bn' but no names: alias/mTRExf/bn.txt is missing.*en, fr, ru, zh"):
        XFactr(folder).facts("bn", "en", DataWarnings())


def test_a_relation_without_a_prompt_is_not_offered(folder: Path) -> None:
    _set_prompt(folder, "[X]属于[Y]。", "")
    assert [r.name for r in XFactr(folder).facts("zh", "en", DataWarnings()).relations] == ["P19", "P36"]
    with pytest.raises(UnknownNameError, match=r"(?s)relation of 'zh' 'P127'.*Known: P19, P36"):
        XFactr(folder, relations=["P127"]).facts("zh", "en", DataWarnings())


def test_lines_that_cannot_be_used_are_counted_each_time(folder: Path) -> None:
    path = folder / "xfactr" / "mTRExf" / "sub" / "P36.jsonl"
    first, second = path.read_text("utf-8").splitlines()
    unnamed = [first.replace("P36-0", f"more-{number}").replace("Q183", f"Q99{number}") for number in range(20)]
    no_uuid = first.replace('"uuid": "P36-0", ', "")
    path.write_text("\n".join([first, "{", '{"uuid": "x"}', first, second, no_uuid, *unnamed]), "utf-8")
    dataset = XFactr(folder, relations=["P36"])
    for _ in range(2):
        data_warnings = DataWarnings()
        [relation] = dataset.facts("fr", "fr", data_warnings).relations
        assert [fact.line_id for fact in relation.facts] == [1, 5, 6]
        assert data_warnings.count("Lines that are not JSON were skipped") == 1
        assert data_warnings.count("Facts that repeat an id were skipped") == 1
        assert data_warnings.count("Facts without sub_uri, obj_uri, sub_label, obj_label were skipped") == 1
        assert data_warnings.count("Facts without a uuid got one made of their relation and lineid") == 1


@pytest.mark.parametrize("prefix", ["", "./", "some/where/"])
def test_a_zip_gives_the_facts_of_the_folder(prefix: str, folder: Path, tmp_path: Path) -> None:
    packed = _pack(folder, tmp_path / "x.zip", prefix)
    assert XFactr(packed).facts("fr", "en", DataWarnings()) == XFactr(folder).facts("fr", "en", DataWarnings())


@pytest.mark.parametrize("prefix", ["../", "/etc/"])
def test_a_zip_whose_files_lead_out_of_it_is_refused(prefix: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="leads out of the archive"):
        XFactr(_pack(folder, tmp_path / "x.zip", prefix)).languages()


# The published data --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published() -> XFactr:
    return XFactr(XFACTR_ZIP)


@needs_xfactr
@pytest.mark.system
def test_xfactr_itself_is_what_this_version_was_tested_with(published: XFactr) -> None:
    data_warnings = DataWarnings()
    assert len(published.languages()) == 22, "Bengali has prompts and no names"
    parallel = published.facts("he", "en", data_warnings)
    assert not data_warnings.count(OTHER_CONTENT)
    assert sum(len(relation.facts) for relation in parallel.relations) == 17_091
    assert sum(len(relation.facts) for relation in parallel.pivot_relations) == 17_090
    assert len(parallel.relations) == 46, "with the one whose [X] is a Cyrillic letter"


@needs_xfactr
@pytest.mark.parametrize(("language", "skipped"), [("war", ["P449 [X bad]"]), ("mg", ["mg P31"])])
def test_prompts_of_xfactr_that_cannot_be_asked_are_named(language: str, skipped: list[str], published: XFactr) -> None:
    data_warnings = DataWarnings()
    published.facts(language, language, data_warnings)
    assert skipped in [told["examples"] for kind, told in data_warnings.as_dict().items() if "skipped" in kind]


def test_other_content_than_the_published_is_counted_by_language(folder: Path) -> None:
    data_warnings = DataWarnings()
    XFactr(folder).facts("fr", "en", data_warnings)
    assert data_warnings.as_dict()[OTHER_CONTENT] == {"count": 2, "examples": ["fr", "en"]}


@needs_xfactr
@pytest.mark.parametrize(
    "language",
    [
        pytest.param("ru", marks=pytest.mark.system),
        *(pytest.param(code, marks=pytest.mark.slow) for code in ("fr", "el", "es")),
    ],
)
def test_of_the_real_prompts_subject_and_object_stand_where_they_are_told(language: str) -> None:
    relations = XFactr(XFACTR_ZIP, limit=20).facts(language, "en", DataWarnings()).relations
    assert relations
    for relation in relations:
        for fact in relation.facts:
            prompt = relation.fill(fact, fact.object)
            assert prompt.text[slice(*prompt.subject)] == fact.subject
            assert prompt.text[slice(*prompt.object)] == fact.object
