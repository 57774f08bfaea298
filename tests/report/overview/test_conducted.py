"""What was run: a row for each experiment, with what its runs' manifests say, cut where it is long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lrp2_bench.report.overview.conducted import conducted_table
from lrp2_bench.results.runs import find_runs
from tests.support.run_folders import every_pair, write_run

ENVIRONMENT = {"git_commit": "0123456789abcdef0123", "packages": {"lrp2-bench": "1.2"}}


def rows(root: Path) -> list[dict[str, Any]]:
    table = conducted_table([find_runs([root])[0], []])
    return [dict(zip((column.key for column in table.columns), row, strict=True)) for row in table.rows]


def _written(root: Path, language: str, day: str, pairs: int = 3, **manifest: Any) -> None:
    vectors = {language: {"corpus": "opus100", "sentences": "10000"}}
    write_run(
        root, language, (20, 30), every_pair(pairs) if pairs else None, blocks=3, facts=40, shared=30,
        status={"updated": f"{day}T10:00:00+00:00"},
        manifest={"environment": ENVIRONMENT, "vectors": vectors, "device": "cpu", **manifest},
    )  # fmt: skip


def test_runs_of_one_experiment_are_a_row_with_their_data_settings_dates_and_code(tmp_path: Path) -> None:
    _written(tmp_path, "de", "2026-11-03")
    _written(tmp_path, "fr", "2026-11-01", dataset={"name": "mlama", "digest": "sha256:fr"})
    (row,) = rows(tmp_path)
    assert (row["experiment"], row["model"], row["dataset"], row["runs"]) == ("paper", "mbert", "mlama", 2)
    assert (row["languages"], row["pivot"], row["facts"], row["pairs"]) == ("de, fr", "en", 80, "3 of 3")
    assert (row["corpus"], row["seed"], row["precision"]) == ("opus100, 10000 sentences", "0", "float32")
    assert (row["date"], row["commit"], row["version"]) == ("2026-11-01 to 2026-11-03", "0123456789ab", "1.2")
    assert row["dataset_digest"] == "sha256:de, sha256:fr" and row["device"] == "cpu"


def test_a_baseline_needs_no_corpus_and_what_manifests_lack_is_left_open(tmp_path: Path) -> None:
    write_run(tmp_path, "en", (20, 30), blocks=3)
    (row,) = rows(tmp_path)
    assert (row["pairs"], row["corpus"], row["date"], row["commit"]) == ("baseline", None, None, None)


def test_many_values_are_counted(tmp_path: Path) -> None:
    for number, language in enumerate(("de", "fr", "it", "es", "pt"), start=1):
        environment = {**ENVIRONMENT, "git_commit": f"{number}" * 20}
        _written(tmp_path, language, "2026-11-01", environment=environment)
    (row,) = rows(tmp_path)
    assert row["dataset_digest"] == "5, by language" and row["date"] == "2026-11-01"
    assert row["commit"] == "111111111111, 222222222222, 333333333333 and 2 more"
