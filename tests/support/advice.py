"""What the package's messages advise: settings, command lines, packages to install, targets of make, files to read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.paths import REPOSITORY

#: Stands for what a message fills in at run time.
GAP = "\N{WHITE SQUARE}"

_VALUE = r"(?:\[(?:\[[^\]\n]*\]|[^\[\]\n])*\]|\{[^}\n]*\}|[^\s,;:)`'\"]*)"
_SETTING = re.compile(rf"(?<![\w./$'{GAP}-])([+]*[a-z_]+(?:[./][a-zA-Z_]+)*={_VALUE})")
_COMMAND = re.compile(r"`(?:PYTHONPATH=\S+ )?lrp2-bench ([^`\n]+)`")
_PIP = re.compile(r"pip install (?:--[a-z-]+ )*((?:['\"]?[A-Za-z][\w.\[\]<>=-]*['\"]? ?)+)")
_MAKE = re.compile(r"`make ([a-z-]+)`")
_FILE = re.compile(r"(?<![\w/.])((?:docs|conf|sweeps|lrp2_bench|tests|benchmarks)/[\w./-]*\w/?)")
_FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)")


@dataclass(frozen=True)
class Message:
    """A text of the package that a user may see, with gaps, and where it stands."""

    text: str
    where: str

    def settings(self) -> list[str]:
        return [found.rstrip(".") for found in _SETTING.findall(self.text)]

    def commands(self) -> list[str]:
        return list(_COMMAND.findall(self.text))

    def requirements(self) -> list[str]:
        return [name.strip("'\"").rstrip(".") for names in _PIP.findall(self.text) for name in names.split()]

    def targets(self) -> list[str]:
        return list(_MAKE.findall(self.text))

    def files(self) -> list[str]:
        return list(_FILE.findall(self.text))

    def flags(self) -> list[str]:
        return list(_FLAG.findall(_PIP.sub("", self.text)))


def messages() -> Iterator[Message]:
    """Every text in the package that is no docstring and no mere name."""
    for path in sorted((REPOSITORY / "lrp2_bench").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        skipped = {id(inner) for node in ast.walk(tree) for inner in _no_message(node)}
        for node in ast.walk(tree):
            text = _text(node)
            if text is not None and id(node) not in skipped and " " in text.strip():
                yield Message(text, f"{path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 0)}")


def _no_message(node: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, and the pieces of a text with gaps, which comes as a whole."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
        if node.body and isinstance(node.body[0], ast.Expr):
            yield node.body[0].value
    elif isinstance(node, ast.JoinedStr):
        yield from node.values


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%(?:\.?\d*)[sdgfr]", GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
    return None
