"""What the study reads in three languages' states and answers: ``python -m benchmarks.gemma3_270m.readings``.

``--outputs DIR`` stores what the step ``readings`` left there, without labels or scores, and prints the 40 facts that
are looked at by hand, with their queries' subjects and answers, which are not stored.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmarks.gemma3_270m.choices import Choices, Given, named
from benchmarks.gemma3_270m.runs import READ_LANGUAGES, add_inputs
from benchmarks.gemma3_270m.store import DATA, add
from benchmarks.running import markdown
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Fact, Interval
from lrp2_bench.data.mlama import MLama

STEP = "readings"
ANALYSES = ("alignment", "lens")
#: Metrics of scores: how a column is called, and decimals.
METRICS = {
    "accuracy": ("accuracy, points", 1),
    "own_probability": ("own probability, points", 1),
    "margin": ("margin, nats", 2),
    "mrr": ("mean reciprocal rank", 3),
    "accuracy_prior_corrected": ("accuracy less the prior, points", 1),
}
#: Facts looked at by hand: so many that turn from miss to hit, and from hit to miss.
BY_HAND = 20
_SETTING = ["lirp", "lsrp", "strength"]


def collect_readings(outputs: Path, data: Path) -> None:
    """Adds what the step left below ``outputs``: curves, metrics of scores, and kinds of answers by fact."""
    for analysis in ANALYSES:
        for path in sorted((outputs / STEP).glob(f"*/*/analyses/{analysis}/{analysis}_all_*.csv")):
            table = pd.read_csv(path)
            add(data / f"{STEP}_{analysis}.csv", table.assign(intervention=path.parents[3].name))
            print(f"{analysis}: {', '.join(dict.fromkeys(table['language']))}")
    for folder in _scored(outputs):
        named = {"intervention": folder.parents[2].name, "language": folder.name}
        add(data / f"{STEP}_metrics.csv", pd.read_csv(folder / "score_metrics.csv").assign(**named))
        add(data / "hits" / f"{STEP}_answers.parquet", _without_labels(folder).assign(**named))
        print(f"answers: {folder.name}")


def _scored(outputs: Path) -> list[Path]:
    return sorted(path.parent for path in (outputs / STEP).glob("*/*/*/*/score_metrics.csv"))


def _without_labels(folder: Path) -> pd.DataFrame:
    """``lirp, lsrp, strength, relation, uuid, kind, written, answer``: which object is answered is a number in its
    relation, and ``written`` says whose word it is."""
    read = pd.read_parquet(folder / "answers.parquet")
    codes = read.groupby("relation", observed=True)["answer"].transform(lambda answers: pd.factorize(answers)[0])
    kept = read[[*_SETTING, "relation", "uuid", "kind"]]
    return kept.assign(written=read["language"], answer=codes.astype("int16"))


def answers_table(answers: pd.DataFrame) -> str:
    """By language and setting, in percent of facts: what is answered; whose words the answers that are not right are;
    and how often a relation's commonest answer is given."""
    rows = []
    for (language, *_), part in answers.groupby(["language", *_SETTING], dropna=False, observed=True, sort=True):
        kinds = part["kind"].value_counts()
        others = part[part["kind"] != "right"]["written"].value_counts()
        commonest = part.groupby("relation", observed=True)["answer"].agg(lambda each: each.value_counts().iloc[0])
        given = _given(part)
        cells = [100 * kinds.get(kind, 0) / len(part) for kind in ("right", "form", "true", "wrong")]
        cells += [100 * others.get(whose, 0) / max(1, others.sum()) for whose in ("own", "both", "pivot")]
        cells.append(100 * commonest.sum() / len(part))
        rows.append(
            (
                language,
                bool(given),
                [str(language), named(given) if given else "baseline", *(f"{cell:.1f}" for cell in cells)],
            )
        )
    head = ["language", "setting", "right", "right, other form", "also true", "wrong", "of others: own words",
            "same in both", "English words", "relation's commonest answer"]  # fmt: skip
    return markdown(head, [row for *_, row in sorted(rows, key=lambda row: row[:2])])


def metrics_table(metrics: pd.DataFrame) -> str:
    """Changes against the baseline with the suite's intervals."""
    moved = metrics[metrics["lirp"].notna()]
    rows = []
    for (language, *_), part in moved.groupby(["language", *_SETTING], observed=True, sort=True):
        by_name = part.set_index("metric")
        cells = []
        for name, (_, digits) in METRICS.items():
            interval = Interval(*by_name.loc[name, ["change", "low", "high"]].astype(float))
            cells.append(f"{interval.value:+.{digits}f} [{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]")
        rows.append([str(language), named(_given(part)), *cells])
    return markdown(["language", "setting", *(title for title, _ in METRICS.values())], rows)


def tables_of_readings(data: Path) -> Iterator[tuple[str, str]]:
    """Title and table of what has been stored."""
    if (path := data / f"{STEP}_metrics.csv").is_file():
        yield "Metrics of scores: changes against the baseline", metrics_table(pd.read_csv(path))
    if (path := data / "hits" / f"{STEP}_answers.parquet").is_file():
        yield "What is answered, in percent", answers_table(pd.read_parquet(path))


def changed(answers: pd.DataFrame, settings: dict[str, Given]) -> pd.DataFrame:
    """The facts to look at: of all that a setting turns from miss to hit and back in the languages of ``settings``,
    each 20 in the order of the SHA-256 of `language relation uuid`. ``language, relation, uuid, change, before,
    after``; the last two are what is answered."""
    found = []
    for language, setting in settings.items():
        rows = answers[answers["language"] == language].set_index(["relation", "uuid"])
        before = rows[rows["lirp"].isna()]
        after = rows[(rows[_SETTING] == list(setting[:3])).all(axis=1)].loc[before.index]
        right = before["kind"] == "right", after["kind"] == "right"
        both = pd.DataFrame({"language": language, "before": before["answer"], "after": after["answer"]})
        both["change"] = right[1].astype(int) - right[0].astype(int)
        found.append(both[both["change"] != 0].reset_index())
    every = pd.concat(found, ignore_index=True)
    names = every["language"] + " " + every["relation"].astype(str) + " " + every["uuid"].astype(str)
    every["order"] = [hashlib.sha256(name.encode()).hexdigest() for name in names]
    parts = [every[every["change"] == change].sort_values("order").head(BY_HAND) for change in (1, -1)]
    return pd.concat(parts)[["language", "relation", "uuid", "change", "before", "after"]].reset_index(drop=True)


def _given(rows: pd.DataFrame) -> Given:
    """The setting that the rows are of."""
    lirp, lsrp, strength = rows[_SETTING].iloc[0].to_numpy(dtype=float)
    return () if pd.isna(lirp) else (int(lirp), int(lsrp), float(strength))


def _by_hand(outputs: Path, mlama: Path) -> Iterator[str]:
    """A line for each fact to look at: subject, object, and what is answered at the baseline and with LRP2."""
    read = [pd.read_parquet(folder / "answers.parquet").assign(language=folder.name) for folder in _scored(outputs)]
    there = [str(frame["language"].iloc[0]) for frame in read]
    settings = {language: Choices().left_out(language) for language in READ_LANGUAGES if language in there}
    facts = {language: _facts(mlama, language) for language in ("en", *settings)}
    for at, row in enumerate(changed(pd.concat(read), settings).to_dict("records"), 1):
        own, english = (facts[language][row["relation"], row["uuid"]] for language in (row["language"], "en"))
        turned = "miss to hit" if row["change"] > 0 else "hit to miss"
        yield (
            f"{at:2} {turned} {row['language']} {row['relation']} {row['uuid']}: "
            f"{own.subject}, {own.object} ({english.subject}, {english.object}): {row['before']} => {row['after']}"
        )


def _facts(mlama: Path, language: str) -> dict[tuple[str, str], Fact]:
    relations = MLama(path=str(mlama)).facts(language, language, DataWarnings()).relations
    return {(fact.relation, fact.uuid): fact for relation in relations for fact in relation.facts}


def main() -> None:
    parser = argparse.ArgumentParser(description="Stores what was read, and prints the facts to look at by hand.")
    add_inputs(parser)
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    collect_readings(arguments.outputs, arguments.data)
    for line in _by_hand(arguments.outputs, arguments.mlama):
        print(line)


if __name__ == "__main__":
    main()
