"""Imports point down the tiers of the design, inside folders too, and only the top imports Hydra."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "lrp2_bench"

#: From the ground up: a module imports from lower folders, or from its own.
TIERS = (
    "core", "data", "models", "testbed", "interventions", "probing", "metrics", "grid", "results", "stats", "search",
    "tracking", "render", "analyses", "report", "bench", "config", "launchers", "commands", "api", "cli", "__main__",
)  # fmt: skip

#: The tiers inside a folder that has an order, from the ground up; ``*`` is whatever is not named.
INSIDE = {
    "core": ("prompts secrets supported", "errors", "reading", "*", "filenames languages registry"),
    "data": (
        "corpus dataset download encoding filetree labels", "bitext json_lines parallel rows text",
        "fact_list language_table triples", "selection", "*",
    ),
    "models": (
        "devices exact_products gguf_files half hub_refusals known_digests shipped", "quantised",
        "memory unhandled", "checkpoint_files device_map layered", "base weights", "registry", "generic", "seq2seq",
        "*", "architecture neurons", "gguf locating", "loading",
    ),
    "testbed": ("exposure place", "specs text", "*", "pretrain"),
    "interventions": (
        "strengths", "base", "among projection registry ridge", "tokens", "vectors", "sentence_means", "*",
    ),
    "probing": (
        "pools prefix_tree probe", "log_partition masked_queries rows target_tree", "bounded_ranking leader",
        "causal masked", "*", "build scores",
    ),
    "metrics": ("hits", "base", "registry", "scores", "*"),
    "grid": ("dry_count plan", "schedule", "cost frontier limits", "divergence", "*", "pilot"),
    "results": (
        "layout", "journals lease_files scores tables", "damage hits_table", "stored_hits",
        "choice draws facts forgetting hits leases score_tables", "run_folder status", "manifest runs", "*",
    ),
    "stats": (
        "clusters further", "weighted", "*", "fact_clusters held_out max_t relations", "compare resampled", "assess",
    ),
    "search": (
        "pruner space storage", "damage_study task", "merge order recorder study tpe", "racing", "*",
    ),
    "tracking": (
        "base client connection figures project whole", "upload", "wandb_run", "*", "workspace",
        "publish wandb_tracker",
    ),
    "render": ("table text", "*", "latex_layout", "latex plain terminal", "write"),
    "analyses": ("finished states", "encode subject", "base mexa parallel", "languages", "*"),
    "report": (
        "chosen_metric files languages_at_hand method run_strength",
        "run_evidence", "assessed_runs", "headlines", "*",
        "tables", "figures", "claims", "overview", "page",
    ),
    "api": ("frames names", "compared", "results", "*"),
    "launchers": (
        "command hidden job queue signals", "running shared_settings", "batch gpus summary", "launcher", "*",
        "plugin slurm", "completion",
    ),
}  # fmt: skip

#: The tiers inside a topic of ``analyses/``: what is computed, the tables and figures of it, the job that makes them.
TOPIC = ("*", "table", "figure", "job")


def _modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    return tuple(_read_imports(path))


def _read_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module.startswith("lrp2_bench"):
                yield from (
                    f"{node.module}.{alias.name}" for alias in node.names if _is_module(node.module, alias.name)
                )
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _is_module(package: str, name: str) -> bool:
    folder = REPOSITORY.joinpath(*package.split("."))
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


def _level(levels: tuple[str, ...], part: str) -> int:
    named = [place for place, level in enumerate(levels) if part in level.split()]
    return named[0] if named else levels.index("*")


def _part_of_topic(name: str) -> str:
    """``map_figure`` is a figure; ``tables`` puts several together and may import them all."""
    return next((part for part in TOPIC[1:] if part in name.split("_")), "job" if name == "tables" else name)


def _points_down(here: str, there: str) -> bool:
    """Whether module ``here`` may import module ``there``, both with their dots."""
    (_, floor, *rest), (_, lower, *others) = here.split("."), there.split(".")
    if floor != lower:
        return TIERS.index(lower) < TIERS.index(floor)
    if not rest or not others or rest == others:
        return True
    if rest[0] != others[0]:
        levels = INSIDE.get(floor, ("*",))
        above, below = _level(levels, rest[0]), _level(levels, others[0])
        return below < above or (below == above and levels[above] == "*" and floor in ("bench", "commands", "config"))
    if floor == "analyses" and len(rest) > 1 and len(others) > 1:
        return _level(TOPIC, _part_of_topic(others[1])) <= _level(TOPIC, _part_of_topic(rest[1]))
    return True


def test_every_folder_has_a_tier() -> None:
    assert {_name(path).split(".")[1] for path in _modules()} == set(TIERS)


def test_no_module_lies_loose_beside_the_folders() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} <= {"__init__", "__main__", "cli"}


def test_imports_point_down() -> None:
    assert [
        f"{_name(path)} imports {imported}"
        for path in _modules()
        for imported in _imports(path)
        if imported.startswith("lrp2_bench.") and not _points_down(_name(path), imported)
    ] == []


def test_no_module_needs_itself() -> None:
    needs = {_name(path): {name for name in _imports(path) if name.startswith("lrp2_bench.")} for path in _modules()}
    done: set[str] = set()

    def follow(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join([*above, module])
        if module not in done:
            for each in sorted(needs.get(module, ())):
                follow(each, (*above, module))
            done.add(module)

    for module in needs:
        follow(module, ())


def test_only_the_top_imports_hydra() -> None:
    found = [path for path in _modules() if {name.split(".")[0] for name in _imports(path)} & {"hydra", "omegaconf"}]
    assert found and {_name(path).split(".")[1] for path in found} <= {"config", "launchers", "cli"}


def test_files_stay_small() -> None:
    assert [_name(path) for path in _modules() if len(path.read_text("utf-8").splitlines()) > 300] == []
