"""Runs of different configurations, or in another experiment, get labels that say how they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.report.agreement import label_runs
from lrp2_bench.results.runs import find_runs
from tests.support.run_folders import write_run

MODEL = {"name": "mbert", "blocks": 12, "digest": "sha256:abc", "revision": "main"}
PAIRS = {(1, 2): (21.0, 31.0)}


def labels(root: Path) -> dict[tuple[str, str], list[str]]:
    """The languages by (model, label), sorted."""
    found: dict[tuple[str, str], list[str]] = {}
    for run in label_runs(find_runs([root])[0])[0]:
        found.setdefault((run.model, run.label), []).append(run.language)
    return {key: sorted(codes) for key, codes in found.items()}


def test_runs_that_differ_only_in_their_language_have_no_label(tmp_path: Path) -> None:
    for language in ("de", "fr"):
        write_run(tmp_path, language, (20, 30), PAIRS)
    write_run(tmp_path, "en", (35, 100), manifest={"config": {"corpus": {"sentences": 10}}})
    assert labels(tmp_path) == {("mbert", ""): ["de", "en", "fr"]}


@pytest.mark.parametrize(
    ("shown", "odd"),
    [
        ("model.digest=sha256:other", {"model": MODEL | {"digest": "sha256:other"}}),
        ("model.revision=v2", {"model": MODEL | {"revision": "v2"}}),
        ("model.blocks=24", {"model": MODEL | {"blocks": 24}}),
        ("pivot=es", {"pivot": "es"}),
        ("dataset digest kind=md5", {"dataset": {"name": "mlama", "digest": "md5:1"}}),
        ("probing.pool_size=10", {"identity": {"probing": {"pool_size": 10}}}),
        ("model.precision=bfloat16", {"identity": {"model": {"precision": "bfloat16"}}}),
        ("dataset.limit=5", {"config": {"dataset": {"limit": 5}}}),
        ("corpus.sentences=10", {"config": {"corpus": {"sentences": 10}}}),
        ("vectors.path=mine", {"config": {"vectors": {"path": "mine"}}}),
    ],
)
def test_each_setting_that_must_agree_tells_runs_of_one_experiment_apart(
    tmp_path: Path, shown: str, odd: dict[str, Any]
) -> None:
    write_run(tmp_path, "de", (20, 30), PAIRS)
    write_run(tmp_path, "fr", (20, 30), PAIRS, manifest=odd)
    runs, remarks = label_runs(find_runs([tmp_path])[0])
    by_language = {run.language: run.label for run in runs}
    assert by_language["fr"] == f"paper ({shown})"
    assert by_language["de"].startswith(f"paper ({shown.split('=')[0]}=")
    assert len(remarks) == 1 and "experiment 'paper' have different configurations" in remarks[0]


def test_a_run_of_baselines_stands_with_each_group_that_it_agrees_with(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), PAIRS)
    write_run(tmp_path, "fr", (20, 30), PAIRS, manifest={"config": {"corpus": {"sentences": 10}}})
    write_run(tmp_path, "en", (35, 100))
    assert sorted(labels(tmp_path).values()) == [["de", "en"], ["en", "fr"]]


def test_two_experiments_are_labelled_by_their_names_without_a_remark(tmp_path: Path) -> None:
    for experiment in ("one", "two"):
        write_run(tmp_path, "de", (20, 30), experiment=experiment)
    assert labels(tmp_path) == {("mbert", "one"): ["de"], ("mbert", "two"): ["de"]}
    assert label_runs(find_runs([tmp_path])[0])[1] == []


def test_experiments_of_different_models_or_datasets_need_no_label(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), experiment="one")
    write_run(tmp_path, "de", (20, 30), experiment="two", model="xlmr")
    write_run(tmp_path, "de", (20, 30), experiment="three", dataset="cldr")
    assert {label for _, label in labels(tmp_path)} == {""}


def test_ablations_are_labelled_with_the_runs_they_are_compared_with(tmp_path: Path) -> None:
    random = {"projection": {"kind": "random", "label": "random"}}
    for experiment in ("one", "two"):
        write_run(tmp_path, "de", (20, 30), PAIRS, experiment=experiment)
    write_run(tmp_path, "de", (20, 30), PAIRS, experiment="one/random", manifest=random)
    assert set(labels(tmp_path)) == {("mbert", "one"), ("mbert", "two"), ("mbert_random", "one")}


def projected(label: str, pool: int | str = "full", **more: Any) -> dict[str, Any]:
    """A manifest of a projection; ``more`` overrides."""
    identity = {"probing": {"pool_size": pool}, "projection": label}
    return {"projection": {"kind": label, "label": label}, "identity": identity} | more


def test_an_ablation_of_other_settings_is_told_apart_from_lrp2(tmp_path: Path) -> None:
    for language in ("de", "fr"):
        write_run(tmp_path, language, (20, 30), PAIRS, manifest=projected("lrp2", 10))
        write_run(tmp_path, language, (10, 30), PAIRS, experiment="paper/random", manifest=projected("random"))
    assert labels(tmp_path) == {
        ("mbert", "paper (probing.pool_size=10)"): ["de", "fr"],
        ("mbert_random", "paper (probing.pool_size=full)"): ["de", "fr"],
    }
    _, remarks = label_runs(find_runs([tmp_path])[0])
    assert len(remarks) == 1 and "pool_size=10" in remarks[0] and "pool_size=full" in remarks[0]


def test_where_lrp2s_runs_are_told_apart_an_ablation_has_the_label_of_those_it_agrees_with(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), PAIRS, manifest=projected("lrp2", 10))
    write_run(tmp_path, "fr", (20, 30), PAIRS, manifest=projected("lrp2"))
    write_run(tmp_path, "de", (20, 30), PAIRS, experiment="paper/random", manifest=projected("random", 10))
    write_run(tmp_path, "de", (20, 30), PAIRS, experiment="paper/affine", manifest=projected("affine"))
    write_run(tmp_path, "en", (35, 100), manifest=projected("lrp2"))
    assert labels(tmp_path) == {
        ("mbert", "paper (probing.pool_size=10)"): ["de"],
        ("mbert", "paper (probing.pool_size=full)"): ["en", "fr"],
        ("mbert_random", "paper (probing.pool_size=10)"): ["de"],
        ("mbert_affine", "paper (probing.pool_size=full)"): ["de"],
    }


def test_projections_may_have_tokens_strengths_and_vectors_of_their_own(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), PAIRS)
    own = {
        "projection": "random",
        "tokens": "text",
        "strength": [0.5, 0.5],
        "vectors": {"language": "others", "fit": "f"},
    }
    other = projected("random_text_s0.5", identity=own, config={"corpus": {"sentences": 10}})
    write_run(tmp_path, "de", (20, 30), PAIRS, experiment="paper/random_text_s0.5", manifest=other)
    assert set(labels(tmp_path)) == {("mbert", ""), ("mbert_random_text_s0.5", "")}


def test_vectors_that_tell_lrp2s_runs_apart_tell_its_ablations_apart_too(tmp_path: Path) -> None:
    few = {"config": {"corpus": {"sentences": 10}}}
    write_run(tmp_path, "de", (20, 30), PAIRS, manifest=few)
    write_run(tmp_path, "fr", (20, 30), PAIRS)
    write_run(tmp_path, "en", (35, 100), manifest=few)
    write_run(tmp_path, "de", (20, 30), PAIRS, experiment="paper/random", manifest=projected("random") | few)
    odd = projected("affine", config={"corpus": {"sentences": 7}})
    write_run(tmp_path, "de", (20, 30), PAIRS, experiment="paper/affine", manifest=odd)
    assert labels(tmp_path) == {
        ("mbert", "paper (corpus.sentences=10)"): ["de", "en"],
        ("mbert", "paper (corpus.sentences=1000)"): ["en", "fr"],
        ("mbert_random", "paper (corpus.sentences=10)"): ["de"],
        ("mbert_affine", "paper (corpus.sentences=7)"): ["de"],
    }


@pytest.mark.parametrize(
    ("shown", "odd"),
    [
        ("probing.filtered=true", {"probing": {"filtered": True}}),
        ("probing.templates=all", {"probing": {"templates": "all"}}),
        ("model.quantization=int8", {"model": {"quantization": "int8"}}),
    ],
)
def test_a_setting_that_is_left_out_stands_for_its_default(tmp_path: Path, shown: str, odd: dict[str, Any]) -> None:
    write_run(tmp_path, "de", (20, 30), PAIRS)
    write_run(tmp_path, "fr", (20, 30), PAIRS, manifest={"identity": odd})
    assert {label: codes for (_, label), codes in labels(tmp_path).items()}[f"paper ({shown})"] == ["fr"]


def test_one_experiment_in_two_output_folders_joins_unless_a_language_is_in_both(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "de", (20, 30))
    write_run(tmp_path / "b", "fr", (20, 30))
    assert labels(tmp_path) == {("mbert", ""): ["de", "fr"]}
    write_run(tmp_path / "b", "de", (20, 30))
    assert labels(tmp_path) == {("mbert", "paper (a/paper)"): ["de"], ("mbert", "paper (b/paper)"): ["de", "fr"]}


def test_two_folders_of_an_experiment_that_say_they_are_of_one_language_are_refused(tmp_path: Path) -> None:
    folders = [write_run(tmp_path, "de", (20, 30)), write_run(tmp_path, "fr", (20, 30), manifest={"language": "de"})]
    with pytest.raises(BenchError, match="Two runs of language 'de'") as caught:
        label_runs(find_runs([tmp_path])[0])
    assert all(str(folder) in str(caught.value) for folder in folders)


def test_runs_of_one_model_under_digests_of_two_rules_stand_together(tmp_path: Path) -> None:
    rules = {
        "de": {"digest": "former"},
        "fr": {"digest": "new", "other_digest": "former"},
        "nl": {"digest": "former", "other_digest": "new"},
        "it": {"digest": "new", "other_digest": "former of other files that decide nothing"},
    }
    for language, digests in rules.items():
        write_run(tmp_path, language, (20, 30), PAIRS, manifest={"model": MODEL | digests})
    assert labels(tmp_path) == {("mbert", ""): ["de", "fr", "it", "nl"]}
    write_run(tmp_path, "es", (20, 30), PAIRS, manifest={"model": MODEL | {"digest": "another"}})
    assert sorted(labels(tmp_path).values()) == [["de", "fr", "it", "nl"], ["es"]]
