"""Masks credentials in whatever is written, logged, printed, sent or repeated as a command.

Two things find them. Their *shape*: user info and query parameters of URLs, ``password=...`` of libpq and of variables,
headers, tokens with a known prefix. And their *value*: what a configuration, a command line or a variable of the
environment held is remembered for as long as the command runs, so that a driver may repeat it in any sentence.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote, unquote, unquote_plus

MASK = "***"

#: Beginning of the environment variables that carry credentials to other processes, which files then only name.
HIDDEN = "LRP2_BENCH_HIDDEN_"

Value = TypeVar("Value")

#: Names whose value is a credential wherever they stand. ``token`` alone is none: tokenizers have a dozen of that name.
_STRONG = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|(?:api|access|private|secret|account)[_-]?key"
    r"|(?:access|auth|api|bearer|refresh|session|id|hf|hub|wandb|github|gitlab)[_-]?token)"
)
#: What is one as a parameter of a URL, or as the key of a setting.
_PARAMETER = re.compile(
    rf"(?i)(?:.*{_STRONG}|.*token|credentials?|key|.*[_-]key|auth|authorization|pw|pass|sig|.*signature|jwt|code)"
)
_SETTING = re.compile(rf"(?i)(?:.*{_STRONG}|token|authorization|credentials?)")
_VARIABLE = re.compile(
    r"(?i)(?:.*_|PG|)(?:PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|CREDENTIALS?|API_?KEY|ACCESS_KEY)|.*_PWD"
)

#: A value that names a variable of the environment shows nothing, and makes a command that can be repeated.
_NAMED = re.compile(r"\$\{(?:oc\.env:)?\w+\}")
_NOTHING = {"", MASK, "null", "None", "true", "false", "True", "False", "~"}

# A quote ends a URL unless the user info goes on behind it.
# A scheme is short: without a bound, a long run of letters would be looked through from each of its letters on.
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z\d+.-]{0,40})://(?P<rest>(?:[^\s'\"<>]|['\"](?=[^\s'\",:;)\]}]*@))+)")
_ENCODED_URL = re.compile(r"(?i)[a-z][a-z\d+.-]{0,40}(?:%2B[a-z\d]+)?%3A%2F%2F[^\s'\"<>&]+")
_USER = re.compile(r"(?is)(?P<user>(?:\$\{[^}]*\}|[^:%]|%(?!3A))*)(?P<colon>:|%3A)(?P<password>.*)")
_VALUE = (
    r"(?:'(?P<single>(?:\\.|''|[^'\\])*)'|\"(?P<double>(?:\\.|[^\"\\])*)\"|(?P<open>['\"]\S+)"
    r"|(?P<bare>(?:\\.|[^\s'\"])+(?:['\"](?=[^\s,:;)\]}'\"])\S*)?))"
)
_KEYWORDS = (
    re.compile(rf"(?i){_STRONG}['\"]?\s*[=:]\s*{_VALUE}"),
    re.compile(rf"(?i)--[\w-]{{0,60}}?{_STRONG}\s+(?!-){_VALUE}"),
    re.compile(r"(?i)\bauthorization['\"]?\s*[=:]\s*['\"]?(?P<bare>(?:[A-Za-z]+\s+)?[^\s'\",]+)"),
    re.compile(r"\b[Bb]earer\s+(?P<bare>[\w.~+/=-]{12,})"),
)
_TOKENS = re.compile(
    r"(?<![A-Za-z\d])(?:hf_(?=[a-z]*[A-Z\d])[A-Za-z\d]{16,}|wandb_v\d+_\w{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}"
    r"|glpat-[\w-]{16,}|sk-[\w-]{20,}|xox[abprs]-[\w-]{10,}|AKIA[A-Z\d]{16}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"
)
_NO_SCHEME = re.compile(r"(?<![\w.%+/@{-])(?!mailto:)[\w.+%-]+:(?!//)(?P<bare>[^\s'\"]{1,4000})@(?=[\w\[])")
_CARRIED = re.compile(r"\$\{oc\.env:(" + HIDDEN + r"\d+)\}")

_known: set[str] = set()


def mask(text: str) -> str:
    """``text`` with ``***`` in the place of every credential; other text as it is. Masking twice changes no more."""
    return _masked(text, [])


def masked(value: Any) -> Any:
    """A tree of plain values, its strings masked: as text, as one URL whatever characters it has, and by their key."""
    if isinstance(value, str):
        return _masked_url(value) if _is_url(value) else mask(value)
    if isinstance(value, Mapping):
        return {key: MASK if _hides(key, inner) else masked(inner) for key, inner in value.items()}
    return [masked(inner) for inner in value] if isinstance(value, list | tuple) else value


def learn(value: Any) -> None:
    """Remember the credentials in a tree of plain values, so that they are masked wherever they turn up.

    Values that are common words are not remembered: ``postgres`` as a password would mask half of every message, and
    is masked in its place.
    """
    found: list[str] = []
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if _hides(key, inner):
                found.append(str(inner))
            else:
                learn(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            learn(inner)
    elif isinstance(value, str):
        _masked(value, found)
        if _is_url(value):
            scheme, rest = value.split("://", 1)
            _mask_url(scheme, rest, found)
            found += _as_the_driver_sees_it(value)
    for secret in found:
        _known.update(form for form in _forms(secret) if _is_telling(form))


def learn_environment() -> None:
    """Remember what variables named as credentials hold, and what :func:`carry` has put there."""
    for name, value in os.environ.items():
        if name.startswith(HIDDEN):
            learn(value)
        elif _VARIABLE.fullmatch(name) and _is_telling(value):
            _known.add(value)


def learn_argument(argument: str) -> None:
    """Remember the credentials in ``key=value`` as a command line has it, quoted or not."""
    key, _, value = argument.partition("=")
    learn({key: value.strip("'\" ")} if key and "://" not in key else argument)
    learn(argument)


def carry(text: str) -> str:
    """``${oc.env:NAME}`` for a value with a credential: NAME is set for this process and those that it starts.

    What is pickled or written then names the variable; :func:`mask` shows it as the masked value.
    """
    held = {os.environ[name]: name for name in os.environ if name.startswith(HIDDEN)}
    if text not in held:
        held[text] = f"{HIDDEN}{len(held) + 1}"
        os.environ[held[text]] = text
    learn(text)
    return f"${{oc.env:{held[text]}}}"


@contextmanager
def remembering() -> Iterator[None]:
    """What is learnt and carried inside is forgotten at the end."""
    known = set(_known)
    try:
        yield
    finally:
        _known.clear()
        _known.update(known)
        for name in [name for name in os.environ if name.startswith(HIDDEN)]:
            del os.environ[name]


def has_mask(value: object) -> bool:
    """Whether a value was written without its credential."""
    return isinstance(value, str) and MASK in value


def _masked(text: str, found: list[str]) -> str:
    text = _CARRIED.sub(lambda match: str(masked(os.environ.get(match[1], match[0]))), text)
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _URL.sub(lambda match: _mask_url(match["scheme"], match["rest"], found), text)
    text = _ENCODED_URL.sub(lambda match: _mask_encoded(match[0], found), text)
    for pattern in _KEYWORDS:
        text = pattern.sub(lambda match: _mask_groups(match, found), text)
    text = _NO_SCHEME.sub(lambda match: _mask_groups(match, found), text)
    return _TOKENS.sub(lambda match: _hidden(match[0], found), text)


def _masked_url(text: str) -> str:
    """Of a string that is one URL. Where SQLAlchemy still reads a credential in it, only its scheme is left."""
    scheme, rest = text.split("://", 1)
    shown = mask(_mask_url(scheme, rest, []))
    if any(not _is_shown(secret) for secret in _as_the_driver_sees_it(shown)):
        return f"{scheme}://{MASK}"
    return shown


def _mask_url(scheme: str, rest: str, found: list[str]) -> str:
    place, _, query = rest.partition("?")
    at = place.rfind("@")
    # An @ behind the question mark is of a parameter, unless what is before can be no host and so is a password.
    if "@" in query and (
        not re.match(r"[\w.%-]+=", query) or (at < 0 and not re.fullmatch(r"[^:]*(?::\d*)?(?:/.*)?", place))
    ):
        at = rest.rfind("@")
    if at >= 0:
        user = _USER.fullmatch(rest[:at])
        hidden = f"{user['user']}{user['colon']}{_hidden(user['password'], found)}" if user else rest[:at]
        head, rest = f"{scheme}://{hidden}@", rest[at + 1 :]
    else:
        head = f"{scheme}://"
    pieces = re.split(r"([?&;#])", rest)
    return head + "".join(_mask_parameter(piece, found) for piece in pieces)


def _mask_parameter(piece: str, found: list[str]) -> str:
    name, equals, value = piece.partition("=")
    if not equals or not _PARAMETER.fullmatch(unquote_plus(name)):
        return piece
    return f"{name}={_hidden(value, found)}"


def _mask_encoded(text: str, found: list[str]) -> str:
    plain = unquote(text)
    scheme, rest = plain.split("://", 1)
    shown = _mask_url(scheme, rest, found)
    return text if shown == plain else shown


def _mask_groups(match: re.Match[str], found: list[str]) -> str:
    name = next(name for name, value in match.groupdict().items() if value is not None)
    start, end = match.start(name) - match.start(), match.end(name) - match.start()
    value = match[name]
    if value.startswith(f"{MASK}&"):  # the other parameters of a URL that was masked before
        return match[0]
    return match[0][:start] + _hidden(value, found) + match[0][end:]


def _hidden(secret: str, found: list[str]) -> str:
    if _is_shown(secret):
        return secret
    found.append(secret)
    return MASK


def _is_shown(secret: str) -> bool:
    return secret in _NOTHING or _NAMED.fullmatch(secret) is not None


def _hides(key: object, value: object) -> bool:
    named = isinstance(key, str) and _SETTING.fullmatch(key.rpartition(".")[2]) is not None
    return named and isinstance(value, str | int) and not isinstance(value, bool) and not _is_shown(str(value))


def _is_url(text: str) -> bool:
    return re.match(r"[A-Za-z][A-Za-z\d+.-]*://", text) is not None


def _as_the_driver_sees_it(url: str) -> list[str]:
    """The password and the credential parameters by SQLAlchemy's own parsing; nothing where it does not parse."""
    from sqlalchemy.engine import make_url  # not for every `--help`
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return []
    given = [
        (key, each) for key, value in parsed.query.items() for each in ([value] if isinstance(value, str) else value)
    ]
    return [
        *([parsed.password] if parsed.password else []),
        *(each for key, each in given if _PARAMETER.fullmatch(key)),
    ]


def _forms(secret: str) -> Iterator[str]:
    """How else it may be written: decoded, encoded, escaped, and the parts that a misreading driver makes of it."""
    spellings: tuple[Callable[[str], str], ...] = (
        str, unquote, unquote_plus, lambda text: quote(text, safe=""), lambda text: quote(unquote(text), safe=""),
        lambda text: json.dumps(text)[1:-1], lambda text: repr(text)[1:-1],
    )  # fmt: skip
    for spell in spellings:
        yield spell(secret)
    yield from re.split(r"[@/?#:&\s'\"]+", secret)
    yield from re.split(r"[@/?#:&\s'\"]+", unquote(secret))


def _is_telling(text: str) -> bool:
    """Whether it differs from ordinary text."""
    if MASK in text or _NAMED.fullmatch(text):
        return False
    common = (text.isalpha() and text.islower() and len(text) < 16) or (text.isdigit() and len(text) < 8)
    return len(text) >= 5 and not common
