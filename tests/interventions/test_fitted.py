"""Interventions that are fitted: what they refuse, what they fit, and that the cache is of the corpus alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionSettings, VectorSettings
from lrp2_bench.data.cldr.corpus import CldrCorpus
from lrp2_bench.data.text import TextCorpus
from lrp2_bench.interventions.base import FittingData
from lrp2_bench.interventions.cached_fit import FEW, Fitted, cached_fit, codes_lacking
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.interventions.ridge import ridge
from lrp2_bench.interventions.sparse import largest
from lrp2_bench.interventions.subspace import Removal, language_basis
from lrp2_bench.models.layered import LayeredModel
from tests.support.commands import ToyJob, manifest_of
from tests.support.formulas import ridge_by_hand


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"kind": "subspace", "rank": 0}, "projection.rank=0 is no number of directions"),
        ({"kind": "subspace", "rank": 4}, "more than the 3 directions that the means of 4 languages"),
        ({"kind": "sparse", "dimensions": 0.0}, "projection.dimensions=0 is no share"),
        ({"kind": "sparse", "dimensions": 1.5}, "above 0, up to 1"),
        ({"kind": "sparse", "dimensions": math.nan}, "projection.dimensions=nan is no share"),
        ({"kind": "recover", "among": ["fr", "zh"]}, r"lacks 'de'.*projection.among=\[fr,zh,de\]"),
        ({"kind": "subspace", "among": ["de"]}, r"no language but 'de' and 'en'.*such as \[de,fr,zh\]"),
        ({"kind": "affine", "language": "fr"}, "projection.language=fr has no effect on projection=affine"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(settings: dict[str, Any], told: str) -> None:
    made = intervention(ProjectionSettings(**settings))
    with pytest.raises(BenchError, match=f"(?s){told}"):
        made.require("de", "en")
        made.needs("de", "en", lambda: ("de", "en", "fr", "zh"))


@pytest.mark.parametrize(
    ("settings", "label", "identity"),
    [
        ({"kind": "subspace", "rank": 3}, "subspace_rank3", "subspace(rank=3)"),
        ({"kind": "subspace"}, "subspace", "subspace(rank=languages-1, at most 16)"),
        ({"kind": "sparse", "dimensions": 0.1}, "sparse_dims0.1", "sparse(dimensions=0.1)"),
        ({"kind": "recover", "keep_norm": True, "among": ["de", "fr"]}, "recover_of2_norm", "recover(keep_norm=true)"),
    ],
)
def test_settings_that_decide_hits_are_in_label_and_identity(
    settings: dict[str, Any], label: str, identity: str
) -> None:
    made = intervention(ProjectionSettings(**settings))
    assert (made.label, made.identity(None)) == (label, identity)


@pytest.mark.parametrize("sentences", [12, 40])
def test_ridge_is_that_of_the_normal_equations_with_each_sentence_left_out_in_turn(sentences: int) -> None:
    generator = torch.Generator().manual_seed(sentences)
    x = torch.randn(sentences, 20, generator=generator)
    y = x[:, :8] * 2 + 0.5 * torch.randn(sentences, 8, generator=generator) + 3
    fit, states = ridge(x, y), torch.randn(5, 20, generator=generator)
    torch.testing.assert_close(states @ fit.weight.T + fit.bias, ridge_by_hand(x, y)(states), atol=1e-4, rtol=1e-4)


def test_sentences_that_never_vary_are_mapped_onto_the_targets_mean() -> None:
    fit = ridge(torch.ones(6, 4), torch.arange(12.0).reshape(6, 2))
    torch.testing.assert_close(torch.ones(4) @ fit.weight.T + fit.bias, torch.tensor([5.0, 6.0]))


def test_dimensions_that_never_vary_come_first_where_languages_differ_in_them() -> None:
    shift, deviation = torch.tensor([[1.0, 0.0, 5.0, 0.1]]), torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    assert largest(shift, deviation, 0.25).tolist() == [[False, False, False, True]]
    assert largest(shift, deviation, 0.5).tolist() == [[False, False, True, True]]
    assert largest(shift, deviation, 1.0).all() and int(largest(shift, deviation, 0.01).sum()) == 1


def test_languages_that_differ_in_fewer_directions_take_out_those_alone() -> None:
    vectors = {code: torch.randn(3, 8, generator=torch.Generator().manual_seed(1)) for code in ("de", "en", "fr")}
    vectors["zh"] = torch.randn(3, 8, generator=torch.Generator().manual_seed(2))
    data = FittingData("de", "en", None, vectors, ("de", "en", "fr", "zh"))
    basis = language_basis(data, None)
    assert (basis.norm(dim=1) > 0.5).sum(dim=1).tolist() == [1, 1, 1], "three of the four are the same"
    with pytest.raises(BenchError, match="no more than 1 directions"):
        language_basis(data, 2)
    removed = Removal(basis, torch.zeros(3, 8)).enter(1, torch.randn(4, 8))
    torch.testing.assert_close(removed @ basis[1], torch.zeros(4, 3), atol=1e-5, rtol=0)


def _fit(model: LayeredModel, kind: str, corpus: Any, cache: Path, warnings: DataWarnings | None = None) -> Fitted:
    made = intervention(ProjectionSettings(kind))
    needs = made.needs("de", "en", lambda: ())
    sides = ("de", "en")
    return cached_fit(made, needs, model, "digest", corpus, sides, VectorSettings(), cache, warnings or DataWarnings())


def test_what_is_fitted_is_kept_by_what_it_was_fitted_on_and_made_again_where_damaged(
    bert: LayeredModel, toy_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = TextCorpus(str(toy_corpus))
    first = _fit(bert, "sparse", corpus, tmp_path)
    [path] = tmp_path.rglob("*.safetensors")
    monkeypatch.setattr("lrp2_bench.interventions.cached_fit.sentence_means", None)
    again = _fit(bert, "sparse", corpus, tmp_path)
    assert again.origin == first.origin and again.tensors["deviation"].equal(first.tensors["deviation"])
    monkeypatch.undo()
    assert _fit(bert, "sparse", TextCorpus(str(toy_corpus), sentences=5), tmp_path).origin != first.origin
    path.write_bytes(b"damaged")
    assert _fit(bert, "sparse", corpus, tmp_path).tensors["deviation"].equal(first.tensors["deviation"])


def test_affine_maps_of_few_sentences_are_ridges_and_counted(
    bert: LayeredModel, toy_corpus: Path, tmp_path: Path
) -> None:
    warnings = DataWarnings()
    fitted = _fit(bert, "affine", TextCorpus(str(toy_corpus), parallel=True), tmp_path, warnings)
    size = bert.hidden_size
    assert fitted.tensors["there_weight"].shape == (bert.blocks + 1, size, size) and FEW in warnings.as_dict()
    with pytest.raises(BenchError, match=r"(?s)corpus=text has none.*corpus.parallel=true"):
        _fit(bert, "affine", TextCorpus(str(toy_corpus)), tmp_path)


def test_the_embedded_corpus_pairs_names_and_no_facts() -> None:
    pairs = CldrCorpus().translations("de", "en", DataWarnings())
    assert ("Stadt: Wien.", "City: Vienna.") in pairs and len(pairs) > 500
    stated = set(CldrCorpus(sentences=None).sentences("de", DataWarnings()))
    assert all(ours in stated and ":" in ours for ours, _ in pairs)


def test_languages_that_a_corpus_lacks_are_named(toy_corpus: Path) -> None:
    assert codes_lacking(TextCorpus(str(toy_corpus)), ["zh", "fr", "cy"]) == ["fr", "cy"]


def test_a_job_collects_what_it_needs_and_names_what_the_corpus_lacks(
    toy_job: Callable[[], ToyJob], capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("projection=recover", "projection.among=[de,fr,zh]") == 1
    error = capsys.readouterr().err
    assert "has no sentences of fr" in error and "projection.among=[de,en,zh]" in error
    assert job.search("projection=recover", "projection.among=[de,zh]", "damage=false") == 0
    [folder] = (job.outputs / "default").glob("recover_of2/*/mlama/de")
    manifest = manifest_of(folder)
    assert manifest["identity"]["projection"] == "recover(keep_norm=false) among de+en+zh"
    assert set(manifest["identity"]["vectors"]) == {"language", "pivot", "among zh"} and len(manifest["vectors"]) == 3
    assert job.search("projection=recover", "projection.among=[de,en]", "damage=false") == 1
    assert "leaves nothing to compare" in capsys.readouterr().err
