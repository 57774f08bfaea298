"""What the study chooses from the hits of its selection facts: ``python -m benchmarks.gemma3_270m.choices``.

By accuracy; the baseline is among the choices; ties go to the baseline, then to the smaller strength, then to the first
pair in order. Choices are made anew from the stored hits each time, so that no file can say another thing than they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.gemma3_270m.store import DATA, read_stored

#: Layers, and the strengths there and, where it is another, back.
Given = tuple[int | float, ...]
TOKENS = ("text", "all")
#: Interventions other than LRP2.
RIVALS = 3


def table(hits: pd.DataFrame) -> pd.DataFrame:
    """Accuracy in percent, ``[setting, language]``, of one intervention: the baseline, which is (), first, then by
    strength and pair."""
    names = ["strength", "strength_back", "lirp", "lsrp"]
    means = hits.groupby([*names, "language"], dropna=False, observed=True)["hit"].mean().unstack("language")
    rows = {}
    for at, (strength, back, lirp, lsrp) in enumerate(means.index.to_frame().to_numpy(dtype=float)):
        setting: Given = ()
        if not np.isnan(lirp):
            further = () if np.isnan(back) or back == strength else (float(back),)
            setting = (int(lirp), int(lsrp), float(strength), *further)
        rows[setting] = 100.0 * means.iloc[at]
    order = sorted(rows, key=lambda setting: (bool(setting), setting[2:], setting[:2]))
    return pd.DataFrame([rows[setting] for setting in order], index=pd.Index(order, tupleize_cols=False))


def first_best(values: pd.Series) -> Given:
    """The setting of the highest value, the first of equals."""
    rounded = np.round(values.to_numpy(), 9)
    best: Given = values.index[int(rounded.argmax())]
    return best


def named(setting: Given) -> str:
    """A setting as 14/16 at 0.5, or 14/16 at 1 and 0.5 back."""
    if not setting:
        return "none"
    lirp, lsrp, strength, *back = setting
    return f"{lirp}/{lsrp} at {strength:g}" + (f" and {back[0]:g} back" if back else "")


@dataclass(frozen=True)
class Choices:
    """From the hits of the steps ``tokens``, ``grid`` and ``rivals``, in ``data``."""

    data: Path = DATA

    @cached_property
    def tokens_accuracy(self) -> dict[str, tuple[Given, float]]:
        """By ``projection.tokens``: the best setting in mean over the three languages, and that mean."""
        found = {}
        for tokens in TOKENS:
            means = self._own(f"tokens_{tokens}").mean(axis=1)
            best = first_best(means)
            found[tokens] = best, float(means.iloc[list(means.index).index(best)])
        return found

    @property
    def tokens(self) -> str:
        """The one with the higher mean; a tie takes ``text``."""
        means = {tokens: round(mean, 9) for tokens, (_, mean) in self.tokens_accuracy.items()}
        return max(TOKENS, key=lambda tokens: means[tokens])

    @cached_property
    def grid(self) -> pd.DataFrame:
        """LRP2 on the selection facts: accuracy, ``[setting, language]``."""
        return self._own("grid")

    @cached_property
    def rivals(self) -> dict[str, pd.DataFrame]:
        """By the start of an intervention's label: the same of the others."""
        hits = read_stored("rivals", self.data)
        hits = hits[hits["intervention"] != "pivot"]
        kinds = hits["intervention"].astype(str).str.split("_").str[0]
        found = {kind: table(hits[kinds == kind]) for kind in sorted(set(kinds))}
        left = sum(language not in each for each in found.values() for language in self.grid)
        if left or len(found) < RIVALS:
            raise SystemExit(f"Step 2 is unfinished: {left} runs are missing, and nothing is chosen from a part of it.")
        return found

    @property
    def has_rivals(self) -> bool:
        return (self.data / "hits" / "rivals.parquet").exists()

    def own(self, language: str) -> Given:
        return first_best(self.grid[language])

    def left_out(self, language: str) -> Given:
        """Of the other languages' mean."""
        return first_best(self.grid.drop(columns=language).mean(axis=1))

    def default(self) -> Given:
        return first_best(self.grid.mean(axis=1))

    def rival(self, kind: str, language: str) -> Given:
        """As :meth:`left_out`, of another intervention."""
        return first_best(self._others(kind, language))

    def rival_setting(self, kind: str, language: str) -> Given:
        """The best but the baseline: what is reported of it, to know what it does where it was not chosen on."""
        return first_best(self._others(kind, language).drop([()]))

    def _others(self, kind: str, language: str) -> pd.Series:
        return self.rivals[kind].drop(columns=language).mean(axis=1)

    def ten_pairs(self) -> list[tuple[int, int]]:
        """The pairs with the highest mean accuracy over languages, each at its better strength; ties as above."""
        means = self.grid.mean(axis=1).drop([()]) if () in self.grid.index else self.grid.mean(axis=1)
        order = sorted(range(len(means)), key=lambda at: (-round(float(means.iloc[at]), 9), at))
        return list(dict.fromkeys((int(means.index[at][0]), int(means.index[at][1])) for at in order))[:10]

    def _own(self, experiment: str) -> pd.DataFrame:
        hits = read_stored(experiment, self.data)
        return table(hits[hits["intervention"] != "pivot"])


def main() -> None:
    choices = Choices()
    for tokens, (setting, mean) in choices.tokens_accuracy.items():
        print(f"projection.tokens={tokens}: {mean:.2f} % at {setting}")
    print(f"Used everywhere: {choices.tokens}")
    if (DATA / "hits" / "grid.parquet").exists():
        for language in map(str, choices.grid):
            print(f"{language}: own {choices.own(language)}, left out {choices.left_out(language)}")
        print(f"default {choices.default()}; ten pairs: {choices.ten_pairs()}")
    if choices.has_rivals:
        for kind in choices.rivals:
            for each in map(str, choices.grid):
                print(f"{kind}, {each}: {choices.rival(kind, each)}, else {choices.rival_setting(kind, each)}")


if __name__ == "__main__":
    main()
