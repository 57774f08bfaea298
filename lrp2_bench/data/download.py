"""Fetching a file once: over http or https only, whole or not at all, with an error a user can act on."""

from __future__ import annotations

import http.client
import logging
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import atomic_path, remove_abandoned

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_AGENT = "lrp2-bench (+urllib)"
_BUSY = {408, 425, 429, 500, 502, 503, 504}


def download(
    url: str,
    target: Path,
    *,
    what: str,
    progress: bool = True,
    timeout: float = 10.0,
    attempts: int = 3,
    pause: float = 1.0,
    limit: int = 4 << 30,
) -> Path:
    """``target``, fetched from ``url`` unless it is there already; other processes see it whole or not at all.

    ``what`` names the thing in messages. ``timeout`` (seconds) bounds each wait for the server. A busy server and a
    transfer that breaks off are tried ``attempts`` times, ``pause``, twice ``pause``, ... seconds apart; a host that
    cannot be reached is not tried again, so that a machine without network says so within ``timeout``. ``limit`` is
    the largest size in bytes. Raises :class:`BenchError` with the address, the reason and the way around it.
    """
    if target.exists():
        remove_abandoned(target.parent)  # of one that was killed before another process fetched it
        return target
    _check_scheme(url, what)
    for attempt in range(1, attempts + 1):
        try:
            return _fetch(url, target, what, progress, timeout, limit)
        except _RetryError as error:
            reason = str(error)
        if attempt < attempts:
            log.info("%s: %s; trying again (%d of %d)", url, reason, attempt + 1, attempts)
            time.sleep(pause * 2 ** (attempt - 1))
    raise _failure(url, target, what, f"{reason} ({attempts} attempts)")


class _RetryError(Exception):
    """A failure that another attempt may fix; its text is the reason."""


class _SameSafety(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only, and never from https back to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        allowed = ("https",) if req.type == "https" else ("http", "https")
        if urllib.parse.urlsplit(newurl).scheme not in allowed:
            raise urllib.error.HTTPError(req.full_url, code, f"redirect to '{newurl}' refused", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    # build_opener would add file:, ftp: and data:, which a redirect or a config could then reach.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _SameSafety(),
    ):
        opener.add_handler(handler)
    return opener


def _check_scheme(url: str, what: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BenchError(
            f"Cannot download {what} from '{url}': only addresses that start with http:// or https:// are fetched.\n"
            "Pass a file or folder of this machine through its path setting instead."
        )


def _fetch(url: str, target: Path, what: str, progress: bool, timeout: float, limit: int) -> Path:
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT})
    try:
        with _opener().open(request, timeout=timeout) as response:
            announced = response.headers.get("Content-Length")
            size = int(announced) if announced and announced.isdigit() else None
            if size is not None and size > limit:
                raise _failure(url, target, what, f"it has {size:,} bytes, more than the limit of {limit:,}")
            log.info("Downloading %s from %s to %s", what, url, target)
            with atomic_path(target) as temporary, temporary.open("wb") as file:
                got = _copy(response, file, size, limit, progress)
                if got > limit:
                    raise _failure(url, target, what, f"it has more bytes than the limit of {limit:,}")
                # urllib takes a connection that closes early for the end of the file.
                if size is not None and got != size:
                    raise _RetryError(f"the transfer broke off after {got:,} of {size:,} bytes")
    except urllib.error.HTTPError as error:
        reason = f"the server answered {error.code} {error.reason}"
        error.close()
        if error.code in _BUSY:
            raise _RetryError(reason) from error
        raise _failure(url, target, what, reason) from error
    except urllib.error.URLError as error:
        raise _failure(url, target, what, f"the server cannot be reached ({error.reason})") from error
    except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
        raise _RetryError(f"the transfer broke off ({error or type(error).__name__})") from error
    except OSError as error:
        raise _failure(url, target, what, f"the file cannot be written ({error})") from error
    return target


def _copy(source: IO[bytes], file: IO[bytes], size: int | None, limit: int, progress: bool) -> int:
    """Copy until the end or just past ``limit``; the number of bytes copied."""
    shown = progress and sys.stderr.isatty()
    got = 0
    while got <= limit and (chunk := source.read(_CHUNK)):
        file.write(chunk)
        got += len(chunk)
        if shown:
            of = f" of {size / 1e6:.1f} ({100 * got // size} %)" if size else ""
            print(f"\r{got / 1e6:.1f}{of} MB", end="", file=sys.stderr, flush=True)
    if shown and got:
        print(file=sys.stderr)
    return got


def _failure(url: str, target: Path, what: str, reason: str) -> BenchError:
    return BenchError(
        f"Cannot download {what} from {url}: {reason}.\n"
        f"Without network, fetch it on another machine and put it at '{target}', or pass a local copy through its "
        "path setting (dataset.path or corpus.path)."
    )
