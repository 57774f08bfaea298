"""The package used from Python: names that load nothing, searches that resume, results as tables."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import lrp2_bench as lrp2
from lrp2_bench.config.compose import conf_dir
from lrp2_bench.core.errors import BenchError, UnknownNameError
from tests.support.commands import ToyJob, contents, snapshot
from tests.support.run_folders import write_run
from tests.support.synthetic_runs import write_synthetic_run

IMPORTS = """
import sys
before = set(sys.modules)
import lrp2_bench as lrp2
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
assert not loaded & HEAVY, sorted(loaded & HEAVY)
lrp2.models(), lrp2.datasets(), lrp2.corpora(), lrp2.metrics(), lrp2.interventions(), lrp2.__version__
assert not {"torch", "transformers", "pandas"} & set(sys.modules)
import lrp2_bench.search.study, lrp2_bench.models.names, lrp2_bench.metrics, lrp2_bench.interventions.projection as p
assert lrp2_bench.search.study.write_study and p.__name__ == "lrp2_bench.interventions.projection"
assert "tiny_bloom" in lrp2.models() and "accuracy" in lrp2.metrics() and "lrp2" in lrp2.interventions()
from lrp2_bench import models, search
assert models is lrp2.models and callable(search)
"""


def test_importing_it_loads_no_library_and_its_names_survive_the_folders_of_the_same_name() -> None:
    heavy = "HEAVY = {'torch', 'transformers', 'pandas', 'numpy', 'hydra', 'omegaconf', 'optuna', 'pyarrow', 'rich'}\n"
    done = subprocess.run([sys.executable, "-c", heavy + IMPORTS], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there_documented_and_typed() -> None:
    assert set(lrp2.__all__) <= set(dir(lrp2))
    for name in lrp2.__all__:
        found = getattr(lrp2, name)
        if name != "__version__":
            assert inspect.getdoc(found), name
    assert "language" in inspect.signature(lrp2.search).parameters
    assert (Path(lrp2.__file__).parent / "py.typed").exists()
    with pytest.raises(AttributeError, match="has no attribute 'serach'"):
        lrp2.serach  # noqa: B018


def test_names_to_choose_from_are_sorted_and_known_to_the_command() -> None:
    for names in (lrp2.models(), lrp2.datasets(), lrp2.corpora(), lrp2.metrics(), lrp2.interventions()):
        assert names == sorted(set(names)) and names
    assert "hf" not in lrp2.models() and {"mbert", "tiny_bloom"} <= set(lrp2.models())
    assert {"mlama", "cldr"} <= set(lrp2.datasets()) and "random" in lrp2.interventions()


def _search(job: ToyJob, **more: object) -> lrp2.Results:
    return lrp2.search(
        model=job.model, dataset="mlama", corpus="text", language="de", outputs=job.outputs,
        **{"dataset.path": job.mlama, "corpus.path": job.corpus, "corpus.sentences": 1, "paths.cache": job.root / "c"},
        **more,
    )  # fmt: skip


def test_a_search_from_python_writes_what_the_command_does_and_resumes(
    toy_job: object, finished_job: ToyJob, undisturbed: dict[str, bytes]
) -> None:
    job: ToyJob = toy_job()  # type: ignore[operator]
    results = _search(job)
    assert contents(job.folder()) == undisturbed
    assert [run.folder for run in results.runs] == [job.folder()]
    relations = snapshot(job.folder() / "relations")
    assert job.search("corpus.sentences=1", f"paths.cache={job.root / 'c'}") == 0, "the command goes on in its folder"
    again = _search(job)
    assert snapshot(job.folder() / "relations") == relations, "nothing is computed twice"
    pd.testing.assert_frame_equal(again.pairs, results.pairs)
    other = _search(job, experiment="other", select_by="accuracy", overrides=["search=baseline"])
    assert other.experiments == ["other"] and len(other.pairs) == 1


def test_what_the_command_line_would_say_is_an_error_here(tmp_path: Path) -> None:
    def search(**more: object) -> None:
        lrp2.search(**{"model": "tiny_bloom", "language": "de", "outputs": tmp_path, **more})  # type: ignore[arg-type]

    for wrong, said in (
        ({"model": "tiny_blom"}, "Did you mean 'tiny_bloom'"),
        ({"dataset": "cldrr"}, "Did you mean 'cldr'"),
        ({"dataset.limt": 3}, "Did you mean 'dataset.limit'"),
        ({"select_by": "acuracy"}, "Did you mean 'accuracy'"),
        ({"overrides": ["model=null"]}, "Unknown model 'null'"),
        ({"plan": True}, "lrp2-bench search plan=true"),
        ({"language": "hihg"}, "Did you mean 'high'"),
    ):
        with pytest.raises(BenchError, match=said):
            search(**wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_uses_hydra_itself_keeps_its_own(tmp_path: Path) -> None:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        with pytest.raises(BenchError, match="Unknown dataset"):
            lrp2.search(model="tiny_bloom", language="de", dataset="nothing", outputs=tmp_path)
        assert compose(config_name="report").quiet is False


def test_a_model_and_vectors_by_themselves(finished_job: ToyJob, tmp_path: Path) -> None:
    model = lrp2.load_model(finished_job.model, device="cpu")
    vectors = lrp2.language_vectors(
        finished_job.model, "de", corpus="text",
        **{"corpus.path": finished_job.corpus, "corpus.sentences": 2, "paths.cache": tmp_path},
    )  # fmt: skip
    assert vectors.language == "de" and tuple(vectors.values.shape) == (1 + model.blocks, model.hidden_size)
    with pytest.raises(BenchError, match="Did you mean 'model.precision'"):
        lrp2.load_model(finished_job.model, precison="bfloat16")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Experiments ``one`` (de, fr and the pivot) and ``two`` (de, where pairs help), and a run that failed."""
    root = tmp_path_factory.mktemp("api")
    for experiment, languages, gain in (("one", ("de", "fr"), 0.0), ("two", ("de",), 1.5)):
        for language in languages:
            write_synthetic_run(root / experiment, language, blocks=3, facts=200, gain=gain)
        for folder in (root / experiment / "paper").iterdir():
            folder.rename(root / experiment / folder.name)
        (root / experiment / "paper").rmdir()
    write_run(root, "en", (34, 100), experiment="one", blocks=3)
    write_run(root, "ja", (20, 30), experiment="two", state="failed", status={"message": "no <disk>"})
    return root


@pytest.fixture(scope="module")
def results(outputs: Path) -> lrp2.Results:
    return lrp2.load_results(outputs)


NAMES = ["experiment", "model", "dataset", "language", "projection"]


def test_tables_name_the_strengths_of_both_ways(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (40, 38), {(1, 2): (45, 44)}, manifest={"projection": {"strength": [0.5, 0.25]}})
    results = lrp2.load_results(tmp_path)
    for frame in (results.pairs, results.best()):
        assert set(frame.strength) == {0.5} and set(frame.strength_back) == {0.25}


def test_pairs_are_pairs_csv_with_the_runs_names(results: lrp2.Results, outputs: Path) -> None:
    pairs = results.pairs
    assert list(pairs.columns) == [
        *NAMES, "strength", "strength_back", "lirp", "lsrp", "accuracy", "transferability", "facts", "shared",
    ]  # fmt: skip
    assert len(results) == 4 and len(pairs) == 3 * 4 + 1 and results.experiments == ["one", "two"]
    chosen = pairs[(pairs.experiment == "two") & (pairs.language == "de")].reset_index(drop=True)
    stored = pd.read_csv(outputs / "two" / "mbert" / "mlama" / "de" / "pairs.csv").astype(
        {"lirp": "Int64", "lsrp": "Int64"}
    )
    pd.testing.assert_frame_equal(chosen[list(stored.columns)], stored)
    assert chosen.lirp.isna().tolist() == [True, False, False, False] and set(chosen.strength) == {1.0}


def test_best_has_a_row_a_searched_run_with_the_held_out_gain_between_its_bounds(results: lrp2.Results) -> None:
    best = results.best(metric="accuracy").set_index(["experiment", "language"])
    assert sorted(best.index) == [("one", "de"), ("one", "fr"), ("two", "de")]
    for row in best.itertuples():
        assert row.gain == pytest.approx(row.value - row.baseline) and row.gain_low <= row.gain <= row.gain_high
        assert row.held_out_low <= row.held_out <= row.held_out_high
    helped, chance = best.loc[("two", "de")], best.loc[("one", "de")]
    assert helped.held_out_low > 0 and helped.held_out_p < 0.05
    assert chance.held_out_low <= 0 and chance.held_out <= chance.gain
    pair = results.pairs.query("experiment == 'two' and language == 'de'").dropna().sort_values("accuracy").iloc[-1]
    assert (helped.lirp, helped.lsrp) == (pair.lirp, pair.lsrp)
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        results.best("acuracy")


def test_of_few_facts_no_held_out_gain_is_told_and_of_lost_hits_no_interval(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "de", blocks=3, facts=20)
    write_run(tmp_path, "fr", (20, 30), {(1, 2): (21, 31)}, blocks=3)  # without hits
    few, lost = lrp2.load_results(tmp_path).best("accuracy").itertuples()
    assert np.isnan([few.held_out, few.held_out_low, few.held_out_p]).all() and few.gain_low <= few.gain
    assert lost.gain == 1.0 and np.isnan([lost.gain_low, lost.held_out]).all()


def test_hits_are_the_rows_of_hits_parquet_beside_the_pivots(results: lrp2.Results, outputs: Path) -> None:
    hits = results.hits(language="de", experiment="one")
    assert list(hits.columns) == [*NAMES, "relation", "uuid", "lirp", "lsrp", "hit", "pivot_hit"]
    folder = outputs / "one" / "mbert" / "mlama" / "de"
    stored, pivot = pd.read_parquet(folder / "hits.parquet"), pd.read_parquet(folder / "pivot_hits.parquet")
    key = ["relation", "uuid", "lirp", "lsrp"]
    both = hits.astype({"relation": str, "uuid": str}).merge(
        stored.astype({"relation": str, "uuid": str, "lirp": "Int16", "lsrp": "Int16"}),
        on=key,
        suffixes=("", "_stored"),
    )
    assert len(both) == len(stored) == len(hits) and (both.hit == both.hit_stored).all()
    baseline = hits[hits.lirp.isna()]
    assert baseline.pivot_hit.notna().sum() == len(pivot) and baseline.pivot_hit.sum() == pivot.hit.sum()
    rate = 100 * baseline.hit.mean()
    assert rate == pytest.approx(results.pairs.query("experiment == 'one' and language == 'de'").accuracy.iloc[0])
    assert set(results.hits(language=["de", "fr"]).language) == {"de", "fr"}


def test_experiments_are_compared_fact_by_fact(results: lrp2.Results) -> None:
    table = results.compare("one", "two", metric="accuracy").set_index(["metric", "at"])
    assert len(table) == 6 and (table.facts == 200).all()
    baseline, best = table.loc[("accuracy", "baseline")], table.loc[("accuracy", "best")]
    assert baseline.difference == 0 > baseline.low > -1.1 and pd.isna(baseline.first_lirp)
    assert 0 < best.low <= best.difference <= best.high and best.difference == pytest.approx(
        best["second"] - best["first"]
    )
    with pytest.raises(UnknownNameError, match="Did you mean 'two'"):
        results.compare("one", "twoo")
    apart = [run for run in results.runs if (run.experiment, run.language) in (("one", "fr"), ("two", "de"))]
    with pytest.raises(BenchError, match="no model, dataset and language in common"):
        lrp2.Results(apart).compare("one", "two")


def test_runs_are_chosen_by_name_and_shown_as_text_that_is_no_markup(results: lrp2.Results) -> None:
    assert len(results.where(experiment="one", language=["de", "fr"])) == 2
    for wrong in ({"language": "dee"}, {"experimant": "one"}):
        with pytest.raises(UnknownNameError, match="Did you mean"):
            results.where(**wrong)
    assert repr(results).startswith("Results of 4 runs, 1 not finished\n") and "mbert" in repr(results)
    page = results._repr_html_()
    assert "<table" in page and "no &lt;disk&gt;" in page and "<disk>" not in page
    with pytest.raises(UnknownNameError, match="folder"):
        lrp2.load_results("outputs/nowhere")


def test_tables_of_runs_without_pairs_are_empty_and_have_their_columns(outputs: Path) -> None:
    pivot = lrp2.load_results(outputs / "one").where(language="en")
    assert len(pivot.pairs) == 1 and pivot.best().empty and "held_out" in pivot.best().columns
    assert lrp2.Results([]).pairs.columns.tolist()[:5] == NAMES and repr(lrp2.Results([])).startswith("Results of 0")
