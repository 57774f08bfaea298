"""What step 3 says: every intervention on the reporting facts, over languages and by language, and the controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.gemma3_270m.choices import Choices, Given
from benchmarks.gemma3_270m.estimates import (
    Contrast,
    Sides,
    Stored,
    jointly,
    over_languages,
    resampled_both,
    verdict,
    verdict_resampled,
)
from benchmarks.gemma3_270m.runs import RIVALS
from benchmarks.gemma3_270m.store import DATA
from benchmarks.running import markdown
from lrp2_bench.core.types import Interval

#: What is reported: how a row is called, the experiment, and the start of the intervention's label.
REPORTED = {
    "LRP2, own choice": ("reporting_own", "lrp2"),
    "LRP2, left out": ("reporting_left_out", "lrp2"),
    "first half alone (LIRP)": ("reporting_left_out", "lirp_only"),
    "second half alone (LSRP)": ("reporting_left_out", "lsrp_only"),
    "shuffled vectors": ("reporting_left_out", "shuffled"),
    "ReCoVeR": ("reporting_left_out_recover", "recover"),
    "subspace": ("reporting_left_out_subspace", "subspace"),
    "affine": ("reporting_left_out_affine", "affine"),
}
#: Of these every language's gain is tested, jointly.
TESTED = ("LRP2, own choice", "LRP2, left out", "ReCoVeR", "subspace", "affine")
LEFT_OUT = "LRP2, left out"
DRAWN = "random draws, mean of 20"
#: The interval that the design names, beside the suite's.
BOOTSTRAP = "by two-way bootstrap"
#: Were relations and their templates a sample too.
BY_RELATION = "clusters: relations"
#: Columns behind a mean over languages.
TOLD = ("verdict", BOOTSTRAP, BY_RELATION)


def spell(interval: Interval) -> str:
    return f"{interval.value:+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]"


def told(contrasts: Mapping[str, Contrast]) -> list[str]:
    """The mean over languages, its verdict, and both by the interval that the design names, and with relations as the
    clusters of facts."""
    mean, by_relation = (
        over_languages(each)
        for each in (contrasts, {language: contrast.by_relation() for language, contrast in contrasts.items()})
    )
    count = len(contrasts)
    relations = f"[{by_relation.low:+.1f}, {by_relation.high:+.1f}], {verdict(by_relation, count)}"
    return [spell(mean), verdict(mean, count), by_bootstrap(contrasts), relations]


def by_bootstrap(contrasts: Mapping[str, Contrast]) -> str:
    interval = resampled_both(contrasts)
    return f"[{interval.low:+.1f}, {interval.high:+.1f}], {verdict_resampled(contrasts)}"


def forgets(gain: float, transferability: float) -> str:
    """The change of transferability in points, with a remark where it rises and accuracy falls."""
    return f"{transferability:+.1f}" + (" (accuracy falls)" if transferability > 0 > gain else "")


@dataclass(frozen=True)
class Reporting:
    """From what is stored in ``data``. A language whose choice is no intervention counts with a change of 0."""

    data: Path = DATA

    @cached_property
    def choices(self) -> Choices:
        return Choices(self.data)

    @cached_property
    def stored(self) -> Stored:
        return Stored(self.data)

    def setting(self, name: str, language: str) -> Given:
        """What was chosen for a row of :data:`REPORTED`."""
        experiment, kind = REPORTED[name]
        if kind in RIVALS:
            return self.choices.rival_setting(kind, language)
        return self.choices.own(language) if experiment == "reporting_own" else self.choices.left_out(language)

    @cached_property
    def sides(self) -> dict[str, dict[str, Sides]]:
        """By row and language. Raises KeyError where a run is missing."""
        languages = [str(each) for each in self.choices.grid]
        any_run = self.stored.sides("reporting_left_out", "lrp2")
        found: dict[str, dict[str, Sides]] = {}
        for name, (experiment, kind) in REPORTED.items():
            there = self.stored.sides(experiment, kind) if self.stored.has(experiment) else {}
            found[name] = {
                language: there[language] if self.setting(name, language) else any_run[language].unmoved
                for language in languages
            }
        return found

    @cached_property
    def gains(self) -> dict[str, dict[str, Contrast]]:
        """Over the baseline."""
        return {
            name: {language: self.stored.gain(language, each) for language, each in sides.items()}
            for name, sides in self.sides.items()
        }

    @cached_property
    def drawn(self) -> dict[str, Contrast]:
        """The gain of the mean of random draws."""
        draws = self.stored.draws("reporting_left_out")
        return {
            language: self.stored.contrast(language, draws[language], sides.before, sides.before)
            for language, sides in self.sides[LEFT_OUT].items()
        }

    @cached_property
    def differences(self) -> dict[str, dict[str, Contrast]]:
        """LRP2 at the setting chosen on the other languages, less the mean of random draws, and less shuffled ones; and
        at each language's own choice, less at that setting (which the design did not plan)."""
        draws, shuffled = self.stored.draws("reporting_left_out"), self.sides["shuffled vectors"]
        others = {
            "left out less 20 random draws": draws,
            "left out less shuffled vectors": {language: each.moved for language, each in shuffled.items()},
        }
        found = {
            name: {
                language: self.stored.contrast(language, each.moved, other[language], each.before)
                for language, each in self.sides[LEFT_OUT].items()
            }
            for name, other in others.items()
        }
        own, left_out = self.sides["LRP2, own choice"], self.sides[LEFT_OUT]
        found["own choice less left out"] = {
            language: self.stored.contrast(language, own[language].moved, each.moved, each.before)
            for language, each in left_out.items()
        }
        return found

    def damage(self, name: str) -> tuple[str, str]:
        """Means over languages: the change of English accuracy in points, and the KL on sentences of the language."""
        experiment, kind = REPORTED[name]
        moved = [language for language in self.sides[name] if self.setting(name, language)]
        if not moved:
            return "0.0", "0.000"
        sums = damage_of(self.data, experiment, kind).loc[moved].sum() / len(self.sides[name])
        return f"{sums['change']:+.1f}", f"{sums['kl']:.3f}"

    def table(self) -> str:
        """A row an intervention, and one of the random draws: the mean gain over languages."""
        rows = []
        for name, gains in self.gains.items():
            idle = sum(not self.setting(name, language) for language in gains)
            of = f"{len(gains)}" + (f", {idle} at the baseline" if idle else "")
            rows.append([name, of, *told(gains)])
        rows.append([DRAWN, str(len(self.drawn)), *told(self.drawn)])
        return markdown(["", "languages", "gain, points", *TOLD], rows)

    def costs_table(self) -> str:
        """The same rows: means over languages of what stands beside the gain."""
        rows = []
        for name, gains in self.gains.items():
            change = float(np.mean([sides.transferability() for sides in self.sides[name].values()]))
            rows.append([name, forgets(over_languages(gains).value, change), *self.damage(name)])
        draws = draws_kl(self.data)
        kl = f"{draws.groupby('language')['kl'].mean().mean():.3f} ({100 * draws['apart'].max():.0f} % apart at most)"
        rows.append([DRAWN, "", "", kl])
        return markdown(["", "transferability", "English accuracy, points", "KL, nats"], rows)

    def differences_table(self) -> str:
        rows = []
        for name, contrasts in self.differences.items():
            rows.append([name, str(len(contrasts)), *told(contrasts)])
        return markdown(["", "languages", "points", *TOLD], rows)

    def languages_table(self) -> str:
        """Every language's gains in points with intervals of their own, and p-values corrected over languages and
        interventions jointly: that there is no gain (one-sided), and in brackets that nothing changes (two-sided)."""
        tested = {
            (name, language): gain
            for name in TESTED
            for language, gain in self.gains[name].items()
            if self.setting(name, language)
        }
        p, rows = jointly(tested), []
        for language, gain in self.gains[LEFT_OUT].items():
            row = [language, f"{100 * gain.baseline.mean():.1f}"]
            for name in TESTED:
                key = (name, language)
                if key not in tested:
                    row.append("none chosen")
                    continue
                one_sided, two_sided = p[key]
                row.append(f"{spell(tested[key].interval())} p {one_sided:.3f} ({two_sided:.3f})")
            rows.append(row)
        return markdown(["language", "baseline, %", *TESTED], rows)

    def untested_table(self) -> str:
        """Every language's gains in points by half of LRP2 and by the controls, with intervals of their own."""
        every = {name: gains for name, gains in self.gains.items() if name not in TESTED} | {DRAWN: self.drawn}
        rows = [[language, *(spell(gains[language].interval()) for gains in every.values())] for language in self.drawn]
        return markdown(["language", *every], rows)

    def beside_table(self) -> str:
        """Every language's costs of LRP2, as in :meth:`costs_table`."""
        head, rows = ["language"], {language: [language] for language in self.drawn}
        for name in ("LRP2, own choice", LEFT_OUT):
            head += [f"{name}: transferability", "English accuracy, points", "KL, nats"]
            damage = damage_of(self.data, *REPORTED[name])
            for language, cells in rows.items():
                change = self.sides[name][language].transferability()
                cells.append(forgets(self.gains[name][language].mean, change))
                moved = bool(self.setting(name, language))
                cells += [f"{damage['change'][language]:+.1f}", f"{damage['kl'][language]:.3f}"] if moved else ["", ""]
        return markdown(head, list(rows.values()))

    def full_pools_table(self) -> str:
        """All of a relation's objects as candidates: the two settings of each language there."""
        rows = []
        for name in ("LRP2, own choice", LEFT_OUT):
            settings = {str(each): self.setting(name, str(each)) for each in self.choices.grid}
            for language, sides in self.stored.sides("full_pools", "lrp2", settings).items():
                gain = self.stored.gain(language, sides)
                in_tens = self.gains[name][language]
                rows.append([language, name, f"{100 * in_tens.baseline.mean():.1f}", spell(in_tens.interval()),
                             f"{100 * gain.baseline.mean():.1f}", spell(gain.interval())])  # fmt: skip
        head = ["language", "", "pools of ten: baseline, %", "gain, points", "full pools: baseline, %", "gain, points"]
        return markdown(head, sorted(rows))


def damage_of(data: Path, experiment: str, kind: str) -> pd.DataFrame:
    """By language: ``change`` of English accuracy in points against the same run's baseline, and ``kl``. An
    intervention that has one layer alone is measured at several pairs that are one."""
    rows = pd.read_csv(data / f"damage_{experiment}.csv")
    rows = rows[rows["intervention"].str.startswith(kind)]
    means = rows.assign(moved=rows["lirp"].notna()).groupby(["language", "moved"])[["pivot_accuracy", "kl"]].mean()
    before, after = (means.xs(moved, level="moved") for moved in (False, True))
    return pd.DataFrame({"change": (after - before)["pivot_accuracy"], "kl": after["kl"]})


def draws_kl(data: Path) -> pd.DataFrame:
    """``language, seed, kl, apart`` of each random draw; ``apart`` is how far from the intervention's, as a share."""
    rows = pd.read_csv(data / "draws_reporting_left_out.csv")
    aim = rows[rows["seed"].isna()].set_index("language")["kl"]
    drawn = rows[rows["seed"].notna()]
    return drawn.assign(apart=(drawn["kl"] / drawn["language"].map(aim) - 1).abs())[["language", "seed", "kl", "apart"]]
