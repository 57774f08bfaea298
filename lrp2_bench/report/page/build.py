"""``index.html``: one file with everything in it, which opens from a disk, without a network, for years."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lrp2_bench.core.files import write_text
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.files import PAGE
from lrp2_bench.report.page.data import Choices, page_data
from lrp2_bench.report.page.overview_data import Beside
from lrp2_bench.results.runs import Unfinished

#: In the order in which they are read: each uses what those before it define.
SCRIPTS = (
    "words", "elements", "scrolls", "state", "classes", "leaderboard", "overview", "result", "plots", "colours",
    "heatmap", "readout", "alignment", "facts", "relations", "map", "table", "languages", "compare", "tables",
    "downloads", "theme", "main",
)  # fmt: skip


def write_page(
    groups: Sequence[AssessedRuns],
    unfinished: Sequence[Unfinished],
    folder: Path,
    choices: Choices,
    beside: Beside | None = None,
) -> tuple[Path, list[str]]:
    """Write ``folder/index.html``, whole or not at all; its path, and what could not be read for it.

    ``groups`` are the assessed runs of a model and dataset each, ``beside`` what the folder holds otherwise. The
    same runs give the same bytes.
    """
    content, problems = page_data(groups, unfinished, choices, beside)
    path = folder / PAGE
    write_text(path, render(content))
    return path, problems


def render(content: Mapping[str, Any]) -> str:
    """The page that shows ``content``, the value of :func:`~lrp2_bench.report.page.data.page_data`."""
    scripts = {"plotly": _plotly(), "script": _script()}
    parts = {
        "policy": _policy(scripts.values()),
        "style": _read("page.css"),
        "data": script_json(content),
        **scripts,
    }
    # One pass over the template alone: what the parts hold is never looked at.
    return re.sub(r"\{\{(\w+)\}\}", lambda slot: parts[slot[1]], _read("page.html"))


def script_json(content: object) -> str:
    """JSON that ends no script element and no line of one, whatever its texts hold."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _policy(scripts: Iterable[str]) -> str:
    """Nothing is fetched, and only our own scripts run, should a text ever find a way to become markup."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    hashes = " ".join(f"'sha256-{digest}'" for digest in digests)
    # Figures are drawn with styles in attributes.
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs  # late: a report that fails before its page need not load it

    text: str = get_plotlyjs()
    return text.replace("</script", r"<\/script")


@cache
def _script() -> str:
    body = "\n".join(_read(f"script/{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{body}}})();\n'


def _read(name: str) -> str:
    # Line ends as a browser sees them, since the policy's hashes are over that.
    text = files("lrp2_bench.report.page").joinpath(name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")
