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
from lrp2_bench.report.claims.check import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from lrp2_bench.report.files import DATA, FIGURES, PAGE, TABLES
from lrp2_bench.report.headlines import interval
from lrp2_bench.report.overview.leaderboard import SEARCHED, LeaderboardRow, heads
from lrp2_bench.report.overview.leaderboard_table import leaderboard_table

_LISTED = 3  # models in the first line
_LANGUAGES = 40  # rows of languages that are shown here; the table has all
_WORD = {SUPPORTED: "Supported", CONTRADICTED: "Contradicted", INCONCLUSIVE: "Inconclusive"}
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
    parts = [f"**{escaped(answer(found.leaderboard))}**", *_remarks(found.leaderboard)]
    if found.has_page:
        parts.append(f"[{PAGE}]({PAGE}) shows all of it in a browser.")
    parts += _leaderboard(found.leaderboard)
    if found.verdict is not None:
        parts.append(to_markdown(_short(found.verdict)).strip())
    if found.conducted.rows:
        parts.append(to_markdown(found.conducted).strip())
    parts += [_tables(found.tables), _figures(found.figures), _downloads(found.downloads), _missing(found.missing)]
    return "\n\n".join(part for part in parts if part) + "\n"


def answer(rows: Sequence[LeaderboardRow]) -> str:
    """Whether LRP2's held-out gain is one, with its interval, by model; where it was not run, the interventions'."""
    leading = [row for row in heads(rows) if row.strength == SEARCHED or not _is_part(row, rows)]
    found = [row for row in leading if row.intervention == LRP2] or leading
    if not found:
        return "No answer: there is no run with pairs whose hits can be assessed."
    counts = {word: sum(row.outcome == word for row in found) for word in _WORD}
    if len(found) == 1:
        (row,) = found
        start = f"{_WORD[row.outcome]}: {_method(row)}'s held-out gain of {row.metric} is "
        return start + f"{_gain(row)} ({row.model} on {row.dataset}, {row.name}). {row.why}".strip()
    outcomes = ", ".join(f"{word} in {count}" for word, count in counts.items() if count)
    listed = "; ".join(f"{_gain(row)} ({_of(row, found)})" for row in found[:_LISTED])
    more = f"; and {len(found) - _LISTED} more in the leaderboard" if len(found) > _LISTED else ""
    methods = {_method(row) for row in found}
    whose = f"{methods.pop()}'s" if len(methods) == 1 else "The interventions'"
    start = f"{whose} held-out gain of {found[0].metric}: {outcomes} of {len(found)}: "
    return start + listed + more + "."


def _is_part(row: LeaderboardRow, rows: Sequence[LeaderboardRow]) -> bool:
    """Whether it is one of the strengths of a search over strengths, which is there too."""
    return any(each.strength == SEARCHED and each.names == row.names for each in rows)


def _gain(row: LeaderboardRow) -> str:
    return "not told" if row.gain.value != row.gain.value else f"{interval(row.gain)} points"


def _method(row: LeaderboardRow) -> str:
    return "LRP2" if row.intervention == LRP2 else row.intervention


def _of(row: LeaderboardRow, among: Sequence[LeaderboardRow]) -> str:
    """What tells the row from the others."""
    parts = [row.model, f"on {row.dataset}"]
    parts += [row.experiment] if len({each.experiment for each in among}) > 1 else []
    parts += [_method(row)] if len({each.intervention for each in among}) > 1 else []
    parts += [f"strength {row.strength}"] if len({each.strength for each in among}) > 1 else []
    return f"{' '.join(parts[:2])}, {', '.join([*parts[2:], row.name])}"


def _remarks(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    for row in heads(rows):
        if row.remark:
            yield escaped(f"{row.model} on {row.dataset}, {_method(row)}, {row.name}: {row.remark}")


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
