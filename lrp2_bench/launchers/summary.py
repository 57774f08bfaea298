"""What is said at the end of a multirun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lrp2_bench.core.errors import BenchError
from lrp2_bench.launchers.job import Job, Outcome, State, jobs_of
from lrp2_bench.results.status import read_status

#: Jobs of a kind that are listed one by one.
_SHOWN = 20


class UnfinishedError(BenchError):
    """Some jobs of a multirun are not finished; the text is the summary."""


def summary(jobs: Sequence[Job], outcomes: Mapping[int, Outcome]) -> str:
    """Counts, then each job that is not finished: its cause, its log and the command that runs it alone."""
    of = {job.number: outcomes.get(job.number, Outcome(State.not_started)) for job in jobs}
    counts = []
    for state in State:
        members = [outcome for outcome in of.values() if outcome.state is state]
        before = sum(outcome.before for outcome in members)
        if members or state is State.finished:
            counts.append(f"{len(members)} {state.value}" + (f" ({before} of them before)" if before else ""))
    lines = [f"{jobs_of(len(jobs))}: {', '.join(counts)}."]
    lines += planned([outcome for outcome in of.values() if not outcome.before])
    for state in (State.failed, State.interrupted):
        such = [job for job in jobs if of[job.number].state is state]
        if such:
            lines.append(f"{state.value.capitalize()}:")
        for job in such[:_SHOWN]:
            lines += _told(job, of[job.number].cause, whole=len(such) == 1)
        if len(such) > _SHOWN:
            lines.append(f"  and {len(such) - _SHOWN} more; each has a status.json in its folder.")
    incomplete = {job.folder: read_status(job.folder) for job in jobs if of[job.number].state is State.finished}
    for folder, status in incomplete.items():
        if status.get("state") == "incomplete":
            lines.append(f"Incomplete: '{folder}': {status.get('message', '')}")
    return "\n".join(lines)


def planned(outcomes: Sequence[Outcome]) -> list[str]:
    """The seconds of all jobs that were planned here; nothing where none was."""
    seconds = [outcome.planned for outcome in outcomes if outcome.planned is not None]
    if not seconds:
        return []
    of = "" if len(seconds) == len(outcomes) else f"; {len(outcomes) - len(seconds)} more told none"
    total = sum(seconds)
    hours = f" ({total / 3600:,.1f} h)" if total >= 3600 else ""
    return [f"Planned: {total:,.0f} s{hours} in all for {jobs_of(len(seconds))}, one after another{of}."]


def all_finished(jobs: Sequence[Job], outcomes: Mapping[int, Outcome]) -> bool:
    return all(job.number in outcomes and outcomes[job.number].state is State.finished for job in jobs)


def _told(job: Job, cause: str, *, whole: bool) -> list[str]:
    """``whole``: all of the cause; else its first line, so that a list stays one."""
    first, *rest = cause.strip().split("\n")
    lines = [f"  {job.label}: {first or 'it left no cause'}", *(f"    {line}" for line in rest if whole)]
    if job.log.is_file():
        lines.append(f"    log: {job.log}")
    return [*lines, f"    again: {job.retry}"]
