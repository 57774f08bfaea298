"""``analysis=languages``: trees, maps and agreement, from vectors with planted kin."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.core.languages import LANGUAGES
from lrp2_bench.core.settings import ModelSettings
from lrp2_bench.interventions.vectors import _FORMAT, LanguageVectors, save_vectors
from lrp2_bench.models.loading import find_checkpoint
from tests.support.commands import lrp2_bench
from tests.support.run_folders import every_pair, write_run

CODES = ("ar", "az", "be", "bg", "ceb", "cs", "da", "de", "en", "es", "et", "fi", "he", "hu", "id", "ms", "ru", "tr")


@pytest.fixture
def planted(tmp_path: Path, model_folder: Callable[[str], Path]) -> Callable[..., list[str]]:
    """Arguments for a small BERT whose vectors put families together at layer 0 and scripts at layer 4."""
    folder = model_folder("bert")
    digest = find_checkpoint(ModelSettings(path=str(folder))).digest
    rng = np.random.default_rng(0)
    kinds = [sorted({LANGUAGES[code].family for code in CODES}), sorted({LANGUAGES[code].script for code in CODES})]
    spaces = [10 * np.eye(len(kind), 32) for kind in kinds]
    for code in CODES:
        at = (kinds[0].index(LANGUAGES[code].family), kinds[1].index(LANGUAGES[code].script))
        ends = spaces[0][at[0]], spaces[1][at[1]]
        layers = [ends[0] * (1 - k / 4) + ends[1] * k / 4 + 100 + 0.2 * rng.normal(size=32) for k in range(5)]
        values = torch.from_numpy(np.stack(layers)).float()
        metadata = {"format": _FORMAT, "language": code, "model_digest": digest}
        save_vectors(LanguageVectors(code, values, metadata), tmp_path / "vectors" / f"{code}.safetensors")

    def arguments(languages: str = ",".join(CODES)) -> list[str]:
        return [
            "analyze", "analysis=languages", "model=hf", f"model.path={folder}", "dataset=mlama", "corpus=text",
            "corpus.path=/nowhere", f"vectors.path={tmp_path / 'vectors'}", f"language={languages}",
            f"paths.outputs={tmp_path / 'outputs'}", "analysis.permutations=999",
        ]  # fmt: skip

    return arguments


def rows(folder: Path, stem: str) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / f"{stem}.csv").open(encoding="utf-8")))


def test_planted_families_and_scripts_are_found_at_their_layers(
    planted: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert lrp2_bench(*planted()) == 0
    folder = tmp_path / "outputs" / "default" / "bert" / "analyses" / "languages"
    layers = rows(folder, "languages_agreement_bert")
    assert float(layers[0]["family_rand"]) == 1 and float(layers[0]["family_p"]) < 0.01
    assert float(layers[4]["script_rand"]) == 1 and float(layers[4]["script_kin"]) > 85
    assert float(layers[4]["family_rand"]) < 0.5 and float(layers[0]["script_rand"]) < 0.5
    assert {row["optimal"] for row in layers} == {""}
    languages = {row["language"]: row for row in rows(folder, "languages_bert")}
    assert set(languages) == set(CODES)
    assert languages["id"]["nearest_0"] in ("ceb", "ms") and languages["be"]["nearest_4"] in ("bg", "ru")
    record = json.loads((folder / "analysis.json").read_text("utf-8"))
    drawn = [f"languages_map_bert_layer_{layer}" for layer in (0, 2, 4)]
    assert record["figures"] == [*drawn, "languages_tree_bert", "languages_agreement_bert"]
    assert record["summary"]["languages/family_layer"] == 0


def test_optimal_layers_come_from_the_experiments_finished_searches_of_the_same_weights(
    planted: Callable[..., list[str]],
    model_folder: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Languages of a family have the same best pair, so near vectors have near layers at layer 0.
    family_best = {(1, 2): ("ar", "he"), (2, 3): ("et", "fi", "hu"), (3, 4): ("ceb", "id", "ms"), (1, 4): ("az", "tr")}
    digest = find_checkpoint(ModelSettings(path=str(model_folder("bert")))).digest
    model = {"name": "bert", "blocks": 4, "digest": digest, "revision": None}
    for code, pair in [(code, pair) for pair, codes in family_best.items() for code in codes]:
        pairs = {key: (value if key != pair else (90, 90)) for key, value in every_pair(4).items()}
        write_run(
            tmp_path / "outputs", code, (20, 30), pairs, model="bert", experiment="default", manifest={"model": model}
        )
    elsewhere = {"model": model, "pivot": "de"}
    write_run(
        tmp_path / "outputs", "be", (20, 30), every_pair(4), model="bert", experiment="default", manifest=elsewhere
    )
    assert lrp2_bench(*planted(), "analysis.layers=[0]") == 0
    assert "Searches with another pivot have no layer pairs for 'en': 1 (be)" in capsys.readouterr().err
    folder = tmp_path / "outputs" / "default" / "bert" / "analyses" / "languages"
    layers = rows(folder, "languages_agreement_bert")
    assert float(layers[0]["optimal"]) > 0.3 and float(layers[0]["optimal_p"]) < 0.05
    languages = {row["language"]: row for row in rows(folder, "languages_bert")}
    assert (languages["fi"]["best_lirp"], languages["fi"]["best_lsrp"]) == ("2", "3")
    assert languages["de"]["best_lirp"] == "" and "nearest_4" not in languages["hu"]
    write_run(tmp_path / "outputs", "de", (20, 30), every_pair(4), blocks=4, model="bert", experiment="default")
    assert lrp2_bench(*planted(), "analysis.layers=[0]") == 1
    assert "made with other weights" in capsys.readouterr().err


def test_fewer_than_four_languages_have_cosines_and_the_reason_why_no_more(
    planted: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lrp2_bench(*planted("de,es")) == 0
    assert "at least 4 languages; with the pivot there are 3" in " ".join(capsys.readouterr().out.split())
    folder = tmp_path / "outputs" / "default" / "bert" / "analyses" / "languages"
    (table,) = folder.glob("*.csv")
    (_, english, _) = rows(folder, table.stem)
    assert float(english["cosine_4"]) == pytest.approx(1)


def test_four_languages_of_one_family_are_drawn_and_not_tested(
    planted: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert lrp2_bench(*planted("de,es,da")) == 0
    folder = tmp_path / "outputs" / "default" / "bert" / "analyses" / "languages"
    assert {row["family_rand"] for row in rows(folder, "languages_agreement_bert")} == {""}
    assert (folder / "languages_tree_bert.png").exists()
    assert not (folder / "languages_agreement_bert.png").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("analysis.layers=[0,5]", "0 (embedding) to 4"),
        ("analysis.layers=[]", "0 (embedding) to 4"),
        ("analysis.layers=2", "give a list such as [0,4]"),
        ("analysis.permutations=9", "99 at least"),
        ("language=de,xx", "xx"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    given: str, told: str, planted: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert lrp2_bench(*planted(), given) == 1
    assert told in capsys.readouterr().err
