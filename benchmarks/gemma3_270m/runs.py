"""The study's runs, by the suite's own commands: ``python -m benchmarks.gemma3_270m.runs STEP``.

Steps are those of docs/results/gemma3_270m.md. What a step needs of an earlier one is chosen from its stored hits
(:mod:`benchmarks.gemma3_270m.choices`). Killed, a step goes on where it was when the same command runs again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from benchmarks.gemma3_270m.choices import TOKENS, Choices, Given
from benchmarks.gemma3_270m.facts import LANGUAGES
from benchmarks.gemma3_270m.model import gemma_file
from benchmarks.gemma3_270m.store import DATA
from benchmarks.running import REPOSITORY, lrp2_bench

STEPS = ("tokens", "grid", "rivals", "reporting", "full_pools", "transfer", "readings")
#: The languages in which states are read (alignment, logit lens) and answers are looked at.
READ_LANGUAGES = ("de", "ru", "zh")
#: The languages in which all of a relation's objects are candidates once, as a check.
FULL_POOLS = ("zh", "de")
#: Languages and layers on which it is decided which tokens are moved.
TOKEN_LANGUAGES, TOKEN_LAYERS = ("zh", "de", "ru"), range(2, 19, 2)
STRENGTHS = (0.5, 1.0)
#: What each rival is tried at: its strength, and that of the way back where it is another.
RIVALS: dict[str, tuple[tuple[float, ...], ...]] = {
    "recover": ((0.5, 0.25), (1.0, 0.5)),
    "subspace": ((0.3, 0.0), (0.3, 0.1)),
    "affine": ((0.5,), (1.0,)),
}
SEEDS = 20
#: The languages of mLAMA that no choice has seen.
OTHERS = (
    "af", "az", "be", "bg", "bn", "ca", "ceb", "cs", "da", "el", "et", "eu", "fa", "fi",
    "ga", "gl", "he", "hr", "hu", "hy", "id", "it", "ka", "la", "lt", "lv", "ms", "nl",
    "pl", "pt", "ro", "sk", "sl", "sq", "sr", "sv", "ta", "th", "uk", "ur",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One ``lrp2-bench COMMAND``: its experiment, language, file of facts, and further settings; of step 3 also the
    intervention and its only setting."""

    experiment: str
    language: str
    facts: str
    settings: tuple[str, ...] = field(default=())
    command: str = "search"
    kind: str = ""
    setting: Given = ()


def pairs(settings: Sequence[Given]) -> tuple[str, ...]:
    """The search of given settings alone, beside the baseline."""
    return ("search=pairs", f"search.pairs={_list(settings)}")


def _list(settings: Iterable[Given]) -> str:
    return str([list(setting) for setting in settings]).replace(" ", "")


def jobs(step: str, choices: Choices) -> Iterator[Job]:
    """A step's jobs in their order, as the ``choices`` from the steps before it say."""
    if step == "tokens":
        settings = pairs([(i, j, s) for i in TOKEN_LAYERS for j in TOKEN_LAYERS if i < j for s in STRENGTHS])
        for language in TOKEN_LANGUAGES:
            for tokens in TOKENS:
                further = (*settings, f"projection.tokens={tokens}", "damage=false")
                yield Job(f"tokens_{tokens}", language, "selection", further)
        return
    tokens_setting = f"projection.tokens={choices.tokens}"
    both = f"search.strengths=[{','.join(map(str, STRENGTHS))}]"
    for language in OTHERS if step == "transfer" else LANGUAGES:
        if step == "grid":
            yield Job("grid", language, "selection", ("search=grid", both, tokens_setting, "damage=false"))
        elif step == "rivals":
            for kind, strengths in RIVALS.items():
                given = pairs([(i, j, *each) for i, j in choices.ten_pairs() for each in strengths])
                settings = (*given, f"projection={kind}", tokens_setting, *_among(kind), "damage=false")
                yield Job("rivals", language, "selection", settings)
        elif step == "reporting":
            left_out = choices.left_out(language)
            for name, kinds, setting in (
                ("own", ("lrp2",), choices.own(language)),
                ("left_out", ("lrp2", "lirp_only", "lsrp_only", "shuffled"), left_out),
                *((f"left_out_{kind}", (kind,), choices.rival_setting(kind, language)) for kind in RIVALS),
            ):
                for kind in kinds if setting else ():
                    draws = (f"projection.seeds={SEEDS}",) if (name, kind) == ("left_out", "lrp2") else ()
                    settings = (
                        *pairs([setting]),
                        f"projection={kind}",
                        tokens_setting,
                        *_among(kind),
                        *draws,
                        "alignment=false",
                    )
                    yield Job(f"reporting_{name}", language, "reporting", settings, kind=kind, setting=setting)
        elif step == "full_pools":
            apart = dict.fromkeys(each for each in (choices.own(language), choices.left_out(language)) if each)
            if language in FULL_POOLS:
                settings = pairs(list(apart)) if apart else ("search=baseline",)
                further = ("probing.pool_size=null", "damage=false", "alignment=false")
                yield Job(step, language, "reporting", (*settings, tokens_setting, *further))
        elif step == "transfer":
            default = choices.default()
            settings = (*pairs([default]), tokens_setting) if default else ("search=baseline",)
            yield Job("transfer", language, "reporting", (*settings, "damage=false"))
        elif step == "readings":
            if language in READ_LANGUAGES and (setting := choices.left_out(language)):
                yield from _readings(language, setting, choices.own(language), tokens_setting)
        else:
            raise SystemExit(f"'{step}' is no step: {', '.join(STEPS)}")


def _readings(language: str, left_out: Given, own: Given, tokens: str) -> Iterator[Job]:
    """All candidates' scores at the two settings that are reported; alignment of states, and the logit lens, at the one
    chosen on the other languages."""
    scored = _list(dict.fromkeys(setting for setting in (left_out, own) if setting))
    yield Job("readings", language, "reporting", (tokens, f"score.settings={scored}"), "score")
    for analysis in ("alignment", "lens"):
        further = (f"analysis={analysis}", f"pair={list(left_out)}".replace(" ", ""))
        yield Job("readings", language, "reporting", (tokens, *further), "analyze")


def _among(kind: str) -> tuple[str, ...]:
    """The languages whose vectors an intervention rests on: those of the selection, and English."""
    return (f"projection.among=[{','.join(LANGUAGES)}]",) if kind in ("recover", "subspace", "shuffled") else ()


def missing(choices: Choices) -> list[str]:
    """The runs of step 3 that have not been stored whole, as EXPERIMENT KIND LANGUAGE: hits at the setting that was
    chosen, damage there, and of LRP2 where it has them all random draws."""
    return [
        f"{job.experiment} {job.kind} {job.language}"
        for job in jobs("reporting", choices)
        if not _stored(job, choices.data)
    ]


def _stored(job: Job, data: Path) -> bool:
    hits, damage = data / "hits" / f"{job.experiment}.parquet", data / f"damage_{job.experiment}.csv"
    if not hits.is_file() or not damage.is_file():
        return False
    (lirp, lsrp, strength), back = job.setting[:3], (job.setting[3:] or job.setting[2:])[0]
    given = _rows(pd.read_parquet(hits), job)
    here = (given["lirp"] == lirp) & (given["lsrp"] == lsrp) & (given["strength"] == strength)
    here &= given["strength_back"].fillna(given["strength"]) == back
    measured = _rows(pd.read_csv(damage), job)
    whole = bool(here.any()) and int(here.sum()) == int(given["lirp"].isna().sum()) and len(measured) > 1
    if not any(setting.startswith("projection.seeds=") for setting in job.settings):
        return whole
    drawn = data / "hits" / f"{job.experiment}_draws.parquet"
    if not whole or not drawn.is_file():
        return False
    counts = _rows(pd.read_parquet(drawn), job)["seed"].value_counts()
    return len(counts) == SEEDS and bool((counts == int(here.sum())).all())


def _rows(frame: pd.DataFrame, job: Job) -> pd.DataFrame:
    ours = frame["intervention"].astype(str).str.startswith(job.kind)
    return frame[ours & (frame["language"].astype(str) == job.language)]


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """What every run needs: the model, the data, and where results go."""
    data = REPOSITORY.parent / "shared" / "data"
    parser.add_argument("--model", type=Path, help="the GGUF file (the one of the package registry)")
    parser.add_argument("--mlama", type=Path, default=data / "mlama1.1.zip")
    parser.add_argument("--tatoeba", type=Path, default=data / "tatoeba.zip")
    parser.add_argument("--outputs", type=Path, default=REPOSITORY / "outputs" / "gemma3_270m")


def overrides_of(arguments: argparse.Namespace, job: Job, facts: Path, further: Sequence[str] = ()) -> list[str]:
    """What the job's command is given."""
    searched = {"search": ("probing.pool_size=10", "tracking=none"), "score": ("probing.pool_size=10",)}
    return [
        "model=hf", f"model.path={arguments.model or gemma_file()}", "model.name=gemma3_270m",
        "dataset=mlama", f"dataset.path={arguments.mlama}", f"dataset.facts={facts}",
        "corpus=tatoeba", f"corpus.path={arguments.tatoeba}", "corpus.sentences=1000",
        *searched.get(job.command, ()), f"paths.outputs={arguments.outputs}", f"experiment.name={job.experiment}",
        f"language={job.language}", *job.settings, *further,
    ]  # fmt: skip


def run(arguments: argparse.Namespace, job: Job, facts: Path, further: Sequence[str] = ()) -> None:
    """One run of the study."""
    lrp2_bench(job.command, *overrides_of(arguments, job, facts, further))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=STEPS)
    add_inputs(parser)
    parser.add_argument("--languages", help="only these, separated by commas")
    parser.add_argument("further", nargs="*", help="settings of lrp2-bench search, such as plan=true")
    arguments = parser.parse_intermixed_args()
    only = arguments.languages.split(",") if arguments.languages else None
    for job in jobs(arguments.step, Choices()):
        if only is None or job.language in only:
            run(arguments, job, DATA / f"{job.facts}.csv", arguments.further)


if __name__ == "__main__":
    main()
