"""The log in a job's folder: a copy of what the console shows, which may be lost where the disk is full."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

from lrp2_bench.core.secrets import mask


class JobLog(logging.FileHandler):
    """A file that cannot be written costs its lines and nothing else.

    The job says by itself what is wrong with its folder, once; logging would print a traceback for every line. What
    did not fit is tried again with the next line. Credentials reach it as little as any other file.
    """

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:  # opening the file is not guarded by logging itself
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, logging's name
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)

    def close(self) -> None:
        with suppress(OSError):
            super().close()
