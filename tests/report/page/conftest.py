"""The page that the browser tests look at, written and opened once for all of them, and the runs it shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.page.build import write_page
from lrp2_bench.report.page.data import Choices
from lrp2_bench.results.runs import Run, Unfinished, find_runs
from tests.support.browser import Opened, chromium, opened
from tests.support.page_runs import assessed_groups, write_page_run
from tests.support.run_folders import write_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

GERMAN = "#model=mbert&dataset=mlama&language=de&metric=transferability"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def shown_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs: four languages of mBERT, a baseline and the pivot, and another model on two datasets."""
    root = tmp_path_factory.mktemp("runs")
    for language in ("de", "fr", "ko", "sq"):
        write_page_run(root, language, blocks=12, facts=60)
    write_page_run(root, "de", model="tiny", dataset="cldr")
    write_page_run(root, "fr", model="tiny", dataset="other")
    write_run(root, "en", (60, 100))
    write_run(root, "tr", (12, 13))
    return root


@pytest.fixture(scope="package")
def page_path(shown_runs: Path) -> Path:
    """The page of ``shown_runs`` and of a search that still runs."""
    unfinished = (Unfinished(shown_runs, "mbert", "mlama", "cy", "still running"),)
    return page_of_groups(runs_of(shown_runs), shown_runs / "report", unfinished)


@pytest.fixture
def german(browser: Browser, page_path: Path) -> Iterator[Opened]:
    """The page at German, which nothing may go wrong on."""
    with opened(browser, page_path, GERMAN) as page:
        yield page
        assert page.wrong == []


def page_of_groups(groups: list[AssessedRuns], folder: Path, unfinished: tuple[Unfinished, ...] = ()) -> Path:
    """The page's file, written to ``folder``."""
    return write_page(groups, unfinished, folder, Choices())[0]


def runs_of(root: Path) -> list[AssessedRuns]:
    return assessed_groups(find_runs([root])[0])


def german_run(root: Path) -> Run:
    return next(run for run in runs_of_german(root) if run.language == "de")


def runs_of_german(root: Path) -> list[Run]:
    """The German run with those beside which its p-values are corrected."""
    return [run for run in find_runs([root])[0] if run.model == "mbert"]


def number(text: str) -> float:
    """As the page writes it, with a sign of its own."""
    return float(text.replace("−", "-").replace("+", ""))
