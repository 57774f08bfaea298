"""Text of data files as UTF-8, with or without a byte order mark; anything else is reported by file, line and cause.

One rule for every source: UTF-16 and UTF-32 are refused, and so is a file in another encoding such as Latin-1, in which
no line beyond ASCII is UTF-8. Single damaged lines of a UTF-8 file are for the reader to count, until they are more
than a tenth of the file.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError

NOT_UTF8_LINES = "Lines that are not UTF-8 were skipped"

# UTF-32's little-endian mark starts with UTF-16's, so it comes first.
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}

#: Damaged lines after which a stream without a sound one beyond ASCII is taken to be in another encoding.
_ENOUGH = 3
_EXAMPLES = 3


def too_many(lost: int, lines: int) -> bool:
    """More than a tenth of a file: no blemish any more, but a file that was not understood."""
    return lost * 10 > lines


def unreadable(source: str, lost: int, lines: int, causes: list[str]) -> BenchError:
    """The error of a file of which too many lines are lost; ``causes`` are the first of them, as ``line 3: why``."""
    return BenchError(
        f"'{source}': {lost} of {lines} lines cannot be read, which is more than a tenth:\n"
        + "".join(f"  {cause}\n" for cause in causes[:_EXAMPLES])
        + "Correct the file, or leave it out; single lines that cannot be read are skipped and counted."
    )


class Utf8Lines:
    """Decodes one file's lines, given one after the other with their line ends; call :meth:`finish` after the last."""

    def __init__(self, source: str) -> None:
        self.number = 0
        self._source = source
        self._lines = self._sound_beyond_ascii = 0
        self._bad: list[str] = []
        self._count = self._torn = 0
        self._cause = ""
        self._hint = ("", "")

    def decode(self, line: bytes) -> str | None:
        """The line's text, None where it is damaged. Raises :class:`BenchError` for a file in another encoding."""
        self.number += 1
        if self.number == 1:
            _refuse_signature(line, self._source)
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            self._lines += 1
        # Zeros alone are what a disk leaves of a file when power fails; between letters they are UTF-16's.
        if len(line) >= 4 and len(line) <= line.count(0) * 4 <= len(line) * 3:
            name = "UTF-16BE" if line.startswith(b"\0") else "UTF-16LE"
            raise _other(self._source, self.number, "it looks like UTF-16 without a byte order mark", name)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            self._note(line, error)
            return None
        self._sound_beyond_ascii += not line.isascii()
        return text

    def finish(self) -> None:
        """Raises :class:`BenchError` where the file is in another encoding, or more than a tenth of it is damaged."""
        if self._count > self._torn and not self._sound_beyond_ascii:
            raise self._in_another_encoding()
        if self._count and too_many(self._count, self._lines):
            raise unreadable(self._source, self._count, self._lines, self._bad)

    def cause(self) -> str:
        """Why the last damaged line is none."""
        return self._cause

    def _note(self, line: bytes, error: UnicodeDecodeError) -> None:
        self._count += 1
        # The last line of a file that was cut off inside a letter; no sign of another encoding.
        self._torn += error.reason == "unexpected end of data" and not line.endswith(b"\n")
        self._cause = f"not UTF-8: byte 0x{line[error.start]:02x} at byte {error.start + 1} of the line"
        if len(self._bad) < _EXAMPLES:
            self._bad.append(f"line {self.number}: {self._cause}")
        if self._count == 1:
            self._hint = _looks_like(line)
        if self._count - self._torn >= _ENOUGH and not self._sound_beyond_ascii:
            raise self._in_another_encoding()

    def _in_another_encoding(self) -> BenchError:
        what, name = self._hint
        place, _, cause = self._bad[0].partition(": ")
        return BenchError(
            f"'{self._source}' {place}: {cause}; it looks like {what}. "
            "No line with non-ASCII characters in it is UTF-8.\n"
            f"Convert it: iconv -f {name} -t UTF-8 OLD > NEW."
        )


def decode_text(data: bytes, source: str) -> str:
    """A whole file that must be UTF-8 throughout, without its mark. Raises :class:`BenchError`."""
    reader = Utf8Lines(source)
    texts = []
    for line in io.BytesIO(data):
        text = reader.decode(line)
        if text is None:
            raise unreadable_line(source, reader, line)
        texts.append(text)
    return "".join(texts)


def unreadable_line(source: str, reader: Utf8Lines, line: bytes) -> BenchError:
    """The error of a file that a damaged line makes useless."""
    what, name = _looks_like(line)
    return BenchError(
        f"'{source}' line {reader.number}: {reader.cause()}; it looks like {what}.\n"
        f"Convert it: iconv -f {name} -t UTF-8 OLD > NEW."
    )


def sound_lines(data: bytes, source: str, data_warnings: DataWarnings) -> Iterator[str]:
    r"""The lines of a whole file, cut at ``\n`` only and without their ends; damaged ones are left out and counted."""
    reader = Utf8Lines(source)
    for line in io.BytesIO(data):
        text = reader.decode(line)
        if text is None:
            data_warnings.add(NOT_UTF8_LINES, f"{source} line {reader.number}")
        else:
            yield text.rstrip("\r\n")
    reader.finish()


def _refuse_signature(line: bytes, source: str) -> None:
    for mark, name in _MARKS.items():
        if line.startswith(mark):
            raise _other(source, 1, "it begins with a byte order mark", name)
    for start, name in _PACKED.items():
        if line.startswith(start):
            raise BenchError(f"'{source}' line 1: not text; it looks like a {name} file. Unpack it first.")


def _other(source: str, line: int, cause: str, name: str) -> BenchError:
    return BenchError(
        f"'{source}' line {line}: not UTF-8: {cause} ({name}).\nSave it as UTF-8: iconv -f {name} -t UTF-8 OLD > NEW."
    )


def _looks_like(line: bytes) -> tuple[str, str]:
    """What an encoding of the line may be, and a name for iconv. A guess, and reported as one."""
    high = [byte for byte in line if byte >= 0x80]
    letters = sum(chr(byte).isalpha() for byte in line if byte < 0x80)
    if len(high) > max(letters, 2):
        return "an encoding of another script, such as GB18030, Shift_JIS, EUC-KR or Windows-1251", "ENCODING"
    if any(byte < 0xA0 for byte in high):
        return "Windows-1252", "WINDOWS-1252"
    return "Latin-1", "ISO-8859-1"
