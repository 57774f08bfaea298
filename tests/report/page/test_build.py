"""One file that holds everything, fetches nothing, and cannot be ended early by a text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lrp2_bench.report.page.build import SCRIPTS, render, script_json, write_page
from lrp2_bench.report.page.data import Choices
from lrp2_bench.results.runs import find_runs
from tests.support.page_runs import assessed_groups, write_page_run
from tests.support.paths import REPOSITORY

HOSTILE = [
    "</script><script>alert(1)</script>", "<!-- <script>", "]]>", "&lt;", "a\u2028b\u2029c", "{{script}}", "\\u003c",
    '"quoted" \\ back', "\u202eright to left", "x" * 10_000,
]  # fmt: skip


class Elements(HTMLParser):
    """Scripts with their attributes and contents, and every address that an element names."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.addresses: list[str] = []
        self.policy = ""
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.addresses += [str(value) for key, value in attrs if key in ("src", "href", "action", "data")]
        if named.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(named["content"])
        if tag == "script":
            self.scripts.append((named, ""))
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._open:
            attributes, text = self.scripts.pop()
            self.scripts.append((attributes, text + data))


def read(page: str) -> Elements:
    elements = Elements()
    elements.feed(page)
    elements.close()
    return elements


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_text_comes_out_of_the_page_as_it_went_in(text: str) -> None:
    written = script_json({"text": text, text: 1})
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written) == {"text": text, text: 1}
    scripts = read(render({"text": text})).scripts
    assert len(scripts) == 3 and json.loads(scripts[0][1]) == {"text": text}


def test_nothing_is_fetched_and_only_our_scripts_may_run() -> None:
    elements = read(render({}))
    assert elements.addresses == ["#content"]
    (data, _), *ours = elements.scripts
    assert data == {"type": "application/json", "id": "data"} and len(ours) == 2
    for attributes, text in ours:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert not attributes and f"'sha256-{digest}'" in elements.policy
    assert "default-src 'none'" in elements.policy and "'unsafe-eval'" not in elements.policy
    assert re.search(r"script-src[^;]*unsafe", elements.policy) is None


def test_every_script_of_the_folder_is_read_and_none_writes_markup() -> None:
    folder = REPOSITORY / "lrp2_bench" / "report" / "page" / "script"
    assert {path.stem for path in folder.iterdir()} == set(SCRIPTS)
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), (
            path
        )
        assert len(text.splitlines()) <= 200


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    for language in ("de", "fr"):
        write_page_run(tmp_path / "runs", language)
    runs, unfinished = find_runs([tmp_path / "runs"])
    pages = [write_page(assessed_groups(runs), unfinished, tmp_path / name, Choices())[0] for name in ("a", "b")]
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert pages[0].name == "index.html" and b'"German"' in pages[0].read_bytes()


def test_a_page_of_52_languages_and_two_models_of_24_blocks_would_weigh_less_than_15_megabytes(tmp_path: Path) -> None:
    languages = ("bn", "ka")
    for language in languages:
        # Labels as long as mLAMA's, three bytes a letter, and more facts gained and lost than are listed.
        labels = ["ბ" * 24] * 300
        write_page_run(
            tmp_path / "runs", language, blocks=24, relations=("P17", "P30", "P36"), facts=300, labels=labels
        )
    runs, unfinished = find_runs([tmp_path / "runs"])
    page, _ = write_page(assessed_groups(runs), unfinished, tmp_path, Choices())
    empty = len(render({}).encode())
    assert empty + (page.stat().st_size - empty) / len(languages) * 52 * 2 < 15e6
