"""What Hydra cannot do with a command line: positionals, and names for groups of languages."""

from __future__ import annotations

from collections.abc import Sequence

from lrp2_bench.errors import BenchError
from lrp2_bench.languages import GROUPS

_MULTIRUN = {"-m", "--multirun"}


def expand(command: str, arguments: Sequence[str]) -> list[str]:
    """Arguments as Hydra takes them: ``report outputs/X`` becomes ``inputs=[...]``, ``language=high`` its members.

    Raises :class:`BenchError` for a positional no command knows, and for several languages without ``-m``.
    """
    expanded, positionals = [], []
    takes_value = False
    for argument in arguments:
        if takes_value or argument.startswith("-"):
            expanded.append(argument)
            # Hydra's own flags that are followed by a value.
            takes_value = not takes_value and argument in {
                "-c", "--cfg", "-p", "--package", "-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir",
                "--experimental-rerun",
            }  # fmt: skip
        elif "=" not in argument and not argument.startswith("~"):
            positionals.append(argument)
        elif argument.startswith("language="):
            expanded.append(_languages(argument, multirun=bool(_MULTIRUN & set(arguments))))
        else:
            expanded.append(argument)
    if positionals and command != "report":
        raise BenchError(
            f"'{positionals[0]}' is no setting. Settings of `lrp2-bench {command}` are given as key=value, "
            f"such as language=de; `lrp2-bench {command} --help` lists them."
        )
    if positionals:
        expanded.append(f"inputs=[{','.join(_quoted(path) for path in positionals)}]")
    return expanded


def _languages(argument: str, *, multirun: bool) -> str:
    codes: list[str] = []
    for name in argument.removeprefix("language=").split(","):
        codes += [code for code in GROUPS.get(name, (name,)) if code not in codes]
    if len(codes) > 1 and not multirun:
        raise BenchError(f"'{argument}' is {len(codes)} languages, one job each: add -m for a multirun.")
    return f"language={','.join(codes)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
