"""The study's tables from what is stored, without the model: ``python -m benchmarks.gemma3_270m.tables``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.gemma3_270m.choices import Choices, Given, named
from benchmarks.gemma3_270m.estimates import Contrast, Stored, apart, over_languages
from benchmarks.gemma3_270m.readings import tables_of_readings
from benchmarks.gemma3_270m.reporting import BOOTSTRAP, BY_RELATION, Reporting, forgets, spell, told
from benchmarks.gemma3_270m.runs import OTHERS, missing
from benchmarks.gemma3_270m.store import DATA
from benchmarks.running import markdown
from lrp2_bench.core.types import Interval


def tokens_table(choices: Choices) -> str:
    rows = [[tokens, named(best), f"{mean:.1f}"] for tokens, (best, mean) in choices.tokens_accuracy.items()]
    return markdown(["tokens", "best setting", "accuracy there, %"], rows)


def selection_table(choices: Choices) -> str:
    """In-sample: what was chosen, and what it does on the facts that chose it."""
    rows = []
    for language in map(str, choices.grid):
        values = dict(zip(choices.grid.index, choices.grid[language], strict=True))
        own, left_out = choices.own(language), choices.left_out(language)
        rows.append(
            [language, f"{values[()]:.1f}", named(own), f"{values[own] - values[()]:+.1f}", named(left_out),
             f"{values[left_out] - values[()]:+.1f}"]
        )  # fmt: skip
    return markdown(["language", "baseline, %", "own", "in-sample", "left out", "change on its facts"], rows)


def rivals_table(choices: Choices) -> str:
    """In-sample: each rival's best and worst setting in the mean over languages, and what is chosen on the others."""
    rows = []
    for kind, accuracy in choices.rivals.items():
        means = dict(zip(accuracy.index, accuracy.mean(axis=1), strict=True))
        baseline = means.pop(())
        ordered = sorted(means, key=lambda setting: -means[setting])
        rows.append(
            [
                kind,
                *(f"{named(each)}: {means[each] - baseline:+.1f}" for each in (ordered[0], ordered[-1])),
                *(_counted(choose, kind, accuracy) for choose in (choices.rival, choices.rival_setting)),
            ]
        )
    return markdown(["", "best, points", "worst, points", "left out (languages)", "left out, baseline excluded"], rows)


def _counted(choose: Callable[[str, str], Given], kind: str, accuracy: pd.DataFrame) -> str:
    """What is chosen in how many languages."""
    chosen = Counter(named(choose(kind, language)) for language in map(str, accuracy))
    return ", ".join(f"{setting} ({count})" for setting, count in chosen.most_common())


def transfer(stored: Stored) -> tuple[dict[str, Contrast], Interval]:
    """The headline: gains of the default setting in the languages that no choice has seen, and their mean."""
    gains = {language: stored.gain(language, sides) for language, sides in stored.sides("transfer", "lrp2").items()}
    gains = {language: gain for language, gain in gains.items() if len(gain.values) >= 100}
    return gains, over_languages(gains)


def transfer_table(stored: Stored) -> tuple[str, str]:
    """Title and table; no number before every language has run, so that nobody looks at a part of it."""
    gains, mean = transfer(stored)
    left = [each for each in OTHERS if each not in gains]
    if left:
        return "Transfer of the choice: unfinished", f"{len(left)} of {len(OTHERS)} languages have not run."
    changes = {each: sides.transferability() for each, sides in stored.sides("transfer", "lrp2").items()}
    rows = [
        [each, str(len(gain.values)), f"{100 * gain.baseline.mean():.1f}", spell(gain.interval()),
         forgets(gain.mean, changes[each])]
        for each, gain in sorted(gains.items(), key=lambda item: -item[1].mean)
    ]  # fmt: skip
    value, found, bootstrap, by_relation = told(gains)
    transferability = forgets(mean.value, float(np.mean([changes[each] for each in gains])))
    return (
        f"Headline: {value} points over {len(gains)} languages ({found}; {BOOTSTRAP} {bootstrap}; "
        f"{BY_RELATION} {by_relation}); transferability {transferability}",
        markdown(["language", "facts", "baseline, %", "gain, points", "transferability"], rows),
    )


def forms_table(stored: Stored, experiment: str, kind: str = "lrp2") -> str:
    """The gain where the answer is in the subject, where it is written as in English, and elsewhere; and how much more
    it is in the first two together than elsewhere, which the design did not plan."""
    parts: dict[str, dict[str, Contrast]] = {"in the subject": {}, "as in English": {}, "neither": {}}
    both: dict[str, tuple[Contrast, Contrast]] = {}
    counts = dict.fromkeys(parts, 0)
    for language, sides in stored.sides(experiment, kind).items():
        facts, gain = stored.facts(language, sides.moved.index), stored.gain(language, sides)
        inside, same = (facts[name].to_numpy(bool) for name in ("in_subject", "as_english"))
        for name, keep in zip(parts, (inside, same & ~inside, ~same & ~inside), strict=True):
            if keep.sum() >= 20:
                counts[name] += int(keep.sum())
                parts[name][language] = gain.where(keep)
        if min((inside | same).sum(), (~same & ~inside).sum()) >= 20:
            both[language] = gain.where(inside | same), gain.where(~same & ~inside)
    rows = [
        [name, str(len(found)), str(counts[name]), spell(over_languages(found)) if found else "none"]
        for name, found in parts.items()
    ]
    if both:
        rows.append(["either of these, less neither", str(len(both)), "", spell(apart(both))])
    return markdown(["answer", "languages with 20 or more", "facts there", "gain, points"], rows)


def relations_table(stored: Stored, experiment: str, kind: str = "lrp2") -> str:
    """What turns from miss to hit and from hit to miss, by relation, over languages."""
    frames = [
        pd.DataFrame({"moved": sides.moved, "before": sides.before.loc[sides.moved.index]})
        for sides in stored.sides(experiment, kind).values()
    ]
    every = pd.concat(frames)
    names = every.index.get_level_values("relation")
    to_hit, to_miss = every["moved"] > every["before"], every["moved"] < every["before"]
    counts = {
        name: [int(part[names == name].sum()) for part in (every["before"], to_hit, to_miss)]
        + [int((names == name).sum())]
        for name in sorted(set(names))
    }
    rows = [
        [name, str(size), f"{100 * before / size:.0f}", str(gained), str(gone)]
        for name, (before, gained, gone, size) in sorted(counts.items(), key=lambda item: item[1][2] - item[1][1])
    ]
    return markdown(["relation", "facts over languages", "baseline, %", "miss to hit", "hit to miss"], rows)


def tables(data: Path = DATA) -> Iterator[tuple[str, str]]:
    """Title and table of each step that has been run."""
    choices, stored = Choices(data), Stored(data)
    if all(stored.has(f"tokens_{tokens}") for tokens in ("text", "all")):
        yield "Which tokens (selection facts, in-sample)", tokens_table(choices)
    if stored.has("grid"):
        yield "Choices (selection facts, in-sample)", selection_table(choices)
    if stored.has("rivals"):
        yield "Rivals (selection facts, in-sample)", _rivals(choices)
    if stored.has("transfer"):
        headline = transfer_table(stored)
        yield headline
        if headline[0].startswith("Headline"):
            yield "By the form of the answer (transfer)", forms_table(stored, "transfer")
            yield "By relation (transfer)", relations_table(stored, "transfer")
    if stored.has("reporting_left_out"):
        yield from _step_3(choices, data)
    yield from tables_of_readings(data)


def _step_3(choices: Choices, data: Path) -> Iterator[tuple[str, str]]:
    """No number before every run is there."""
    if left := missing(choices):
        yield "Reporting facts: unfinished", f"{len(left)} runs are missing, the first: {left[0]}."
        return
    reporting, stored = Reporting(data), Stored(data)
    yield "Reporting facts", reporting.table()
    yield "Reporting facts: what stands beside the gain", reporting.costs_table()
    yield "Differences between interventions", reporting.differences_table()
    yield "By language: gains in points, and corrected p, one-sided (two-sided)", reporting.languages_table()
    yield "By language: halves and controls, gains in points", reporting.untested_table()
    yield "By language: what stands beside LRP2's gain", reporting.beside_table()
    if stored.has("full_pools"):
        yield "Full pools", reporting.full_pools_table()
    for name, experiment in (("left out", "reporting_left_out"), ("own choice", "reporting_own")):
        if stored.has(experiment):
            yield f"By the form of the answer (LRP2, {name})", forms_table(stored, experiment)
            yield f"By relation (LRP2, {name})", relations_table(stored, experiment)


def _rivals(choices: Choices) -> str:
    """No number before every language has run."""
    try:
        return rivals_table(choices)
    except SystemExit as unfinished:
        return str(unfinished)


def main() -> None:
    for title, table in tables():
        print(f"## {title}\n\n{table}\n")


if __name__ == "__main__":
    main()
