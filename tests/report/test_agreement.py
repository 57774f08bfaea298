"""Runs that were not made alike are refused, and the error lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.report.agreement import check_agreement
from lrp2_bench.results.runs import find_runs
from tests.support.run_folders import write_run

MODEL = {"name": "mbert", "blocks": 12, "digest": "sha256:abc", "revision": "main"}


def check(root: Path) -> None:
    check_agreement(find_runs([root])[0])


def test_runs_that_differ_only_in_their_language_agree(tmp_path: Path) -> None:
    for language in ("de", "fr"):
        write_run(tmp_path, language, (20, 30), {(1, 2): (21, 31)})
    write_run(tmp_path, "en", (35, 100), manifest={"config": {"corpus": {"sentences": 10}}})
    check(tmp_path)


@pytest.mark.parametrize(
    ("key", "odd", "shown"),
    [
        ("model.digest", {"model": MODEL | {"digest": "sha256:other"}}, '"sha256:other"'),
        ("model.revision", {"model": MODEL | {"revision": "v2"}}, '"v2"'),
        ("model.blocks", {"model": MODEL | {"blocks": 24}}, "24"),
        ("pivot", {"pivot": "es"}, '"es"'),
        ("dataset digest kind", {"dataset": {"name": "mlama", "digest": "md5:1"}}, '"md5"'),
        ("identity.probing.pool_size", {"identity": {"probing": {"pool_size": 10}}}, "10"),
        ("identity.model.precision", {"identity": {"model": {"precision": "bfloat16"}}}, '"bfloat16"'),
        ("config.dataset.limit", {"config": {"dataset": {"limit": 5}}}, "5"),
        ("config.corpus.sentences", {"config": {"corpus": {"sentences": 10}}}, "10"),
        ("config.vectors.path", {"config": {"vectors": {"path": "mine"}}}, '"mine"'),
    ],
)
def test_each_setting_that_must_agree_is_listed_with_its_folders(
    tmp_path: Path, key: str, odd: dict[str, Any], shown: str
) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    folder = write_run(tmp_path, "fr", (20, 30), {(1, 2): (21, 31)}, manifest=odd)
    with pytest.raises(BenchError, match="not made alike") as caught:
        check(tmp_path)
    assert f"They differ in {key}:" in str(caught.value)
    assert f"  {key} = {shown}: {folder}" in str(caught.value)


def test_a_language_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    folders = [write_run(tmp_path, "de", (20, 30), experiment=name) for name in ("one", "two")]
    with pytest.raises(BenchError, match="Two runs of language 'de'") as caught:
        check(tmp_path)
    assert all(str(folder) in str(caught.value) for folder in folders)


def test_many_folders_of_one_value_are_cut_with_their_number(tmp_path: Path) -> None:
    for language in ("de", "fr", "es", "it", "nl", "pl", "sv"):
        write_run(tmp_path, language, (20, 30))
    write_run(tmp_path, "zh", (20, 30), manifest={"model": MODEL | {"digest": "sha256:other"}})
    with pytest.raises(BenchError, match="and 2 more"):
        check(tmp_path)


def test_runs_of_one_model_under_digests_of_two_rules_agree(tmp_path: Path) -> None:
    rules = {
        "de": {"digest": "former"},
        "fr": {"digest": "new", "other_digest": "former"},
        "nl": {"digest": "former", "other_digest": "new"},
        "it": {"digest": "new", "other_digest": "former of other files that decide nothing"},
    }
    for language, digests in rules.items():
        write_run(tmp_path, language, (20, 30), {(1, 2): (21, 31)}, manifest={"model": MODEL | digests})
    check(tmp_path)
    write_run(tmp_path, "es", (20, 30), {(1, 2): (21, 31)}, manifest={"model": MODEL | {"digest": "another"}})
    with pytest.raises(BenchError, match="They differ in model.digest:"):
        check(tmp_path)
