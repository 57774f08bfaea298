"""Every analysis of every family of models: it runs, or says why it cannot and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lrp2_bench.analyses.alignment.job import Alignment
from lrp2_bench.analyses.base import Analysis
from lrp2_bench.analyses.neurons.job import Neurons
from lrp2_bench.analyses.retrieval.job import Retrieval
from lrp2_bench.analyses.subject import Subject
from lrp2_bench.analyses.tokens.job import Tokens
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import AnalyzeCommand, ModelSettings, MoveSettings, PathSettings, ProjectionTokens
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.text import TextCorpus
from tests.analyses.neurons.test_families import EXPERTS
from tests.support.families import EVERY, build_family, load_generic
from tests.support.paths import REPOSITORY

#: Small enough for eight facts a relation.
ANALYSES: dict[str, Analysis] = {
    "alignment": Alignment(resamples=100),
    "alignment at scored positions": Alignment(pooling="scored", resamples=100),
    "retrieval": Retrieval(sentences="facts"),
    "neurons": Neurons(steps=2, per_prompt=3, per_relation=5),
    "tokens": Tokens(neighbours=3, queries=50, fewest=5, steps=20),
}
WITHOUT_NEURONS = {*EXPERTS, "mamba"}


def _outcomes(name: str, root: Path, mlama: Path, corpus: Path) -> dict[str, str]:
    """'' for what works, else what is said."""
    folder = build_family(root / "model", name)
    tokens = ProjectionTokens.text if EVERY[name].family == "masked" else ProjectionTokens.all
    settings = AnalyzeCommand(
        model=ModelSettings(path=str(folder), device="cpu"), dataset={"name": "mlama"}, languages=["de"], pair=[1, 3],
        paths=PathSettings(str(root / "outputs"), str(root / "cache")), projection=MoveSettings(tokens),
    )  # fmt: skip
    subject = Subject(settings, lambda: MLama(str(mlama)), lambda: TextCorpus(str(corpus), 4))
    subject.__dict__["model"] = load_generic(folder)
    found = {}
    for what, analysis in ANALYSES.items():
        try:
            findings = analysis.run(subject)
            found[what] = "" if all(table.rows for table in findings.tables) else "empty tables"
        except BenchError as error:
            found[what] = str(error)
    return found


@pytest.mark.parametrize(
    "name", [name if name == "mamba" else pytest.param(name, marks=pytest.mark.slow) for name in EVERY]
)
def test_every_analysis_works_or_says_why_not(name: str, tmp_path: Path, toy_mlama: Path, toy_corpus: Path) -> None:
    said = _outcomes(name, tmp_path, toy_mlama, toy_corpus)
    neurons = said.pop("neurons")
    assert set(said.values()) == {""}, said
    if name in WITHOUT_NEURONS:
        assert re.search(r"cannot be attributed: block \d (is a mixture of experts|has no feed-forward)", neurons)
        assert "Choose another model" in neurons
    else:
        assert neurons == ""


def test_the_page_names_the_families_whose_neurons_are_refused() -> None:
    page = (REPOSITORY / "docs" / "analyses.md").read_text("utf-8")
    (told,) = re.findall(r"^Refused by `analysis=neurons`: (.*(?:\n.+)*)", page, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", told)) == WITHOUT_NEURONS
