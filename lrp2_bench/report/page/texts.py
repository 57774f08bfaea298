"""Texts from data as the page may hold them: what could turn its lines around is gone, what scripts need stays."""

from __future__ import annotations

from lrp2_bench.render.text import harmful


def plain(text: str, longest: int) -> str:
    """On one line of at most ``longest`` characters; control and format characters (overrides of the direction among
    them) and half surrogate pairs are shown as a replacement character, joiners are kept."""
    line = " ".join(text[: 4 * longest].split())
    shown = "".join("\N{REPLACEMENT CHARACTER}" if harmful(c) else c for c in line[: longest + 1])
    return shown if len(line) <= longest else f"{shown[:longest].rstrip()}…"
