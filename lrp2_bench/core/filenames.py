"""Names as file names: two different ones never share a file, whatever they are made of.

Names that are fit already stay as they are, byte for byte. In others, what no file name may hold or what is easily
mistaken is written as ``%XX``, so that each name can be told from its file name::

    mbert -> mbert    a/b -> a%2Fb    100% -> 100%25    .. -> %2E%2E    (nothing) -> %    caf\\xe9 -> caf%E9

What is then too long is cut, and ends with ``%~`` and a digest of the whole name.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from lrp2_bench.core.errors import BenchError

#: Bytes in the name of a file or folder; as many as Linux's file systems take.
LONGEST = 255
#: Bytes that a file's name may have where a temporary file, a lock or a damaged copy is named after it.
STEM = 200

_DIGEST = 24  # hexadecimal digits
_LONGEST_PATH = 4096  # bytes with the zero at the end, where the system does not say
_BELOW = 320  # bytes for what a job writes below its folder: relations/NAME with a temporary file's ending


def file_name(name: str, longest: int = LONGEST) -> str:
    """``name`` as a file's or folder's, of ``longest`` bytes at most.

    Encoded: ``/``, ``%``, control and format characters (among them those that reverse text), bytes that are no UTF-8,
    a dot at the start, dots and spaces at the end.
    """
    if not name:
        return "%"
    end = len(name.rstrip(". "))
    encoded = "".join(
        _encoded(character) if place >= end or (place == 0 and character == ".") or _is_unfit(character) else character
        for place, character in enumerate(name)
    )
    if len(encoded.encode()) <= longest:
        return encoded
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    kept = encoded.encode()[: longest - _DIGEST - 2].decode(errors="ignore")
    return f"{kept}%~{digest}"


def require_path(folder: Path) -> None:
    """Raises :class:`BenchError` where the files of a job in ``folder`` would have longer paths than can be opened."""
    absolute = str(folder.absolute())
    try:
        most = os.pathconf("/", "PC_PATH_MAX")
    except (OSError, ValueError):
        most = _LONGEST_PATH
    size = len(os.fsencode(absolute))
    if size + _BELOW >= most:
        raise BenchError(
            f"The path of the results' folder has {size} bytes, and with what is written below it more than the {most} "
            f"that can be opened: '{absolute[:60]}…{absolute[-60:]}'. Set paths.outputs or experiment.name to a "
            "shorter one."
        )


def require_text(what: str, texts: Iterable[str]) -> None:
    """Raises :class:`BenchError` for a text with bytes that are no UTF-8: ``what`` it is, and where they are."""
    for text in texts:
        if not is_text(text):
            shown = text.encode("utf-8", "surrogateescape" if _is_bytes(text) else "surrogatepass")
            raise BenchError(
                f"{what} {shown!r} holds bytes that are not UTF-8 (\\x...), and the files and tables that name it "
                "are UTF-8. Rename it, or link to it under another name: ln -s OLD NEW."
            )


def is_text(text: str) -> bool:
    """Whether ``text`` is characters alone; a path of other bytes has surrogates in their place."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _is_bytes(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" and not "\udc80" <= c <= "\udcff" for c in text)


def _is_unfit(character: str) -> bool:
    return character in "/%" or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _encoded(character: str) -> str:
    """``%XX`` for ASCII and for a byte that is no UTF-8, ``%uXXXX`` or ``%UXXXXXXXX`` for other characters."""
    code = ord(character)
    if code < 0x80:
        return f"%{code:02X}"
    if 0xDC80 <= code <= 0xDCFF:  # Python's stand-in for the byte
        return f"%{code - 0xDC00:02X}"
    return f"%u{code:04X}" if code < 0x10000 else f"%U{code:08X}"
