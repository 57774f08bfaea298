"""Steps that must not be cut in two by Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Ctrl-C, a kill, and a terminal that is closed.
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_held() -> Iterator[None]:
    """What would stop us, or a command that we start, waits until this is left, and then does what it always does.

    Outside the main thread, where no signal is handled, nothing is held.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    # Commands inherit what is blocked: Ctrl-C reaches every process of a terminal. Handlers do not pass to them, but
    # catch what comes by another thread, in which nothing is blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    handlers = {number: signal.signal(number, lambda number, frame: came.append(number)) for number in _STOPS}
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for stop in came:
            signal.raise_signal(stop)
