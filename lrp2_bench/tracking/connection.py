"""Whether W&B can be reached at all, found out without W&B, which would prompt, or wait for a minute and a half."""

from __future__ import annotations

import netrc
import os
import socket
import threading
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from lrp2_bench.core.errors import UnknownNameError
from lrp2_bench.core.secrets import learn

#: What ``WANDB_MODE`` and the config may say. ``run`` and ``dryrun`` are W&B's older words.
MODES = {"online": "online", "run": "online", "offline": "offline", "dryrun": "offline", "disabled": "disabled"}

#: One service under two names: keys stored for the one are good for the other.
_PUBLIC_HOSTS = ("api.wandb.ai", "api.forge.coreweave.com")

PROBE_SECONDS = 2.0


class WandbSettings(Protocol):
    """The part of ``wandb.Settings`` read here: W&B's settings files and environment, merged."""

    mode: str
    base_url: str
    api_key: str | None
    http_proxy: str | None
    https_proxy: str | None


@dataclass(frozen=True)
class Connection:
    """How a run is to be opened: ``mode`` (``online``, ``offline``, ``disabled``), where, with what key, and why.

    ``wanted`` marks an offline run that should have been an online one, which deserves a warning.
    """

    mode: str
    base_url: str
    reason: str
    wanted: bool = False
    api_key: str | None = field(default=None, repr=False)


def requested_mode(configured: str) -> str:
    """``auto``, ``online``, ``offline`` or ``disabled``; a configured ``auto`` leaves the word to ``WANDB_MODE``.

    Raises BenchError for a ``WANDB_MODE`` that does not exist; W&B would not start with it either.
    """
    if configured != "auto":
        return MODES[configured]
    if os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1"):  # other tools' word for WANDB_MODE=disabled
        return "disabled"
    wish = os.environ.get("WANDB_MODE", "").strip().lower()
    if not wish:
        return "auto"
    if wish not in MODES:
        raise UnknownNameError("W&B mode in WANDB_MODE", wish, MODES, "Change or unset the variable.")
    return MODES[wish]


def check_mode(configured: str) -> None:
    """Raise BenchError for a configured mode that does not exist."""
    if configured not in ("auto", *MODES):
        raise UnknownNameError("W&B mode", configured, ("auto", *MODES))


def choose(mode: str, settings: WandbSettings) -> Connection:
    """The connection for ``mode`` (as :func:`requested_mode` gives it); takes at most ``PROBE_SECONDS``.

    ``auto`` goes online only with a key, to a host that answers; ``online`` needs a key only, so that a network this
    probe misjudges can still be used.
    """
    base_url = os.environ.get("WANDB_BASE_URL") or settings.base_url  # W&B reads its environment once a process
    if mode == "offline":
        return Connection("offline", base_url, "offline mode was asked for")
    stored = MODES.get(settings.mode, "online")  # what the commands `wandb offline` and `wandb disabled` left behind
    if mode == "auto" and stored != "online":
        return Connection(stored, base_url, "W&B's own settings say so")
    try:
        key, has_key = _find_key(base_url, settings)
    except (OSError, netrc.NetrcParseError) as error:
        return Connection("offline", base_url, f"the netrc file cannot be read ({error})", wanted=True)
    if not has_key:
        return Connection("offline", base_url, "no API key was found", wanted=mode == "online")
    if mode == "auto" and not _answers(base_url, settings):
        return Connection("offline", base_url, f"{base_url} does not answer", wanted=True)
    learn({"api_key": key})
    return Connection("online", base_url, "a key was found", api_key=key)


def _find_key(base_url: str, settings: WandbSettings) -> tuple[str | None, bool]:
    """The key for the host and whether there are any credentials: W&B reads identity tokens by itself."""
    if key := os.environ.get("WANDB_API_KEY"):
        return key, True
    if os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return None, True
    key = _netrc_key(urlsplit(base_url).netloc) or settings.api_key
    return key, bool(key)


def _netrc_key(host: str) -> str | None:
    named = os.environ.get("NETRC")
    paths = [Path(named).expanduser()] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        return None
    entries = netrc.netrc(path).hosts  # not authenticators(): it would send a "default" entry's password to W&B
    for name in _PUBLIC_HOSTS if host in _PUBLIC_HOSTS else (host,):
        if name in entries and entries[name][2]:
            return entries[name][2]
    return None


def _answers(base_url: str, settings: WandbSettings) -> bool:
    """Whether a TCP connection to the host, or to the proxy in between, opens in time."""
    host, port = _first_hop(base_url, settings)
    opened = threading.Event()

    def probe() -> None:
        try:
            socket.create_connection((host, port), timeout=PROBE_SECONDS).close()
            opened.set()
        except OSError:
            pass

    # In a thread, since looking a name up obeys no timeout and takes a minute on some nodes without a network.
    thread = threading.Thread(target=probe, daemon=True, name="wandb-probe")
    thread.start()
    thread.join(PROBE_SECONDS)
    return opened.is_set()


def _first_hop(base_url: str, settings: WandbSettings) -> tuple[str, int]:
    target = urlsplit(base_url)
    proxy = settings.https_proxy if target.scheme == "https" else settings.http_proxy
    if not proxy and not urllib.request.proxy_bypass(target.netloc):
        proxy = urllib.request.getproxies().get(target.scheme)
    hop = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else target
    return hop.hostname or "", hop.port or (443 if hop.scheme == "https" else 80)
