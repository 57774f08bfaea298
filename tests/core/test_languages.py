"""The table of languages: complete, consistent with the data beside the checkout, and helpful about slips."""

from __future__ import annotations

import re
import zipfile

import pytest

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import GROUPS, LANGUAGES, aliases, groups, require, resource_class
from tests.support.paths import MLAMA_ZIP, TATOEBA_ZIP, needs_mlama, needs_tatoeba

pytestmark = pytest.mark.no_torch


@needs_mlama
def test_the_languages_are_those_of_mlama() -> None:
    with zipfile.ZipFile(MLAMA_ZIP) as archive:
        folders = {name.split("/")[1] for name in archive.namelist() if name.endswith(".jsonl")}
    assert set(LANGUAGES) == folders


@needs_tatoeba
def test_the_iso_codes_name_tatoebas_files() -> None:
    with zipfile.ZipFile(TATOEBA_ZIP) as archive:
        found = set(re.findall(r"tatoeba\.(\w+)-eng\.", "\n".join(archive.namelist())))
    assert {language.iso639_3 for language in LANGUAGES.values()} - {"eng"} == found


def test_the_table_is_sorted_keyed_by_code_and_has_no_code_twice() -> None:
    assert list(LANGUAGES) == sorted(LANGUAGES)
    assert all(code == language.code for code, language in LANGUAGES.items())
    assert len({language.iso639_3 for language in LANGUAGES.values()}) == len(LANGUAGES) == 53


def test_all_has_the_52_languages_other_than_english() -> None:
    assert len(GROUPS["all"]) == 52
    assert "en" not in {code for codes in GROUPS.values() for code in codes}


@pytest.mark.parametrize("parts", [("high", "medium", "low"), ("indo_european", "non_indo_european")])
def test_groups_split_the_languages_without_overlap(parts: tuple[str, ...]) -> None:
    together = [code for part in parts for code in GROUPS[part]]
    assert sorted(together) == list(GROUPS["all"])


def test_there_are_34_indo_european_languages_as_the_published_averages_require() -> None:
    assert len(GROUPS["indo_european"]) == 34


def test_bloom_saw_14_languages_one_of_them_english() -> None:
    assert sum(language.bloom for language in LANGUAGES.values()) == 14
    assert len(GROUPS["bloom_trained"]) == 13


def test_a_threshold_belongs_to_the_class_it_opens() -> None:
    assert [resource_class(n) for n in (1_000_000, 999_999, 100_000, 99_999)] == ["high", "medium", "medium", "low"]


def test_known_languages_have_their_resource_class() -> None:
    assert {code: LANGUAGES[code].resource for code in ("de", "ceb", "ko", "cy", "ga")} == {
        "de": "high",
        "ceb": "high",
        "ko": "medium",
        "cy": "medium",
        "ga": "low",
    }


def test_other_thresholds_give_other_groups() -> None:
    assert "ko" in groups(high_from=600_000)["high"]
    assert "cy" in groups(medium_from=500_000)["low"]


@pytest.mark.parametrize(("high", "medium"), [(10, 100), (10, 10), (10, -1)])
def test_thresholds_that_leave_no_class_between_are_refused(high: int, medium: int) -> None:
    with pytest.raises(BenchError, match=f"high_from={high} medium_from={medium}: .* such as high_from=1000000"):
        groups(high, medium)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("ger", "de"), ("German", "de"), ("DE", "de"), ("zho", "zh"), ("fre", "fr"), ("farsi", "fa"), ("jp", "ja"),
     ("deu", "de"), ("germn", "de"), ("lav", "lv"), ("Cebuano", "ceb")],
)  # fmt: skip
def test_a_slip_is_answered_with_the_code_that_was_meant(typed: str, meant: str) -> None:
    with pytest.raises(UnknownNameError, match=f"Unknown pivot '{typed}'. Did you mean '{meant}'"):
        require(typed, what="pivot")


def test_aliases_point_to_known_codes_and_hide_none() -> None:
    assert set(aliases().values()) == set(LANGUAGES)
    assert not set(aliases()) & set(LANGUAGES)


def test_iso_639_2_b_codes_are_all_known() -> None:
    expected = {"alb": "sq", "arm": "hy", "baq": "eu", "chi": "zh", "cze": "cs", "dut": "nl", "fre": "fr", "geo": "ka"}
    expected |= {"ger": "de", "gre": "el", "may": "ms", "per": "fa", "rum": "ro", "slo": "sk", "wel": "cy"}
    assert {code: aliases().get(code) for code in expected} == expected


def test_a_known_code_gives_its_language() -> None:
    assert require("zh").name == "Chinese"
