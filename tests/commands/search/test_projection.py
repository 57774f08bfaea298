"""What a corpus lacks of what a projection takes is refused before a model is loaded, with a way out that is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.commands.search.projection import choose_projection, require_sentences
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionSettings, SearchCommand
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.text import TextCorpus

DATASET = ("de", "en", "fr", "zh")


def required(folder: Path, has: str, kind: str, **more: Any) -> None:
    """As a job does it, with a corpus of the languages ``has``."""
    for code in has.split():
        (folder / f"{code}.txt").write_text("Eins.\nZwei.\n", "utf-8")
    settings = SearchCommand(language="de", projection=ProjectionSettings(kind, **more))

    def corpus() -> Corpus:
        return TextCorpus(str(folder))

    require_sentences(choose_projection(settings, lambda: DATASET), settings, corpus, lambda: DATASET)


def refused(folder: Path, has: str, kind: str, **more: Any) -> str:
    with pytest.raises(BenchError) as error:
        required(folder, has, kind, **more)
    return str(error.value)


@pytest.mark.parametrize("kind", ["subspace", "subspace_removal", "recover"])
@pytest.mark.parametrize("among", [None, ["de", "zh", "fr"]])
def test_a_corpus_of_two_languages_cannot_serve_what_compares_more(
    kind: str, among: list[str] | None, tmp_path: Path
) -> None:
    text = refused(tmp_path, "de en", kind, among=among)
    assert "has no sentences of fr, zh" in text and "cannot serve the projection" in text
    assert "projection.among=[" not in text


def test_the_languages_that_are_named_as_left_are_taken(tmp_path: Path) -> None:
    assert "Name languages that it has: projection.among=[de,en,fr]." in refused(tmp_path, "de en fr", "subspace")
    required(tmp_path, "de en fr", "subspace", among=["de", "en", "fr"])
    text = refused(tmp_path, "de en fr", "subspace", rank=3)
    assert "projection.among=[de,en,fr] projection.rank=2." in text
    required(tmp_path, "de en fr", "subspace", among=["de", "en", "fr"], rank=2)


def drawing(other: str) -> int:
    """A seed with which German gets this language's shift."""
    settings = (SearchCommand(language="de", projection=ProjectionSettings("shuffled", seed)) for seed in range(99))
    return next(each.projection.seed for each in settings if choose_projection(each, lambda: DATASET).other == other)


def test_a_third_language_that_was_drawn_and_is_lacking_is_told_with_the_draw(tmp_path: Path) -> None:
    seed = drawing("zh")
    text = refused(tmp_path, "de en fr", "shuffled", seed=seed)
    assert f"takes the vectors of 'zh', which it drew from the dataset's languages (projection.seed={seed})" in text
    assert "projection.language=fr, or those to draw from: projection.among=[de,fr]." in text
    required(tmp_path, "de en fr", "shuffled", seed=seed, language="fr")
    required(tmp_path, "de en fr", "shuffled", seed=seed, among=["de", "fr"])
    required(tmp_path, "de en fr", "shuffled", seed=drawing("fr"))
    assert "which it drew from projection.among" in refused(tmp_path, "de en fr", "shuffled", among=["de", "zh"])


def test_a_third_language_that_was_named_and_is_lacking_is_told_so(tmp_path: Path) -> None:
    for kind in ("shuffled", "other_pivot"):
        text = refused(tmp_path, "de en fr", kind, language="zh")
        assert "'zh', which projection.language names" in text and text.endswith("has: projection.language=fr.")


def test_where_no_third_language_is_left_the_corpus_cannot_serve(tmp_path: Path) -> None:
    assert "this corpus cannot serve the projection" in refused(tmp_path, "de en", "shuffled")


def test_sentences_that_cannot_be_read_are_no_sign_that_others_cannot(tmp_path: Path) -> None:
    (tmp_path / "zh.txt").write_text("", "utf-8")
    text = refused(tmp_path, "de en", "shuffled", language="zh")
    assert "holds no usable sentence" in text and text.endswith("Name another that it has: projection.language=CODE.")
