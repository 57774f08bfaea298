"""The logit lens against Hugging Face's own forward, norm and head; its bands; and what it refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lrp2_bench.analyses.lens.compute import OBJECTS, lens, summarised
from lrp2_bench.analyses.lens.prompts import LensPrompt, lens_prompts
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data.mlama import MLama
from lrp2_bench.interventions.projection import as_edit, shifts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.stats.clusters import clusters_of
from tests.analyses.alignment.test_job import analyze, home
from tests.support import naive
from tests.support.commands import ToyJob
from tests.support.families import build_family
from tests.support.loading import load_as
from tests.support.probing import load
from tests.support.vectors import two_random_vectors

PAIR = LayerPair(1, 3)


def _head(model: Any, states: torch.Tensor) -> torch.Tensor:
    """Everything behind the last block, as each model's own code has it."""
    if hasattr(model, "cls"):
        return model.cls(states)
    norm = model.transformer.ln_f if hasattr(model, "transformer") else model.model.norm
    return model.lm_head(norm(states))


def _plainly(model: LayeredModel, prompt: LensPrompt, pair: LayerPair | None) -> np.ndarray:
    """``[object, layer]`` of one prompt by itself."""
    ids = torch.tensor([prompt.ids])
    with naive.moved(model.model, pair, *two_random_vectors(model, 3)), torch.no_grad():
        states = naive.states(model.model, ids)[:, 0, prompt.position]
        shares = _head(model.model, states).softmax(dim=-1)
        torch.testing.assert_close(shares[-1], model.model(ids).logits[0, prompt.position].softmax(dim=-1))
    tokens = [prompt.own, prompt.pivot, prompt.own if prompt.other is None else prompt.other]
    return shares[:, tokens].T.double().numpy()


@pytest.mark.parametrize("architecture", ["bert", "bloom", "llama"])
def test_every_layer_is_read_as_the_models_own_norm_and_head_would(
    architecture: str, model_folder: Callable[[str], Path], tmp_path: Path, toy_mlama: Path
) -> None:
    model = load_as(build_family(tmp_path, "llama")) if architecture == "llama" else load(model_folder(architecture))
    facts = MLama(toy_mlama).facts("de", "en", DataWarnings())
    data_warnings = DataWarnings()
    prompts = lens_prompts(model, facts, data_warnings)
    left_out = sum(entry["count"] for entry in data_warnings.as_dict().values())
    assert len(prompts) > 8 and len(prompts) + left_out >= 24
    language, pivot = two_random_vectors(model, 3)
    edit, control = as_edit(shifts(language, pivot)), as_edit(torch.zeros_like(language))
    found = lens(model, "de", prompts, PAIR, (edit, control), batch_tokens=40)
    assert found.shape == (3, len(OBJECTS), 5, len(prompts))
    for place, prompt in enumerate(prompts):
        for run, pair in enumerate((None, PAIR)):
            expected = _plainly(model, prompt, pair)
            if prompt.other is None:
                expected[2] = np.nan
            np.testing.assert_allclose(found[run, :, :, place], expected, atol=2e-6, rtol=1e-4)
    np.testing.assert_allclose(found[2], found[0], atol=1e-6), "a shift of nothing is the baseline"
    assert np.nanmax(np.abs(found[1, :, 1:] - found[0, :, 1:])) > 1e-3


def test_prompts_end_where_the_first_token_is_read_in_which_both_objects_differ(
    model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    facts = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings())
    for architecture in ("bert", "bloom"):
        model = load(model_folder(architecture))
        prompts = lens_prompts(model, facts, DataWarnings())
        for prompt in prompts:
            assert prompt.own != prompt.pivot and prompt.other not in (prompt.own, prompt.pivot)
            if architecture == "bert":
                assert prompt.ids[prompt.position] == model.tokenizer.mask_token_id
            else:
                assert prompt.position == len(prompt.ids) - 1
                assert " ist" in model.tokenizer.decode(prompt.ids)
        known = {fact.subject_id for fact in facts.relations[0].facts}
        assert {prompt.subject for prompt in prompts} <= known


def test_bands_hold_the_mean_and_widen_where_facts_are_clustered() -> None:
    rng = np.random.default_rng(0)
    subjects = np.repeat(np.arange(20), 10)
    skill = rng.random(20)[subjects]
    values = np.clip(skill + 0.05 * rng.standard_normal((3, 3, 4, 200)), 0, 1)
    values[0, 2, :, :5] = np.nan
    by_fact = summarised("de", PAIR, values, clusters_of([str(place) for place in range(200)]), 500, 0)
    by_subject = summarised("de", PAIR, values, clusters_of(subjects.astype(str).tolist()), 500, 0)
    assert (by_fact.clusters, by_subject.clusters, by_subject.facts) == (200, 20, 200)
    np.testing.assert_allclose(by_subject.bands[..., 0], 100 * np.nanmean(values, axis=-1))
    for one in (by_fact, by_subject):
        assert (one.bands[..., 1] <= one.bands[..., 0]).all() and (one.bands[..., 0] <= one.bands[..., 2]).all()
        assert one.change is not None and one.beyond_random is not None
        np.testing.assert_allclose(one.change[..., 0], one.bands[1, ..., 0] - one.bands[0, ..., 0])
    widths = [(one.bands[..., 2] - one.bands[..., 1]).mean() for one in (by_fact, by_subject)]
    assert widths[1] > 2 * widths[0]


def test_the_analysis_writes_tables_figure_and_details_of_baseline_lrp2_and_controls(
    toy_job: Callable[..., ToyJob],
) -> None:
    job = toy_job()
    assert analyze(job, "pair=[1,3]", "analysis.resamples=100", analysis="lens") == 0
    folder, model = home(job, "lens"), job.model.name
    rows = list(csv.DictReader((folder / f"lens_all_{model}.csv").open()))
    assert len(rows) == 3 * 3 * 5 and {row["run"] for row in rows} == {"baseline", "lrp2", "random"}
    (line,) = csv.DictReader((folder / f"lens_{model}.csv").open())
    last = next(row for row in rows if (row["run"], row["object"], row["layer"]) == ("baseline", "own", "4"))
    assert float(line["own"]) == pytest.approx(float(last["probability"]), abs=1e-5)
    record = json.loads((folder / "analysis.json").read_text("utf-8"))
    assert record["figures"] == [f"lens_{model}"] and (folder / f"lens_{model}.png").stat().st_size > 10_000
    assert {"own", "pivot_highest", "own_change", "pivot_change"} == set(record["summary"])


@pytest.mark.slow
def test_an_encoder_decoder_too_few_facts_and_wrong_settings_are_refused(
    toy_job: Callable[..., ToyJob],
    tmp_path: Path,
    toy_mlama: Path,
    toy_corpus: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from tests.support.seq2seq import build_seq2seq

    job = ToyJob(tmp_path / "job", build_seq2seq(tmp_path / "model", "umt5"), toy_mlama, toy_corpus)
    assert analyze(job, "pair=[1,3]", analysis="lens") == 1
    assert "masked or causal" in capsys.readouterr().err
    other = toy_job(folder="other")
    assert analyze(other, "pair=[1,3]", "dataset.limit=1", analysis="lens") == 1
    assert "at least 10" in capsys.readouterr().err
    assert analyze(other, "analysis.clusters=subjects", analysis="lens") == 1
    assert "subject" in capsys.readouterr().err
