"""``lrp2-bench check``: counts, prompts and oddities of a dataset; all that is wrong with one that cannot be used."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lrp2_bench.commands.check import SHARED_LABEL, SHARED_SUBJECT, run_check
from lrp2_bench.config.arguments import expand
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import CheckCommand
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.table.dataset import TableDataset
from tests.support.commands import lrp2_bench
from tests.support.paths import MLAMA_ZIP, REPOSITORY, XFACTR_ZIP, needs_mlama, needs_xfactr
from tests.support.toy_table import CAPITALS, WORDINGS, table, write_table


def checked(dataset: Dataset, tokenizer: Any = None, **settings: Any) -> str:
    console = Console(file=io.StringIO(), width=200)
    run_check(CheckCommand(**settings), lambda: dataset, tokenizer, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(text: str, language: str) -> list[str]:
    (row,) = (line for line in text.splitlines() if line.startswith(f"│ {language} "))
    return [cell.strip() for cell in row.strip("│").split("│")]


def test_counts_overlaps_and_prompts_are_told(tmp_path: Path) -> None:
    facts = CAPITALS + "9,language,de,Peru,Spanisch\n10,language,de,Peru,Quechua"
    text = checked(table(tmp_path, facts, WORDINGS + "language,de,In [X] spricht man [Y]."))
    assert cells(text, "de") == ["de", "German", "Latin", "4", "2", "2 (50.0 %)", "50.0 %", "75.0 %", ""]
    assert cells(text, "capital") == ["capital", "2", "2 to 3", "2 to 3", "1"]
    prompts = [line for line in text.splitlines() if line.startswith("de: ")]
    assert len(prompts) == 3 and "de: Die Hauptstadt von Peru ist [Lima]." in prompts
    assert "can be used: 2 languages, 2 relations, 7 facts." in text


def test_languages_of_the_users_own_have_their_names_and_groups(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_table(tmp_path / "facts", CAPITALS.replace(",de,", ",xx,"), WORDINGS.replace(",de,", ",xx,"))
    (tmp_path / "mine.csv").write_text("code,name,family,articles\nxx,Mine,Romance,57000\n")
    own = f"languages.path={tmp_path / 'mine.csv'}"
    assert lrp2_bench("check", str(folder), "language=low", own) == 0
    assert "Mine" in capsys.readouterr().out
    assert lrp2_bench("check", str(folder), "language=low") == 1
    assert "languages.path=FILE.csv gives the families and sizes" in capsys.readouterr().err
    assert lrp2_bench("check", str(folder), f"{own}x") == 1
    assert "languages.path: cannot read" in capsys.readouterr().err


def test_labels_that_two_things_share_are_told(tmp_path: Path) -> None:
    head = "fact,relation,language,subject,object,subject_id,object_id"
    facts = "1,born,en,Paul,Paris,Q1,Q90\n2,born,en,Paul,Paris,Q2,Q830149"
    text = checked(table(tmp_path, facts, "born,en,[X] was born in [Y]", head=head))
    assert f"{SHARED_LABEL}: 1 (en born 'Paris' (Q90, Q830149))" in text
    assert f"{SHARED_SUBJECT}: 1 (en born 'Paul' (Q1, Q2))" in text


def test_what_a_tokenizer_cannot_tell_apart_is_told(tmp_path: Path) -> None:
    def uncased(labels: list[str], **_: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [[ord(letter) for letter in label.lower()] for label in labels]}

    facts = "1,p,en,a,Buddhism\n2,p,en,b,buddhism\n3,p,en,c,Islam"
    text = checked(table(tmp_path, facts, "p,en,[X] [Y]"), uncased)
    assert cells(text, "en")[-1] == "1" and "'buddhism' is read as 'Buddhism'" in text


def test_all_faults_of_a_table_are_told(tmp_path: Path) -> None:
    folder = write_table(tmp_path, "\n".join(f"{n},capital,en,,x" for n in range(40)), WORDINGS)
    with pytest.raises(BenchError) as error:
        checked(TableDataset(folder))
    assert str(error.value).count("no subject for [X]") == 40


def test_every_language_that_cannot_be_asked_is_told(
    toy_mlama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = MLama(toy_mlama)
    whole = dataset.facts

    def broken(language: str, *others: Any) -> Any:
        if language == "en":
            return whole(language, *others)
        raise BenchError(f"'{language}' is broken.")

    monkeypatch.setattr(dataset, "facts", broken)
    with pytest.raises(
        BenchError, match=r"2 of 3 languages of 'mlama' cannot be asked:\n  'de' is.*\n  'zh' is broken."
    ):
        checked(dataset)


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"pivot": "eng"}, "Unknown pivot 'eng'"), ({"languages": ["dee"]}, "Unknown language 'dee'. Did you mean 'de'")],
)
def test_languages_that_are_not_there_are_told(settings: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError) as error:
        checked(table(tmp_path), **settings)
    assert told in str(error.value)


@pytest.mark.parametrize("setting", ["languages=[all]", "languages=[de,all]", "language=all"])
def test_a_group_stands_for_the_languages_that_the_dataset_holds_of_it(
    setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capitals = str(REPOSITORY / "examples" / "capitals")
    assert lrp2_bench("check", capitals, setting) == 0
    said = capsys.readouterr().out
    assert "can be used: 2 languages" in said and not [line for line in said.splitlines() if line.startswith("en: ")]


def test_a_group_that_the_dataset_holds_nothing_of_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for setting in ("languages=[non_indo_european]", "language=non_indo_european"):
        lrp2_bench("check", str(REPOSITORY / "examples" / "capitals"), setting)
        assert "the dataset holds no language of this group" in capsys.readouterr().err


def test_names_are_no_markup_and_no_languages_are_no_check(tmp_path: Path) -> None:
    named = table(tmp_path, "1,see [/x],en,Peru,Lima\n1,[old],en,Peru,Lima", "see [/x],en,[X] [Y]\n[old],en,[X]: [Y]")
    text = checked(named)
    assert cells(text, "see [/x]")[0] == "see [/x]" and cells(text, "[old]")[0] == "[old]"
    with pytest.raises(BenchError, match=r"languages=\[\] leaves nothing to check: give some"):
        checked(named, languages=[])


def test_a_path_is_given_by_itself(tmp_path: Path) -> None:
    (folder := tmp_path / "seed=1").mkdir()
    assert expand("check", [str(folder), "seed=1"]) == ["seed=1", f"dataset.path='{folder}'"]
    assert expand("report", [str(folder)]) == [f"inputs=['{folder}']"]
    assert expand("check", [f"dataset.path={folder}"]) == [f"dataset.path={folder}"]
    assert expand("check", ["my facts.csv", "language=de"]) == ["languages=[de]", "dataset.path='my facts.csv'"]
    with pytest.raises(BenchError, match="'a' is not a setting"):
        expand("check", ["a", "b"])


def test_the_example_can_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert lrp2_bench("check", str(REPOSITORY / "examples" / "capitals"), "model=tiny_mbert") == 0
    assert "'table' can be used: 3 languages, 2 relations, 25 facts." in capsys.readouterr().out


def test_a_table_that_cannot_be_used_ends_with_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_table(tmp_path, "1,capital,en,Peru,", WORDINGS)
    assert lrp2_bench("check", str(folder)) == 1
    assert "facts.csv line 2: no object" in capsys.readouterr().err


@needs_mlama
@needs_xfactr
@pytest.mark.slow
@pytest.mark.parametrize(("name", "path"), [("mlama", MLAMA_ZIP), ("xfactr", XFACTR_ZIP)])
def test_published_datasets_can_be_used(name: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lrp2_bench("check", str(path), f"dataset={name}") == 0
    assert f"'{name}' can be used:" in capsys.readouterr().out


def test_facts_without_a_subject_share_no_label_of_one(tmp_path: Path) -> None:
    facts = "1,q,en,,green,Grass is [Y]\n2,q,en,,blue,The sky is [Y]"
    text = checked(table(tmp_path, facts, head="fact,relation,language,subject,object,template", templates=""))
    assert SHARED_SUBJECT not in text and cells(text, "en")[6:8] == ["0.0 %", "100.0 %"]
