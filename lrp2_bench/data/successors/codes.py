"""The names that collections give languages, as the codes that the benchmark and its corpora use."""

from __future__ import annotations

from lrp2_bench.core.languages import LANGUAGES, aliases
from lrp2_bench.data.language_table import usual_code


def language_code(name: str) -> str:
    """``de`` for ``deu_Latn``, ``zh`` for ``zh-hans``, ``zh-CN`` and ``zho_Hans``, ``pt`` for ``pt_br``; but
    ``zh-Hant``, ``sr-Latn`` and ``pt-PT``: what Unicode CLDR takes for granted of a language (its likely script and
    region) is left out."""
    code = name.lower().replace("_", "-")
    base, *rest = code.split("-")
    if base not in LANGUAGES:
        base = aliases().get(base, base)
    if not rest:
        return base
    from babel.core import get_global  # slow to import, and most names need it not

    likely = {part.lower() for part in str(get_global("likely_subtags").get(base, "")).split("_")[1:]}
    return usual_code("-".join([base, *(part for part in rest if part not in likely)]))
