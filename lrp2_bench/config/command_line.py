"""Which command a command line means, and what to say where it names none."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

from lrp2_bench.core.errors import BenchError, UnknownNameError

_HELP = {"help", "-h", "--help"}
_EXPLAINED = "`lrp2-bench` alone explains them."

OVERVIEW = """\
lrp2-bench: does a language model know in English what it cannot say in another language, and does projecting its
hidden states into English space and back (LRP2, EMNLP 2023) make it recall more?

Commands:
  demo      search and report on two small models that ship with the package: minutes, nothing downloaded
  search    every (LIRP layer, LSRP layer) pair of a model in a language: hits, tables, Optuna study, W&B run
  vectors   language vectors of a model from a corpus
  score     the scores of all candidates at a search's best pair: ranks, probabilities, what is answered instead
  report    the paper's tables and figures from finished searches, beside the published numbers
  analyze   why a pair helps: alignment, retrieval, neurons, embeddings, a map of languages
  workspace a W&B dashboard of finished searches, as a file or published
  regret    what cheaper searches would have found on finished grids
  dashboard the Optuna studies below a folder, in a browser
  check     what a dataset holds, your own too, and what is odd about it
  bench     the engine against hooks written by hand, on this machine
  pretrain  a small model for which it is known which facts it saw in which language

Start with:
  lrp2-bench demo
  lrp2-bench search model=mbert dataset=mlama language=de
  lrp2-bench report outputs/default

`lrp2-bench COMMAND --help` explains a command and lists its settings; settings are given as key=value.
`lrp2-bench --version` prints the version; eval "$(lrp2-bench -sc install=bash)" turns on completion in bash.

Exit codes: 0 done; 1 an error; 2 no such command; 3 a report was written, but some of its runs are not finished or
incomplete (each is named); 130 stopped by Ctrl-C.
"""

#: What to say of a stopped command, where it does not say so itself.
STOPPED = {
    "analyze": "Stopped. The same command resumes: language vectors and finished relations are kept.",
    "report": "Stopped before the report was complete. The same command regenerates it.",
    "score": "Stopped. The same command resumes: finished relations are kept.",
    "vectors": "Stopped. The same command resumes: finished languages are kept.",
}


def in_order(arguments: Sequence[str], commands: Collection[str]) -> list[str]:
    """``help search`` and ``--help search`` as ``search --help``; all else as it is."""
    given = list(arguments)
    if len(given) == 2 and given[0] in _HELP:
        return [given[1], "--help"]
    if len(given) == 2 and given[1] == "help" and given[0] in commands:
        return [given[0], "--help"]
    return given


def unknown_command(given: Sequence[str], commands: Collection[str]) -> BenchError:
    """The error for a command line that does not begin with a command, naming the one that was meant where it can."""
    first = given[0]
    if first.startswith("-") or "=" in first:
        named = next((argument for argument in given if argument in commands), None)
        if named is not None:
            rest = list(given)
            rest.remove(named)
            return BenchError(f"The command comes first: {shlex.join(['lrp2-bench', named, *rest])}")
        if "=" in first and not first.startswith("-"):
            return BenchError(
                f"'{first}' is a setting, and no command is named.\n"
                f"Known: {', '.join(sorted(commands))}. For example: {shlex.join(['lrp2-bench', 'search', *given])}"
            )
    return UnknownNameError("command", first, commands, _EXPLAINED)
