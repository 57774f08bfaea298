"""What a command prints: without credentials, and whether anybody can read it or not.

A reader may leave after the first line, a disk be full, a stream closed from the beginning. What is printed is a copy
of what is on disk or about to be, so losing it must never cost any work.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from lrp2_bench.core.secrets import mask

#: A reader that has left wants to know nothing more, nor does anybody who closed a stream.
_GONE = {errno.EPIPE, errno.EBADF}


class Output:
    """A text stream over another, which masks what is written and goes on in silence once the other takes nothing more.

    ``lost`` is the error that ended it, None as long as it is read. All else (``isatty``, ``fileno``) is the other's.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: Exception | None = None

    def write(self, text: str) -> int:
        if self.lost is None:
            self._try(lambda: self._write(mask(text)))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.lost is None:
            self._try(self._stream.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:  # an ASCII terminal, or a path of bytes that are no UTF-8
            encoding = self._stream.encoding or "ascii"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def _try(self, act: Any) -> None:
        try:
            act()
        except BlockingIOError:
            pass  # a reader that is slow for now
        except (OSError, ValueError) as error:  # ValueError: closed in this process
            self.lost = error
            _discard(self._stream)


@contextmanager
def safe_output() -> Iterator[None]:
    """``sys.stdout`` and ``sys.stderr`` as :class:`Output` while this is open.

    Descriptors 0 to 2 that are closed are opened on nothing first: the next file to be opened would get their numbers,
    and what any library prints would end up in it. On leaving, an output that a full disk cut short is named on stderr.
    """
    _open_descriptors()
    before = sys.stdout, sys.stderr
    outputs = Output(_or_nothing(sys.stdout, 1)), Output(_or_nothing(sys.stderr, 2))
    sys.stdout, sys.stderr = (cast(TextIO, output) for output in outputs)
    try:
        yield
    finally:
        for output in outputs:
            output.flush()
        if isinstance(outputs[0].lost, OSError) and outputs[0].lost.errno not in _GONE:
            reason = outputs[0].lost.strerror
            print(f"The console output is incomplete ({reason}); nothing else was lost.", file=sys.stderr)
        outputs[1].flush()
        sys.stdout, sys.stderr = before


def _open_descriptors() -> None:
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != descriptor:
                os.dup2(nothing, descriptor)
                os.close(nothing)
            os.set_inheritable(descriptor, True)


def _or_nothing(stream: TextIO | None, descriptor: int) -> TextIO:
    """The stream; where there was none when Python started, one on the descriptor that now leads nowhere."""
    return stream if stream is not None else os.fdopen(descriptor, "w", closefd=False)


def _discard(stream: TextIO) -> None:
    """What the stream still holds goes nowhere: Python tries again to write it at exit, and complains."""
    if stream not in (sys.__stdout__, sys.__stderr__):
        return
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
