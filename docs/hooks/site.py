"""What the site has beside the Markdown files of docs/: the settings, read from the code, and links into the code.

The pages also have to work on a code host, where `../conf/search.yaml` is a file; here it becomes plain text.
"""

import ast
import json
import posixpath
import re
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from inspect import getdoc, getsource
from textwrap import dedent
from types import NoneType
from typing import Any, get_args, get_type_hints

from mkdocs.structure.files import File, Files

from lrp2_bench.core import settings

#: A Markdown link, or an image, whose path begins upwards: text and path.
_UPWARDS = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])+)\]\((\.\./[^)\s]*)\)")

#: A reference such as ``:class:`~package.module.Name```, rendered; with a tilde its last part is meant.
_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):<code>(?:~(?:[\w.]*\.)?(\w+)|([^<]*))</code>")


def on_files(files: Files, config: Any) -> Files:
    """Add ``settings.md``."""
    files.append(File.generated(config, "settings.md", content=settings_page()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links to files that are not part of the site, which lie outside of docs/, keep their text alone."""
    folder = posixpath.dirname(page.file.src_uri)

    def kept(link: re.Match[str]) -> str:
        return link[1] if posixpath.normpath(posixpath.join(folder, link[2])).startswith("../") else link[0]

    return _UPWARDS.sub(kept, markdown)


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    """Docstrings' references to other objects become their plain names."""
    return _ROLE.sub(lambda found: f"<code>{found[1] or found[2]}</code>", html)


def settings_page() -> str:
    """Every command's settings with type, default and what they are, as Markdown."""
    classes = [found for found in vars(settings).values() if is_dataclass(found)]
    commands = [found for found in classes if found.__name__.endswith("Command")]
    prefixes: dict[type, str] = {}
    for command in commands:
        for each in fields(command):
            if (kind := _type(command, each.name)) in classes:
                prefixes.setdefault(kind, each.name)
    parts = [
        "# Settings\n\nRead from the code that checks them. `lrp2-bench COMMAND --help` shows each command's with its "
        "values, and what a group such as `model=` offers. Sections that commands share come first; `???` has to be "
        "given.\n"
    ]
    for found, prefix in prefixes.items():
        parts.append(_section(found, f"{prefix}.", _heading(found), prefixes))
    for command in commands:
        title = f"`lrp2-bench {command.__name__.removesuffix('Command').lower()}`"
        parts.append(_section(command, "", title, prefixes))
    return "\n".join(parts)


def _heading(found: type) -> str:
    return found.__name__.removesuffix("Settings") if found is not settings.TokenSettings else "Tokens"


def _section(found: type, prefix: str, title: str, prefixes: dict[type, str]) -> str:
    about = "" if found.__name__.endswith("Command") else (getdoc(found) or "").replace("``", "`")
    comments = _comments(found)
    rows = []
    for each in fields(found):
        kind = _type(found, each.name)
        if kind in prefixes:
            heading = _heading(kind)
            rows.append(f"| `{each.name}.` | | | see [{heading}](#{heading.lower()}) |")
            continue
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        cells = (f"`{prefix}{each.name}`", f"`{_kind(kind)}`", f"`{_value(default)}`", comments.get(each.name, ""))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(
        [f"## {title}\n", about, "", "| setting | type | default | what |", "|---|---|---|---|", *rows, ""]
    )


def _comments(found: type) -> dict[str, str]:
    """By field: the comment on its lines and those above it. No default holds a number sign."""
    lines = dedent(getsource(found)).splitlines()
    body = ast.parse("\n".join(lines)).body[0].body  # type: ignore[attr-defined]
    texts, end = {}, 1
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            texts[node.target.id] = " ".join(
                text.strip() for line in lines[end : node.end_lineno] for _, mark, text in [line.partition("#")] if mark
            )
        end = node.end_lineno or end
    return texts


def _type(found: type, name: str) -> Any:
    return get_type_hints(found)[name]


def _kind(kind: Any) -> str:
    """Choices by their values, other types by name."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(str(each.value) for each in kind)
    if kind is Any:
        return "any"
    if options := [each for each in get_args(kind) if each is not NoneType]:
        if NoneType in get_args(kind):
            return ", ".join([*map(_kind, options), "null"])
        return f"{kind.__origin__.__name__}[{', '.join(map(_kind, options))}]"
    return str(kind.__name__)


def _value(value: Any) -> str:
    """As the command line writes it."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False).replace('"', "")
