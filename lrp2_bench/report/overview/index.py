"""``index.md``: the answer with its interval first, then the leaderboard, the claims, what was run, and every file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from lrp2_bench.core.settings import LRP2
from lrp2_bench.render.plain import escaped, to_markdown
from lrp2_bench.render.table import Table
from lrp2_bench.render.text import file_stem
from lrp2_bench.report.files import DATA, FIGURES, PAGE, TABLES
from lrp2_bench.report.overview.answer import LISTED, answers, rest
from lrp2_bench.report.overview.leaderboard import LeaderboardRow, heads
from lrp2_bench.report.overview.leaderboard_table import leaderboard_table

_LANGUAGES = 40  # rows of languages that are shown here; the table has all
#: What figures show, by how their names begin.
_SHOWN_IN = {
    "heatmaps": "the change at every pair of layers, language by language",
    "change": "the change at each language's best pair",
    "strengths": "the change by strength",
    "layers_between": "the change by layer distance",
    "alignment": "cosine of parallel queries, layer by layer",
    "relations": "to how many languages each relation transfers",
    "ablations": "ablations against LRP2",
    "regret": "what a search with less budget loses",
}


@dataclass(frozen=True)
class Overview:
    """What the index lists: ``leaderboard``, the ``verdict`` on claims and what was ``conducted`` are shown in it;
    ``tables``, all that were written, ``figures`` and further ``downloads`` (files in the report's folder, with a line
    each) are linked; ``missing`` is a line each."""

    leaderboard: Sequence[LeaderboardRow]
    verdict: Table | None
    conducted: Table
    tables: Sequence[Table]
    figures: Sequence[Path]
    downloads: Sequence[tuple[str, str]]
    missing: Sequence[str]
    has_page: bool


def index_markdown(found: Overview) -> str:
    parts = [*_answers(found.leaderboard), *_remarks(found.leaderboard)]
    if found.has_page:
        parts.append(f"[{PAGE}]({PAGE}) shows all of it in a browser.")
    parts += _leaderboard(found.leaderboard)
    if found.verdict is not None:
        parts.append(to_markdown(_short(found.verdict)).strip())
    if found.conducted.rows:
        parts.append(to_markdown(found.conducted).strip())
    parts += [_tables(found.tables), _figures(found.figures), _downloads(found.downloads), _missing(found.missing)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _answers(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    """The first with its reason where it is alone, the others as a list."""
    found = answers(rows)
    if not found:
        yield "**No answer: there is no run with pairs whose hits can be assessed.**"
        return
    first, *others = found[:LISTED]
    yield f"**{escaped(str(first))}.**" + (f" {escaped(first.why)}" if len(found) == 1 and first.why else "")
    lines = [*(str(each) for each in others), *filter(None, [rest(found)])]
    if lines:
        yield "\n".join(f"- {escaped(line)}" for line in lines)


def _remarks(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    for row in heads(rows):
        if row.remark:
            method = "LRP2" if row.intervention == LRP2 else row.intervention
            yield escaped(f"{row.model} on {row.dataset}, {method}, {row.name}: {row.remark}")


def _leaderboard(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    leading = heads(rows)
    table = leaderboard_table(leading)
    if table is None:
        return
    yield to_markdown(table.keeping(lambda column: column.key != "best" or leading[0].best is not None)).strip()
    others = [row for row in rows if row not in leading]
    shown = leaderboard_table(others[:_LANGUAGES])
    if shown is not None:
        where = f"[{TABLES}/leaderboard.md]({TABLES}/leaderboard.md)"
        cut = f"\n\nThe first {_LANGUAGES} of {len(others)}; all of them: {where}." if len(others) > _LANGUAGES else ""
        yield to_markdown(replace(shown, title="By language", notes=())).strip() + cut


def _short(verdict: Table) -> Table:
    """The claims without what the paper's numbers were, and of the notes how many are which: its own file has them."""
    return replace(verdict.keeping(lambda column: column.key != "paper"), notes=verdict.notes[:1])


def _tables(tables: Sequence[Table]) -> str:
    lines = []
    for table in tables:
        stem = file_stem(table.name)
        links = " ".join(_link(form, f"{TABLES}/{stem}.{form}") for form in ("md", "tex"))
        lines.append(f"- {escaped(table.title)}: {links} {_link('csv', f'{DATA}/{stem}.csv')}")
    return "\n".join(["## Tables", "", *lines]) if lines else ""


def _figures(paths: Sequence[Path]) -> str:
    forms: dict[str, list[str]] = {}
    for path in paths:
        forms.setdefault(path.stem, []).append(path.suffix[1:])
    lines = [
        f"- {_shows(stem)}{escaped(stem)}: {' '.join(_link(form, f'{FIGURES}/{stem}.{form}') for form in found)}"
        for stem, found in forms.items()
    ]
    return "\n".join(["## Figures", "", *lines]) if lines else ""


def _shows(stem: str) -> str:
    text = next((text for name, text in _SHOWN_IN.items() if stem.startswith(f"{name}_")), "")
    return f"{text[:1].upper()}{text[1:]}, " if text else ""


def _downloads(files: Sequence[tuple[str, str]]) -> str:
    lines = [f"- {_link(name, name)}: {line}" for name, line in files]
    return "\n".join(["## Data", "", *lines]) if lines else ""


def _missing(lines: Sequence[str]) -> str:
    if not lines:
        return "## Missing or damaged\n\nNothing."
    return "\n".join([f"## Missing or damaged ({len(lines)})", "", *(f"- {escaped(line)}" for line in lines)])


def _link(text: str, target: str) -> str:
    return f"[{escaped(text)}]({quote(target)})"
