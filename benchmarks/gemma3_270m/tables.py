"""The study's tables from what is stored, without the model: ``python -m benchmarks.gemma3_270m.tables``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.gemma3_270m.choices import Choices, Given
from benchmarks.gemma3_270m.estimates import (
    Contrast,
    Stored,
    jointly,
    over_languages,
    resampled_both,
    verdict,
    verdict_resampled,
)
from benchmarks.gemma3_270m.readings import tables_of_readings
from benchmarks.gemma3_270m.runs import OTHERS, missing
from benchmarks.gemma3_270m.store import DATA
from benchmarks.running import markdown
from lrp2_bench.core.types import Interval

#: What is reported: how a row is called, the experiment, and the start of the intervention's label.
REPORTED = (
    ("LRP2, own choice", "reporting_own", "lrp2"),
    ("LRP2, left out", "reporting_left_out", "lrp2"),
    ("first half alone (LIRP)", "reporting_left_out", "lirp_only"),
    ("second half alone (LSRP)", "reporting_left_out", "lsrp_only"),
    ("shuffled vectors", "reporting_left_out", "shuffled"),
    ("ReCoVeR", "reporting_left_out_recover", "recover"),
    ("subspace", "reporting_left_out_subspace", "subspace"),
    ("affine", "reporting_left_out_affine", "affine"),
)
#: Of these every language's gain is tested, jointly.
TESTED = ("LRP2, own choice", "LRP2, left out", "ReCoVeR", "subspace", "affine")


#: The interval that the design names, beside the suite's.
_BOOTSTRAP = "by two-way bootstrap"


def spell(interval: Interval) -> str:
    return f"{interval.value:+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]"


def by_bootstrap(contrasts: Mapping[str, Contrast]) -> str:
    interval = resampled_both(contrasts)
    return f"[{interval.low:+.1f}, {interval.high:+.1f}], {verdict_resampled(contrasts)}"


def named(setting: Given) -> str:
    """A setting as 14/16 at 0.5, or 14/16 at 1 and 0.5 back."""
    if not setting:
        return "none"
    lirp, lsrp, strength, *back = setting
    return f"{lirp}/{lsrp} at {strength:g}" + (f" and {back[0]:g} back" if back else "")


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
        changes = accuracy.mean(axis=1) - accuracy.loc[[()]].mean(axis=1).iloc[0]
        given = [setting for setting in changes.index if setting]
        ordered = sorted(given, key=lambda setting: -changes.iloc[list(changes.index).index(setting)])
        values = dict(zip(changes.index, changes, strict=True))
        chosen = Counter(named(choices.rival(kind, language)) for language in map(str, accuracy))
        rows.append(
            [kind, *(f"{named(each)}: {values[each]:+.1f}" for each in (ordered[0], ordered[-1])),
             ", ".join(f"{setting} ({count})" for setting, count in chosen.most_common())]
        )  # fmt: skip
    return markdown(["", "best, points", "worst, points", "left out (languages)"], rows)


def transfer(stored: Stored) -> tuple[dict[str, Contrast], Interval]:
    """The headline: gains of the default setting in the languages that no choice has seen, and their mean."""
    gains = {language: stored.gain(language, sides) for language, sides in stored.sides("transfer", "lrp2").items()}
    gains = {language: gain for language, gain in gains.items() if len(gain.values) >= 100}
    return gains, over_languages(gains)


def transfer_table(stored: Stored) -> tuple[str, str]:
    """Title and table; no number before every language has run, so that nobody looks at a part of it."""
    gains, mean = transfer(stored)
    missing = [each for each in OTHERS if each not in gains]
    if missing:
        return "Transfer of the choice: unfinished", f"{len(missing)} of {len(OTHERS)} languages have not run."
    rows = [
        [each, str(len(gain.values)), f"{100 * gain.baseline.mean():.1f}", spell(gain.interval())]
        for each, gain in sorted(gains.items(), key=lambda item: -item[1].mean)
    ]
    return (
        f"Headline: {spell(mean)} points over {len(gains)} languages ({verdict(mean)}; {_BOOTSTRAP} "
        f"{by_bootstrap(gains)})",
        markdown(["language", "facts", "baseline, %", "gain, points"], rows),
    )


def reported(stored: Stored) -> dict[str, dict[str, Contrast]]:
    """By row and language: gains over the baseline on the reporting facts."""
    found = {}
    for name, experiment, kind in REPORTED:
        if stored.has(experiment):
            sides = stored.sides(experiment, kind)
            found[name] = {language: stored.gain(language, each) for language, each in sides.items()}
    return found


def reporting_table(stored: Stored, data: Path = DATA) -> str:
    gains, rows = reported(stored), []
    for name, experiment, kind in REPORTED:
        if not gains.get(name):
            continue
        mean = over_languages(gains[name])
        changes = [sides.transferability() for sides in stored.sides(experiment, kind).values()]
        english, kl = _damage(data, experiment, kind)
        rows.append(
            [name, str(len(gains[name])), spell(mean), verdict(mean), by_bootstrap(gains[name]),
             f"{np.mean(changes):+.1f}", english, kl]
        )  # fmt: skip
    head = ["", "languages", "gain, points", "verdict", _BOOTSTRAP, "transferability", "English, points", "KL, nats"]
    return markdown(head, rows)


def controls(stored: Stored) -> dict[str, dict[str, Contrast]]:
    """LRP2 at the setting chosen on the other languages, less the mean of random draws and less shuffled vectors."""
    lrp2 = stored.sides("reporting_left_out", "lrp2")
    shuffled, draws = stored.sides("reporting_left_out", "shuffled"), stored.draws("reporting_left_out")
    return {
        "less 20 random draws": {
            each: stored.contrast(each, lrp2[each].moved, draws[each], lrp2[each].before)
            for each in lrp2 if each in draws
        },
        "less shuffled vectors": {
            each: stored.contrast(each, lrp2[each].moved, shuffled[each].moved, lrp2[each].before)
            for each in lrp2 if each in shuffled
        },
    }  # fmt: skip


def means_table(contrasts: Mapping[str, Mapping[str, Contrast]]) -> str:
    rows = []
    for name, by_language in contrasts.items():
        mean = over_languages(by_language)
        rows.append([name, str(len(by_language)), spell(mean), verdict(mean), by_bootstrap(by_language)])
    return markdown(["", "languages", "points", "verdict", _BOOTSTRAP], rows)


def languages_table(stored: Stored) -> str:
    """Every language's gains, with p-values corrected over languages and interventions jointly."""
    gains = {name: by_language for name, by_language in reported(stored).items() if name in TESTED}
    tested = {(name, language): gain for name, found in gains.items() for language, gain in found.items()}
    p = jointly(tested)
    rows = []
    for language in sorted({language for _, language in tested}):
        row = [language, f"{100 * next(g[language] for g in gains.values() if language in g).baseline.mean():.1f}"]
        for name in gains:
            there = (name, language) in tested
            row.append(f"{spell(tested[name, language].interval())} p {p[name, language]:.2f}" if there else "none")
        rows.append(row)
    return markdown(["language", "baseline, %", *gains], rows)


def forms_table(stored: Stored, experiment: str = "reporting_left_out", kind: str = "lrp2") -> str:
    """The gain where the answer is in the subject, where it is written as in English, and elsewhere."""
    parts: dict[str, dict[str, Contrast]] = {"in the subject": {}, "as in English": {}, "neither": {}}
    counts = dict.fromkeys(parts, 0)
    for language, sides in stored.sides(experiment, kind).items():
        facts, gain = stored.facts(language, sides.moved.index), stored.gain(language, sides)
        inside, same = (facts[name].to_numpy(bool) for name in ("in_subject", "as_english"))
        for name, keep in zip(parts, (inside, same & ~inside, ~same & ~inside), strict=True):
            counts[name] += int(keep.sum())
            if keep.sum() >= 20:
                parts[name][language] = gain.where(keep)
    rows = [
        [name, str(counts[name]), str(len(found)), spell(over_languages(found)) if found else "none"]
        for name, found in parts.items()
    ]
    return markdown(["answer", "facts over languages", "languages with 20 or more", "gain, points"], rows)


def relations_table(stored: Stored, experiment: str = "reporting_left_out", kind: str = "lrp2") -> str:
    """What is won and lost, by relation, over languages."""
    frames = [
        pd.DataFrame({"moved": sides.moved, "before": sides.before.loc[sides.moved.index]})
        for sides in stored.sides(experiment, kind).values()
    ]
    every = pd.concat(frames)
    names = every.index.get_level_values("relation")
    won, lost = every["moved"] > every["before"], every["moved"] < every["before"]
    counts = {
        name: [int(part[names == name].sum()) for part in (every["before"], won, lost)] + [int((names == name).sum())]
        for name in sorted(set(names))
    }
    rows = [
        [name, str(size), f"{100 * before / size:.0f}", str(gained), str(gone)]
        for name, (before, gained, gone, size) in sorted(counts.items(), key=lambda item: item[1][2] - item[1][1])
    ]
    return markdown(["relation", "facts over languages", "baseline, %", "won", "lost"], rows)


def _damage(data: Path, experiment: str, kind: str) -> tuple[str, str]:
    """Means over languages: the change of English accuracy in points, and the KL on neutral sentences."""
    path = data / f"damage_{experiment}.csv"
    if not path.is_file():
        return "", ""
    rows = pd.read_csv(path)
    rows = rows[rows["intervention"].str.startswith(kind)]
    before = rows[rows["lirp"].isna()].set_index("language")["pivot_accuracy"]
    after = rows[rows["lirp"].notna()].set_index("language")
    return f"{(after['pivot_accuracy'] - before).mean():+.1f}", f"{after['kl'].mean():.3f}"


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
        if left := missing(choices):
            yield "Reporting facts: unfinished", f"{len(left)} runs are missing, the first: {left[0]}."
            return
        yield "Reporting facts", reporting_table(stored, data)
        yield "LRP2, left out, against controls", means_table(controls(stored))
        yield "By language", languages_table(stored)
        yield "By the form of the answer (LRP2, left out)", forms_table(stored)
        yield "By relation (LRP2, left out)", relations_table(stored)
    yield from tables_of_readings(data)


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
