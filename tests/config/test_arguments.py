"""The command line before Hydra sees it: positionals, groups of languages, flags."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from lrp2_bench.config.arguments import as_value, expand
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.quoting import quoted
from tests.support.toy import build_mlama
from tests.support.toy_xfactr import build_xfactr

pytestmark = pytest.mark.no_torch


@pytest.mark.parametrize("command", ["check", "analyze"])
def test_languages_in_brackets_are_the_same(command: str) -> None:
    assert expand(command, ["language=[de,fr]"]) == expand(command, ["language=de,fr"])


def test_numbers_of_numpy_are_numbers_and_sets_are_refused() -> None:
    assert as_value({"limit": np.int64(5), "some": [np.float64(0.5)]}) == "{limit:5,some:[0.5]}"
    with pytest.raises(BenchError, match="is a set: give a setting as a text, a number"):
        as_value({"de"})


def test_settings_pass_as_they_are() -> None:
    arguments = ["model=mbert", "language=de", "~tracking", "dataset.relations=[P36,P37]", "model.path=a b=c", "+x=1"]
    assert expand("search", arguments) == arguments


def test_a_folder_to_report_on_becomes_an_input() -> None:
    assert expand("report", ["outputs/a", "select_by=accuracy"]) == ["select_by=accuracy", "inputs=['outputs/a']"]
    assert expand("report", ["a", "b"]) == ["inputs=['a','b']"]
    assert expand("report", []) == []


@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_a_quiet_report_is_a_setting_and_nothing_elsewhere(flag: str) -> None:
    assert expand("report", ["outputs/a", flag]) == ["quiet=true", "inputs=['outputs/a']"]
    assert expand("search", ["language=de", flag]) == ["language=de", flag]


def test_quotes_and_backslashes_in_a_folders_name_are_kept() -> None:
    assert expand("report", ["it's", "a\\b", "c,d [e]"]) == ["inputs=['it\\'s','a\\b','c,d [e]']"]


@pytest.mark.parametrize(
    "text", ["it's", "a\\b", "c,d [e]=", "end\\", "x\\'y", "x\\\\'y", "a\\\\b\\\\", "'", "\\", "", "~ {a: b}"]
)
def test_quoted_text_is_read_by_hydra_as_it_is(text: str) -> None:
    assert OverridesParser.create().parse_override(f"a={quoted(text)}").value() == text


@pytest.mark.parametrize("command", ["search", "vectors"])
def test_a_positional_where_none_is_known_is_refused(command: str) -> None:
    with pytest.raises(BenchError, match="'mbert' is not a setting") as caught:
        expand(command, ["mbert", "language=de"])
    assert "key=value" in str(caught.value) and f"lrp2-bench {command} --help" in str(caught.value)


def test_a_group_of_languages_becomes_its_members() -> None:
    assert expand("search", ["-m", "language=high"]) == [f"language={','.join(GROUPS['high'])}", "-m"]
    assert len(expand("search", ["language=all", "--multirun"])[0].split(",")) == 52


def test_groups_and_languages_mix_and_nothing_runs_twice() -> None:
    found, _ = expand("search", ["-m", "language=zh,high,de,en"])
    codes = found.removeprefix("language=").split(",")
    assert codes[0] == "zh" and set(codes) == {*GROUPS["high"], "de", "en", "zh"} and len(codes) == len(set(codes))


@pytest.mark.parametrize("languages", ["all", "de,zh"])
def test_several_languages_without_a_multirun_are_refused(languages: str) -> None:
    with pytest.raises(BenchError, match="add -m"):
        expand("search", [f"language={languages}"])
    assert expand("search", ["language=de,de"]) == ["language=de"]


@pytest.mark.parametrize(
    "arguments",
    [["--cfg", "job"], ["language=de", "-c", "all"], ["--info", "searchpath"], ["seed=1", "--info"], ["--help"]],
)
def test_hydras_flags_keep_their_values(arguments: list[str]) -> None:
    assert expand("search", arguments) == arguments


def test_a_flag_takes_one_value() -> None:
    with pytest.raises(BenchError, match="'job' is not a setting"):
        expand("search", ["--cfg", "job", "job"])


def test_flags_may_stand_anywhere() -> None:
    assert expand("search", ["model=mbert", "-m", "language=de", "--config-dir", "mine", "seed=1"]) == [
        "model=mbert", "language=de", "seed=1", "-m", "--config-dir", "mine",
    ]  # fmt: skip


@pytest.mark.parametrize("flag", ["--cfg", "-c", "--info", "-i"])
def test_printing_the_configuration_of_several_jobs_is_refused(flag: str) -> None:
    with pytest.raises(BenchError, match="leave -m out"):
        expand("search", ["-m", flag, "job", "language=de"])


def test_a_group_is_of_the_languages_that_the_dataset_holds() -> None:
    held = ["ceb", "el", "es", "fr", "he", "hu", "ilo", "ja", "ko", "mg", "mr", "nl", "pa", "ru", "sw", "tl", "tr"]
    every = f"language={','.join([*held, 'vi', 'war', 'yo', 'zh'])}"
    assert expand("search", ["dataset=xfactr", "language=all", "-m"]) == ["dataset=xfactr", every, "-m"]
    assert expand("search", ["language=medium,cy", "dataset=xfactr", "-m"])[0] == "language=el,he,hu,ko,tr,cy"
    with pytest.raises(BenchError, match="language=low: the dataset holds no language of this group. It holds ceb"):
        expand("analyze", ["language=low", "dataset=xfactr"])
    assert expand("search", ["dataset=mlama", "language=all", "-m"])[1] == f"language={','.join(GROUPS['all'])}"


@pytest.mark.parametrize(
    ("dataset", "languages"),
    [
        ("geomlama", "fa,hi,sw,zh"), ("bmlama dataset.edition=17", "ar,ca,el,es,fa,fr,he,hu,ja,ko,nl,ru,tr,uk,vi,zh"),
        ("klar", "ar,ca,el,es,fa,fr,he,hu,ja,ko,nl,ru,tr,uk,vi,zh"),
    ],
)  # fmt: skip
def test_a_group_is_of_what_would_be_downloaded(dataset: str, languages: str) -> None:
    given = f"dataset={dataset}".split()
    assert expand("search", [*given, "language=all", "-m"]) == [*given, f"language={languages}", "-m"]


def _two(tmp_path: Path, *more: str) -> str:
    folder = build_mlama(tmp_path)
    for code in more:
        shutil.copytree(folder / "mlama1.1" / "de", folder / "mlama1.1" / code)
    return f"dataset.path={folder}"


@pytest.mark.parametrize("command", ["search", "analyze"])
def test_a_group_is_of_the_languages_in_the_datasets_folder(command: str, tmp_path: Path) -> None:
    given = ["dataset=mlama", _two(tmp_path, "is"), "-m"]

    def members(group: str, *more: str) -> list[str]:
        found = next(
            one
            for one in expand(command, [*given, f"language={group}", *more])
            if one.startswith(("language=", "languages="))
        )
        return found.partition("=")[2].strip("[]").split(",")

    assert members("high,all") == ["de", "zh", "is"]
    if command == "search":
        assert members("all,en") == ["de", "is", "zh", "en"] and members("all", "pivot=de") == ["is", "zh"]
        with pytest.raises(BenchError, match=r"language=low: (.|\n)*It holds de, is, zh; languages.path=FILE.csv"):
            members("low")
    (tmp_path / "mine.csv").write_text("code,name,family,articles\nis,,Indo-European,57000\n")
    own = f"languages.path={tmp_path / 'mine.csv'}"
    assert members("low,indo_european", own) == ["is", "de"]


def test_groups_of_another_format_and_of_a_corpus(tmp_path: Path) -> None:
    folder = build_xfactr(tmp_path)
    found = expand("search", ["-m", "dataset=xfactr", f"dataset.path={folder}", "language=all"])
    assert found[2] == "language=fr,ru,zh"
    (tmp_path / "is.txt").write_text("x")
    assert expand("vectors", ["-m", "corpus=text", f"corpus.path={tmp_path}", "language=all"])[2] == "language=is"
    assert expand("search", ["-m", "dataset=cldr", "language=all"])[1].count(",") == 51


def test_a_folder_that_cannot_be_read_is_told_once_and_not_by_52_jobs(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no file or folder"):
        expand("search", ["-m", "language=all", "dataset=mlama", f"dataset.path={tmp_path / 'gone'}"])


def test_a_group_over_datasets_of_different_languages_is_refused() -> None:
    with pytest.raises(BenchError, match=r"(?s)several datasets at once.*dataset=xfactr: ceb.*Give codes"):
        expand("search", ["-m", "language=all", "dataset=mlama,xfactr"])
    assert expand("search", ["-m", "language=all", "dataset=mlama,cldr"])[0].count(",") == 51


@pytest.mark.parametrize("code", ["ilo", "alt", "lo", "mi"])
def test_a_language_whose_code_is_like_a_groups_name_is_no_slip(code: str) -> None:
    assert expand("search", [f"language={code}"]) == [f"language={code}"]
