"""mLAMA: the content is what counts, limits cut the language alone, and every blemish is counted."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.data.mlama import MLama
from lrp2_bench.errors import BenchError, UnknownNameError
from lrp2_bench.notices import Notices
from tests.support import toy
from tests.support.paths import MLAMA_ZIP, needs_mlama

OTHER_CONTENT = "Language differs from the mLAMA 1.1 this version was tested with"
NOT_JSON = "Lines that are not JSON were skipped"
NO_SLOT = "Relations whose template lacks [X] or [Y], or repeats it, were skipped"
NO_TEMPLATE = "Relations without a template were skipped"
NO_FACTS = "Relations without facts"
BLANK = "Facts with a blank label were skipped"
INCOMPLETE = "Facts without lineid and sub_uri, obj_uri, sub_label, obj_label, uuid were skipped"
REPEATED = "Facts that repeat an id were skipped"
SECOND_LABEL = "Objects with a second label go by their first"
LONE_TEMPLATE = "Templates without a relation file"
ONE_CANDIDATE = "Relations with a single candidate, which any model gets right"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the toy facts to break."""
    return toy.build_mlama(tmp_path / "toy")


def _file(folder: Path, language: str, relation: str) -> Path:
    return folder / "mlama1.1" / language / f"{relation}.jsonl"


def _rows(folder: Path, language: str, relation: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _file(folder, language, relation).read_text("utf-8").splitlines()]


def _change(folder: Path, language: str, relation: str, change: Callable[[list[dict[str, Any]]], None]) -> None:
    rows = _rows(folder, language, relation)
    change(rows)
    toy.write_lines(_file(folder, language, relation), rows)


def _subjects(folder: Path, notices: Notices, relation: str = "P36") -> list[str]:
    [found] = MLama(folder, relations=[relation]).facts("de", "en", notices).relations
    return [fact.subject for fact in found.facts]


# The toy's facts -----------------------------------------------------------------------------------------------------


def test_facts_templates_and_pools_are_those_of_the_files(toy_mlama: Path) -> None:
    parallel = MLama(toy_mlama).facts("de", "en", Notices())
    assert [relation.name for relation in parallel.relations] == ["P17", "P30", "P36"]
    for ours, theirs in zip(parallel.relations, parallel.pivot_relations, strict=True):
        for relation, language in ((ours, "de"), (theirs, "en")):
            rows = _rows(toy_mlama, language, relation.name)
            assert relation.template == toy.TEMPLATES[language][relation.name]
            assert [(f.line_id, f.uuid, f.subject, f.object) for f in relation.facts] == [
                (row["lineid"], row["uuid"], row["sub_label"], row["obj_label"]) for row in rows
            ]
            assert relation.pool == tuple(sorted({row["obj_label"] for row in rows}))


def test_relations_come_in_the_order_of_their_numbers(folder: Path) -> None:
    shutil.copy(_file(folder, "de", "P36"), _file(folder, "de", "P101"))
    templates = _file(folder, "de", "templates")
    templates.write_text(templates.read_text("utf-8") + '{"relation": "P101", "template": "[X] [Y]"}\n', "utf-8")
    names = [relation.name for relation in MLama(folder).facts("de", "de", Notices()).relations]
    assert names == ["P17", "P30", "P36", "P101"]
    chosen = MLama(folder, relations=["P101", "P36", "P101"]).facts("de", "de", Notices()).relations
    assert [relation.name for relation in chosen] == ["P36", "P101"]


def test_the_pivot_has_the_languages_facts_by_line_id_and_in_its_order(folder: Path) -> None:
    _change(folder, "en", "P36", lambda rows: rows.reverse())
    _change(folder, "zh", "P36", lambda rows: rows.append(rows[0] | {"lineid": 99, "uuid": "zh only"}))
    parallel = MLama(folder, relations=["P36"]).facts("zh", "en", Notices())
    ours, theirs = parallel.relations[0].facts, parallel.pivot_relations[0].facts
    assert [fact.line_id for fact in ours] == [0, 1, 2, 3, 4, 5, 7, 99]
    assert [fact.line_id for fact in theirs] == [0, 1, 2, 3, 4, 5, 7]
    assert all(a.uuid == b.uuid and a.object_id == b.object_id for a, b in zip(ours, theirs, strict=False))


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_a_limit_keeps_the_languages_first_facts_and_leaves_the_pools_whole(limit: int, folder: Path) -> None:
    _change(folder, "de", "P36", lambda rows: rows.reverse())
    whole = MLama(folder).facts("de", "en", Notices())
    cut = MLama(folder, limit=limit).facts("de", "en", Notices())
    for k, relation in enumerate(whole.relations):
        assert cut.relations[k].facts == relation.facts[:limit]
        assert cut.relations[k].pool == relation.pool
        wanted = {fact.line_id for fact in relation.facts[:limit]}
        expected = [fact for fact in whole.pivot_relations[k].facts if fact.line_id in wanted]
        assert list(cut.pivot_relations[k].facts) == expected
        assert cut.pivot_relations[k].pool == whole.pivot_relations[k].pool


def test_the_language_as_its_own_pivot_gives_its_facts_twice(toy_mlama: Path) -> None:
    parallel = MLama(toy_mlama).facts("en", "en", Notices())
    assert parallel.relations == parallel.pivot_relations


def test_a_fact_the_pivot_lacks_stays_the_languages(toy_mlama: Path) -> None:
    parallel = MLama(toy_mlama, relations=["P36"]).facts("de", "zh", Notices())
    assert len(parallel.relations[0].facts) == 8
    assert len(parallel.pivot_relations[0].facts) == 7


def test_the_digest_names_the_facts_as_probed(folder: Path) -> None:
    def digest(**options: Any) -> str:
        return MLama(folder, **options).facts("de", "en", Notices()).digest

    before = {digest(), digest(limit=3), digest(relations=["P36"]), MLama(folder).facts("de", "zh", Notices()).digest}
    assert len(before) == 4
    assert digest() in before
    _change(folder, "en", "P36", lambda rows: rows[2].update(obj_label="Peking"))
    assert digest() not in before


# Packing -------------------------------------------------------------------------------------------------------------


def _pack(source: Path, target: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(source.rglob("*.jsonl"), reverse=True):
            archive.write(path, prefix + path.relative_to(source).as_posix())
    return target


@pytest.mark.parametrize("prefix", ["", "./", "some/where/else/"])
def test_a_zip_gives_the_facts_of_the_folder(prefix: str, toy_mlama: Path, tmp_path: Path) -> None:
    packed = _pack(toy_mlama, tmp_path / "x.zip", prefix)
    assert MLama(packed).languages() == MLama(toy_mlama).languages() == ("de", "en", "zh")
    assert MLama(packed).facts("de", "en", Notices()) == MLama(toy_mlama).facts("de", "en", Notices())


def test_spacing_key_order_and_line_ends_are_not_content(folder: Path) -> None:
    before = MLama(folder).facts("de", "en", Notices()).digest
    path = _file(folder, "de", "P36")
    lines = [json.dumps(dict(reversed(row.items())), indent=None) for row in _rows(folder, "de", "P36")]
    path.write_bytes("\r\n\r\n".join(lines).encode())  # escaped letters, blank lines, no newline at the end
    notices = Notices()
    assert MLama(folder).facts("de", "en", notices).digest == before
    assert notices.count(NOT_JSON) == 0


def test_two_copies_of_a_language_are_refused(folder: Path) -> None:
    shutil.copytree(folder / "mlama1.1" / "de", folder / "old" / "de")
    with pytest.raises(BenchError, match="two folders of 'de': 'mlama1.1/de' and 'old/de'"):
        MLama(folder).languages()


@pytest.fixture(scope="module")
def real_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two languages of mLAMA 1.1, unpacked."""
    target = tmp_path_factory.mktemp("real")
    with zipfile.ZipFile(MLAMA_ZIP) as archive:
        archive.extractall(target, [name for name in archive.namelist() if "/ga/" in name or "/la/" in name])
    return target


@needs_mlama
def test_mlama_itself_passes_in_the_zip_a_folder_and_packed_again(real_folder: Path, tmp_path: Path) -> None:
    digests = set()
    for path in (MLAMA_ZIP, real_folder, _pack(real_folder, tmp_path / "again.zip", "packed/")):
        notices = Notices()
        digests.add(MLama(path).facts("ga", "la", notices).digest)
        assert notices.count(OTHER_CONTENT) == 0
    assert len(digests) == 1


@needs_mlama
def test_a_changed_row_of_mlama_warns_with_the_languages_name(real_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(real_folder, tmp_path / "changed")
    _change(tmp_path / "changed", "ga", "P36", lambda rows: rows[-1].update(sub_label=rows[-1]["sub_label"] + "."))
    notices = Notices()
    MLama(tmp_path / "changed", relations=["P30"], limit=1).facts("ga", "la", notices)
    assert notices.as_dict()[OTHER_CONTENT] == {"count": 1, "examples": ["ga"]}


@needs_mlama
def test_a_swapped_or_missing_line_of_mlama_warns_too(real_folder: Path, tmp_path: Path) -> None:
    for number, change in enumerate((lambda rows: rows.reverse(), lambda rows: rows.pop())):
        shutil.copytree(real_folder, tmp_path / str(number))
        _change(tmp_path / str(number), "la", "P36", change)
        notices = Notices()
        MLama(tmp_path / str(number)).facts("la", "ga", notices)
        assert notices.as_dict()[OTHER_CONTENT]["examples"] == ["la"]


@needs_mlama
def test_mlama_has_its_languages_and_relations() -> None:
    dataset = MLama(MLAMA_ZIP)
    assert len(dataset.languages()) == 53
    notices = Notices()
    english = dataset.facts("en", "en", notices)
    assert len(english.relations) == 41
    assert notices.count(LONE_TEMPLATE) == 5
    for relation in english.relations:
        assert len({fact.uuid for fact in relation.facts}) == len({fact.line_id for fact in relation.facts})


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "meant"), [("ger", "de"), ("German", "de"), ("cmn", "zh"), ("DE", "de")])
def test_an_unknown_language_suggests_the_one_meant_and_lists_those_there(
    name: str, meant: str, toy_mlama: Path
) -> None:
    with pytest.raises(UnknownNameError, match=rf"(?s)'{name}'.*Did you mean '{meant}'\?.*Known: de, en, zh\."):
        MLama(toy_mlama).facts(name, "en", Notices())
    with pytest.raises(UnknownNameError, match=f"Did you mean '{meant}'"):
        MLama(toy_mlama).facts("en", name, Notices())


def test_an_unknown_relation_lists_those_there(toy_mlama: Path) -> None:
    with pytest.raises(
        UnknownNameError, match=r"(?s)relation of 'de' 'P37'.*Known: P17, P30, P36\..*dataset.relations"
    ):
        MLama(toy_mlama, relations=["P36", "P37"]).facts("de", "en", Notices())


@pytest.mark.parametrize("limit", [0, -1, 1.5, "3"])
def test_a_limit_that_is_no_count_is_refused(limit: Any) -> None:
    with pytest.raises(BenchError, match=f"dataset.limit={limit}"):
        MLama("x", limit=limit)


@pytest.mark.parametrize("relations", [[], "P36"])
def test_relations_that_are_no_list_of_names_are_refused(relations: Any) -> None:
    with pytest.raises(BenchError, match=r"dataset.relations=.*\[P36,P37\]"):
        MLama("x", relations=relations)


def test_a_path_without_mlama_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no file or folder '.*mlama.zip'"):
        MLama(tmp_path / "mlama.zip").facts("de", "en", Notices())
    (tmp_path / "P36.jsonl").write_text("{}")
    with pytest.raises(BenchError, match="holds no mLAMA files"):
        MLama(tmp_path).facts("de", "en", Notices())


def test_a_broken_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlama.zip").write_bytes(b"half a zip")
    with pytest.raises(BenchError, match="not a readable zip archive"):
        MLama(tmp_path / "mlama.zip").languages()


def test_a_language_without_templates_is_refused(folder: Path) -> None:
    _file(folder, "de", "templates").unlink()
    with pytest.raises(BenchError, match=r"'de' has no templates.jsonl in its folder 'mlama1.1/de'"):
        MLama(folder).facts("de", "en", Notices())


# Blemishes -----------------------------------------------------------------------------------------------------------


def test_lines_that_are_not_json_are_counted_with_their_places(folder: Path) -> None:
    path = _file(folder, "de", "P36")
    lines = path.read_bytes().splitlines()
    lines[1] = b'{"sub_label": '
    lines[2] = b"[1, 2]"
    lines[3] = lines[3].replace(b"Vereinigtes", b"\xff\xfe")
    lines[4] = lines[4].replace(b"Washington", b"Wash\\ud83dington")  # half an emoji
    path.write_bytes(b"\n".join(lines)[:-9])  # the last line is torn
    notices = Notices()
    assert _subjects(folder, notices) == ["Frankreich", "Ägypten", "Brasilien"]
    told = notices.as_dict()[NOT_JSON]
    assert told["count"] == 5
    assert told["examples"] == [f"mlama1.1/de/P36.jsonl line {number}" for number in (2, 3, 4)]


def test_a_whole_emoji_and_a_line_separator_inside_labels_are_kept(folder: Path) -> None:
    path = _file(folder, "de", "P36")
    text = path.read_text("utf-8").replace("Frankreich", "Frank\u2028reich\x85").replace("Japan", "Ja\\ud83d\\ude00pan")
    path.write_text(text, "utf-8")
    notices = Notices()
    subjects = _subjects(folder, notices)
    assert subjects[0] == "Frank\u2028reich\x85"
    assert subjects[-1] == "Ja😀pan"
    assert notices.count(NOT_JSON) == 0


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"sub_label": ""}, BLANK),
        ({"obj_label": " \u3000\n"}, BLANK),
        ({"obj_label": None}, INCOMPLETE),
        ({"sub_label": 5}, INCOMPLETE),
        ({"lineid": "3"}, INCOMPLETE),
        ({"uuid": None}, INCOMPLETE),
        ({"lineid": 0}, REPEATED),
        ({"uuid": "P36-0"}, REPEATED),
    ],
)
def test_a_fact_that_cannot_be_used_is_skipped_and_counted(change: dict[str, Any], kind: str, folder: Path) -> None:
    _change(folder, "de", "P36", lambda rows: rows[3].update(change))
    notices = Notices()
    subjects = _subjects(folder, notices)
    assert len(subjects) == 7
    assert subjects[0] == "Frankreich"
    assert "Vereinigtes Königreich" not in subjects
    assert notices.as_dict()[kind] == {"count": 1, "examples": ["mlama1.1/de/P36.jsonl line 4"]}


@pytest.mark.parametrize("key", ["sub_uri", "obj_uri", "sub_label", "obj_label", "lineid", "uuid"])
def test_a_fact_without_one_of_its_keys_is_skipped_and_counted(key: str, folder: Path) -> None:
    _change(folder, "de", "P36", lambda rows: rows[3].pop(key))
    notices = Notices()
    assert len(_subjects(folder, notices)) == 7
    assert notices.count(INCOMPLETE) == 1


def test_an_object_with_a_second_label_goes_by_its_first(folder: Path) -> None:
    _change(folder, "de", "P30", lambda rows: rows[3].update(obj_label="Alter Kontinent"))  # Europe, as for France
    notices = Notices()
    [relation] = MLama(folder, relations=["P30"]).facts("de", "en", notices).relations
    assert relation.facts[3].object == "Europa"
    assert {fact.object for fact in relation.facts} == set(relation.pool)
    assert notices.as_dict()[SECOND_LABEL]["examples"] == ["mlama1.1/de/P30.jsonl line 4"]


def _set_template(folder: Path, language: str, relation: str, template: str | None) -> None:
    rows = _rows(folder, language, "templates")
    kept = [row for row in rows if row["relation"] != relation]
    if template is not None:
        kept.append({"relation": relation, "template": template})
    toy.write_lines(_file(folder, language, "templates"), kept)


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        (None, NO_TEMPLATE),
        ("Die Hauptstadt ist [Y] .", NO_SLOT),
        ("[X] .", NO_SLOT),
        ("", NO_SLOT),
        ("[X] [Y] [Y]", NO_SLOT),
        ("[X] [X] [Y]", NO_SLOT),
    ],
)
def test_a_relation_that_cannot_be_asked_is_skipped_and_counted(template: str | None, kind: str, folder: Path) -> None:
    _set_template(folder, "de", "P36", template)
    notices = Notices()
    parallel = MLama(folder).facts("de", "en", notices)
    assert [relation.name for relation in parallel.relations] == ["P17", "P30"]
    assert notices.as_dict()[kind] == {"count": 1, "examples": ["de P36"]}


def test_where_no_relation_can_be_asked_the_error_names_them(folder: Path) -> None:
    _set_template(folder, "de", "P36", "no slots")
    with pytest.raises(BenchError, match="No relation of 'de' can be probed: P36"):
        MLama(folder, relations=["P36"]).facts("de", "en", Notices())


@pytest.mark.parametrize("content", ["", "\n\n", "not json\n"])
def test_an_empty_relation_is_skipped_and_counted(content: str, folder: Path) -> None:
    _file(folder, "de", "P36").write_text(content)
    notices = Notices()
    parallel = MLama(folder).facts("de", "en", notices)
    assert [relation.name for relation in parallel.relations] == ["P17", "P30"]
    assert notices.as_dict()[NO_FACTS]["examples"] == ["de P36"]


@pytest.mark.parametrize("loss", ["file", "facts", "template"])
def test_a_relation_the_pivot_cannot_be_asked_shares_no_fact(loss: str, folder: Path) -> None:
    if loss == "file":
        _file(folder, "en", "P36").unlink()
    elif loss == "facts":
        _file(folder, "en", "P36").write_text("")
    else:
        _set_template(folder, "en", "P36", None)
    notices = Notices()
    parallel = MLama(folder).facts("de", "en", notices)
    assert [len(relation.facts) for relation in parallel.relations] == [8, 8, 8]
    assert [len(relation.facts) for relation in parallel.pivot_relations] == [8, 8, 0]
    assert notices.as_dict()[NO_TEMPLATE if loss == "template" else NO_FACTS]["examples"] == ["en P36"]


def test_a_template_without_a_relation_file_is_counted(folder: Path) -> None:
    _file(folder, "de", "P36").unlink()
    notices = Notices()
    MLama(folder).facts("de", "en", notices)
    assert notices.as_dict()[LONE_TEMPLATE]["examples"] == ["de P36"]


def test_template_lines_that_are_none_are_counted_and_the_first_of_two_counts(folder: Path) -> None:
    path = _file(folder, "de", "templates")
    more = ['{"relation": "P36", "template": "[Y] [X]"}', '{"relation": "P36"}', '{"relation": 1, "template": "[X]"}']
    path.write_text(path.read_text("utf-8") + "\n".join(more), "utf-8")
    notices = Notices()
    [relation] = MLama(folder, relations=["P36"]).facts("de", "de", notices).relations
    assert relation.template == toy.TEMPLATES["de"]["P36"]
    assert notices.count("Template lines without a relation and a template were skipped") == 2


def test_a_relation_with_a_single_object_is_counted(folder: Path) -> None:
    _change(folder, "de", "P36", lambda rows: [row.update(obj_uri="Q90", obj_label="Paris") for row in rows])
    notices = Notices()
    [relation] = MLama(folder, relations=["P36"]).facts("de", "en", notices).relations
    assert relation.pool == ("Paris",)
    assert notices.as_dict()[ONE_CANDIDATE]["examples"] == ["de P36"]
