"""A whole search that leaves special tokens out: a folder of its own, never mixed with one of all tokens."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.analyses.finished import each_apart, find_analyses
from tests.support.commands import ToyJob, contents, lrp2_bench, manifest_of, pairs_of

TEXT = "projection.tokens=text"


def test_a_search_of_text_lies_apart_with_vectors_and_an_identity_of_its_own(
    finished_job: ToyJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = ToyJob(tmp_path, finished_job.model, finished_job.mlama, finished_job.corpus)
    shutil.copytree(finished_job.outputs, job.outputs)
    assert job.search(TEXT) == 0
    text = job.outputs / "default" / "lrp2_text" / job.model.name / "mlama" / "de"
    ours, theirs = manifest_of(text), manifest_of(job.folder())
    assert ours["identity"]["tokens"] == ours["projection"]["tokens"] == "text"
    assert "tokens" not in theirs["identity"], "as in folders of earlier versions"
    assert ours["identity"]["vectors"]["language"] != theirs["identity"]["vectors"]["language"]
    assert pairs_of(text)[0] == pairs_of(job.folder())[0], "the baseline moves nothing"
    assert contents(text, ("hits.parquet",)) != contents(job.folder(), ("hits.parquet",))
    for column, same in (("baseline", False), ("lrp2", False)):  # pooled over text, and moved there
        first, second = (_column(folder / "alignment.csv", column) for folder in (text, job.folder()))
        assert np.allclose(first, second) == same

    # Another way into the same folder is refused, in both directions, whichever has the key.
    shutil.rmtree(text)
    shutil.copytree(job.folder(), text)
    (text / "done.json").unlink(missing_ok=True)
    assert job.search(TEXT) == 1
    said = capsys.readouterr().err
    assert "holds hits of another configuration" in said and "tokens" in said and '"all" -> "text"' in said


def _column(path: Path, name: str) -> list[float]:
    return [float(row[name]) for row in csv.DictReader(path.read_text("utf-8").splitlines())]


@pytest.mark.slow
def test_vectors_of_text_are_written_and_an_analysis_of_text_lies_beside_its_search(
    toy_job: Callable[..., ToyJob], tmp_path: Path
) -> None:
    job = toy_job()
    shared = [argument for argument in job.arguments() if not argument.startswith(("dataset", "tracking"))]
    target = f"output={tmp_path / 'vectors'}"
    vectors = [argument for argument in shared if not argument.startswith("paths.outputs")]
    assert lrp2_bench("vectors", *vectors, target, TEXT) == 0
    assert lrp2_bench("vectors", *vectors, target) == 1, "those of all tokens do not replace them"
    sources = ["dataset=mlama", f"dataset.path={job.mlama}", "tracking=none", "pair=[1,3]", "analysis.resamples=100"]
    assert lrp2_bench("analyze", *shared, *sources, TEXT, f"vectors.path={tmp_path / 'vectors'}") == 1, "no pivot's"
    assert lrp2_bench("analyze", *shared, *sources) == 0
    assert lrp2_bench("analyze", *shared, *sources, TEXT) == 0
    home = job.outputs / "default"
    folders = [home / job.model.name, home / "lrp2_text" / job.model.name]
    records = [json.loads((folder / "analyses/alignment/analysis.json").read_text("utf-8")) for folder in folders]
    assert records[0]["summary"] != records[1]["summary"]
    found, _ = find_analyses([job.outputs])
    names = {table.name for analysis in each_apart(found) for table in analysis.tables}
    assert {name.removesuffix("_text") for name in names if name.endswith("_text")} <= names, "apart in a report"
