"""What is kept of the study's runs, and read back: ``python -m benchmarks.gemma3_270m.store --outputs DIR``.

``docs/results/data/hits/EXPERIMENT.parquet`` has a row a language, intervention, setting and fact; ``facts.parquet``
the facts of each language, their subjects' ids, and two flags of their labels. No label is stored.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.data.mlama import MLama
from lrp2_bench.results.layout import DAMAGE, DRAW_HITS, DRAWS, HITS, PIVOT_HITS
from lrp2_bench.results.runs import Run, find_runs

DATA = Path(__file__).parents[2] / "docs" / "results" / "data"
KEY = ["intervention", "language", "lirp", "lsrp", "strength", "strength_back"]
_FACT = ["relation", "uuid"]


#: The experiments of the study.
EXPERIMENTS = ("tokens_", "grid", "rivals", "reporting_", "transfer", "full_pools")


def collect(outputs: Path, data: Path, experiments: Sequence[str] = EXPERIMENTS) -> None:
    """Adds the finished runs below ``outputs`` whose experiments begin so; runs of the same names are replaced."""
    runs = find_runs([outputs])[0]
    for experiment in sorted({run.experiment for run in runs if run.experiment.startswith(tuple(experiments))}):
        ours = [run for run in runs if run.experiment == experiment]
        add(data / "hits" / f"{experiment}.parquet", pd.concat([_hits(run) for run in ours]))
        for name in (DAMAGE, DRAWS):
            found = [_table(run, name) for run in ours if (run.folder / name).is_file()]
            if found:
                add(data / name.replace(".", f"_{experiment}."), pd.concat(found))
        drawn = [_draws(run) for run in ours if (run.folder / DRAW_HITS).is_file()]
        if drawn:
            add(data / "hits" / f"{experiment}_draws.parquet", pd.concat(drawn))
        print(f"{experiment}: {len(ours)} runs")


def read_stored(experiment: str, data: Path = DATA) -> pd.DataFrame:
    """``intervention, language, lirp, lsrp, strength, strength_back, relation, uuid, hit``; layers and strengths are
    missing in rows of the baseline. ``pivot`` is the intervention of rows of English. Raises :class:`SystemExit` for a
    step that has not been stored."""
    path = data / "hits" / f"{experiment}.parquet"
    if not path.is_file():
        raise SystemExit(
            f"There are no hits of '{experiment}' in '{path.parent}': run that step, then "
            "`python -m benchmarks.gemma3_270m.store`."
        )
    return pd.read_parquet(path)


def _hits(run: Run) -> pd.DataFrame:
    own = pd.read_parquet(run.folder / HITS).assign(intervention=run.projection)
    pivot = pd.read_parquet(run.folder / PIVOT_HITS).assign(intervention="pivot")
    both = pd.concat([own, pivot]).assign(language=run.language)
    for name in ("strength", "strength_back"):
        if name not in both:
            both[name] = None
    return both[[*KEY, *_FACT, "hit"]]


def _table(run: Run, name: str) -> pd.DataFrame:
    read = pd.read_csv(run.folder / name)
    read.insert(0, "intervention", run.projection)
    read.insert(1, "language", run.language)
    return read


def _draws(run: Run) -> pd.DataFrame:
    return pd.read_parquet(run.folder / DRAW_HITS).assign(intervention=run.projection, language=run.language)


def add(path: Path, new: pd.DataFrame) -> None:
    """Rows of an intervention and language that are there already are replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = {name: "category" for name in ("intervention", "language", "relation", "uuid") if name in new}
    old = _read(path) if path.exists() else new.iloc[:0]
    replaced = set(zip(new["intervention"], new["language"], strict=True))
    kept = old[[pair not in replaced for pair in zip(old["intervention"], old["language"], strict=True)]]
    frame = pd.concat([frame.astype(dict.fromkeys(kinds, "object")) for frame in (kept, new) if len(frame)])
    frame = frame.sort_values(["language", "intervention"], kind="stable").reset_index(drop=True)
    if path.suffix == ".parquet":
        for name in ("lirp", "lsrp"):
            if name in frame:
                frame[name] = frame[name].astype("Int16")
        for name in ("strength", "strength_back"):
            if name in frame:
                frame[name] = frame[name].astype("float64")
        frame.astype(kinds).to_parquet(path, index=False, compression="zstd")
    else:
        frame.to_csv(path, index=False, lineterminator="\n")


def _read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def store_facts(mlama: Path, data: Path) -> None:
    """``language, relation, uuid, subject, in_subject, as_english`` of every fact of the two files of ids."""
    dataset, rows = MLama(path=str(mlama)), []
    wanted = {
        (row.relation, row.fact): part
        for part in ("selection", "reporting")
        for row in pd.read_csv(data / f"{part}.csv").itertuples()
    }
    english = {
        fact.key: fact.object for part in dataset.facts("en", "en", DataWarnings()).relations for fact in part.facts
    }
    for language in dataset.languages():
        for part in dataset.facts(language, language, DataWarnings()).relations:
            for fact in part.facts:
                if fact.key in wanted and language != "en":
                    contained = fact.object.casefold() in fact.subject.casefold()
                    same = fact.object.casefold() == english[fact.key].casefold()
                    rows.append(
                        (wanted[fact.key], language, fact.relation, fact.uuid, fact.subject_id, contained, same)
                    )
    names = ["part", "language", *_FACT, "subject", "in_subject", "as_english"]
    frame = pd.DataFrame(rows, columns=names)
    categories = frame.astype(dict.fromkeys(names[:5], "category"))
    categories.to_parquet(data / "facts.parquet", index=False, compression="zstd")
    counts = frame[frame["part"] == "reporting"].value_counts("language")
    print(f"facts.parquet: {len(frame)} rows; fewest reporting facts: {counts.tail(3).to_dict()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--outputs", type=Path, help="folder of the runs")
    parser.add_argument("--mlama", type=Path, help="mlama1.1.zip, to write facts.parquet anew")
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    if arguments.mlama:
        store_facts(arguments.mlama, arguments.data)
    if arguments.outputs:
        collect(arguments.outputs, arguments.data)


if __name__ == "__main__":
    main()
