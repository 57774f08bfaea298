"""Commands that fail, and what their errors advise, taken from the printed words and run: then they succeed."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable

import pytest
from safetensors.torch import load_file
from torch import save

from tests.support.commands import ToyJob

Capture = pytest.CaptureFixture[str]

#: What is given, a pattern of the advice, and what the advice leads to: the groups of the pattern filled in.
CASES = {
    "another language": (["language=dee"], r"Did you mean '(de)'", ["language={0}"]),
    "no data set": (["dataset.path=/nowhere"], r"(dataset\.path)\b", ["{0}={mlama}"]),
    "a folder of others": (["seed=1"], r"another (experiment\.name)", ["seed=1", "{0}=other"]),
    "nothing to project": (
        ["language=en", "search=grid"],
        r"(search=baseline) for the pivot's",
        ["language=en", "{0}"],
    ),
    "no corpus": (["search=grid", "corpus.path=/nowhere"], r"(corpus\.path)\b", ["search=grid", "{0}={corpus}"]),
    "a search in shards": (
        ["search=racing", "shard.count=2", "shard.index=0"],
        r"shard\.count is for (search=grid) and",
        ["{0}", "shard.count=2", "shard.index=0"],
    ),
    "two languages": (["language=de,zh"], r"add (-m) for", ["language=de,zh", "{0}"]),
    "no pool": (["probing.pool_size=1"], r"from (\d),", ["probing.pool_size={0}", "experiment.name=pool"]),
    "a third language": (
        ["search=grid", "projection=other_pivot"],
        r"such as (projection\.language)=fr",  # not German's own, which is asked
        ["search=grid", "projection=other_pivot", "{0}=zh"],  # the toy facts have no French
    ),
    "a device": (["model.device=cdua"], r"Use auto, (cpu),", ["model.device={0}"]),
}


def test_what_the_errors_of_a_search_advise_ends_well(toy_job: Callable[..., ToyJob], capsys: Capture) -> None:
    job = toy_job()
    small = ("search=baseline", "dataset.relations=[P36]")
    assert job.search(*small) == 0
    wrong = []
    for name, (given, pattern, advised) in CASES.items():
        capsys.readouterr()
        failed = job.search(*small, *given)
        said = capsys.readouterr().err
        found = re.search(pattern, said)
        if failed == 0 or found is None or "Traceback" in said:
            wrong.append(f"{name}: {failed} {said}")
            continue
        settings = [text.format(*found.groups(), mlama=job.mlama, corpus=job.corpus) for text in advised]
        if job.search(*small, *settings) != 0:
            wrong.append(f"{name}: {settings} {capsys.readouterr().err}")
    assert not wrong, "\n".join(wrong)


def test_weights_in_another_format_are_converted_as_the_error_says(
    toy_job: Callable[..., ToyJob],
    capsys: Capture,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = toy_job()
    model = tmp_path_factory.mktemp("pickled") / "bert"
    shutil.copytree(base.model, model)
    weights = model / "model.safetensors"
    save(load_file(weights), model / "pytorch_model.bin")
    weights.unlink()
    assert base.search("search=baseline", f"model.path={model}") == 1
    said = capsys.readouterr().err
    command = next(line for line in said.splitlines() if line.startswith("python -c "))
    where = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(where)
    _python, _flag, code, *rest = shlex.split(command)
    monkeypatch.setattr(sys, "argv", ["-c", *rest])
    exec(compile(code, "<advice>", "exec"), {"__name__": "__main__"})
    monkeypatch.undo()
    assert base.search("search=baseline", f"model.path={where / 'CONVERTED'}", "model.name=bert") == 0
