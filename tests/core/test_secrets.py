"""Credentials are masked in whatever shape they come, and nothing else is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lrp2_bench.core import secrets
from lrp2_bench.core.secrets import MASK, carry, learn, learn_argument, learn_environment, mask, masked, remembering
from tests.support.properties import steady

#: Mixed, so that it can be told from ordinary text; with what breaks URLs, quotes and shells.
SECRETS = st.text("abcXYZ019@:/?#&=%+ '\"\\;,.~!$-_éß", min_size=1, max_size=12).map(lambda text: f"Q7{text}z9")
PLAIN = st.text("abcdefgABC 0123456789.,()_-\n", max_size=40)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    with remembering():
        yield


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+psycopg://me:p4ss@host/x", "postgresql+psycopg://me:***@host/x"),
        ("'postgresql://bob:p@S@host/x': refused", "'postgresql://bob:***@host/x': refused"),
        ("mysql://u:p/S?T@h/x", "mysql://u:***@h/x"),
        ("postgresql://bob:p'S@host/x", "postgresql://bob:***@host/x"),
        ("redis://:pw@h", "redis://:***@h"),
        ("pg://h:1/o?user=bob&password=S&sslmode=x", "pg://h:1/o?user=bob&password=***&sslmode=x"),
        ("pg://h/o?pass%77ord=S&sslpassword=T", "pg://h/o?pass%77ord=***&sslpassword=***"),
        ("https://h/x?token=abc&y=1", "https://h/x?token=***&y=1"),
        ("next=postgresql%3A%2F%2Fbob%3AS%40host", "next=postgresql://bob:***@host"),
        ("bob:SECRET@host/x", "bob:***@host/x"),
        (f"{'a' * 90}pg://bob:SECRET@host/x", f"{'a' * 90}pg://bob:***@host/x"),
        ("host=h password='p S\\' x' user=u", "host=h password='***' user=u"),
        ("password=p\\ S host=h", "password=*** host=h"),
        ("PGPASSWORD=abc lrp2-bench search", "PGPASSWORD=*** lrp2-bench search"),
        ('{"api_key": "a\\"b", "seed": 0}', '{"api_key": "***", "seed": 0}'),
        ("{'password': 'x', 'host': 'y'}", "{'password': '***', 'host': 'y'}"),
        ("--db-password abc --host x", "--db-password *** --host x"),
        ("Authorization: Bearer abcdef", "Authorization: ***"),
        ("authorization: Basic Zm9v", "authorization: ***"),
        ("with hf_AbCdEfGhIjKlMnOpQrStUv it", "with *** it"),
        ("wandb_v1_0123456789abcdefgh", "***"),
        ("pg://bob:${oc.env:PGPASSWORD,geheim}@h/x", "pg://bob:***@h/x"),
    ],
)
def test_a_credential_is_masked_by_its_shape(text: str, shown: str) -> None:
    assert mask(text) == shown and mask(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me@host/x", "sqlite:///s.db", "https://hub.org/a@b?c=d", "http://h:80/a.zip", "mailto:a@b.c",
        'password authentication failed for user "bob"', "mask_token='[MASK]'", "token: Paris, tokens=all", "12:30",
        "pg://bob:${oc.env:PGPASSWORD}@h/x", "password: null", "model.path=a/b@main", "lrp2_bench.core.secrets: 3", "",
    ],
)  # fmt: skip
def test_what_holds_no_credential_stays_as_it_is(text: str) -> None:
    assert mask(text) == text and masked({"some": [text]}) == {"some": [text]}


@settings(steady, max_examples=40)
@given(SECRETS, PLAIN, PLAIN)
def test_no_secret_of_a_url_is_left_wherever_it_stands(secret: str, before: str, after: str) -> None:
    encoded = quote(secret, safe="")
    urls = (f"pg://bob:{encoded}@127.0.0.1:1/o?a=b", f"pg://127.0.0.1:1/o?user=bob&password={encoded}&a=b")
    for url in (*urls, f"pg://bob:{secret}@127.0.0.1/o"):
        assert secret not in masked(url) and encoded not in masked(url)
    for url in urls:
        assert encoded not in mask(f"{before} {url} {after}")


@steady
@given(SECRETS, PLAIN)
def test_what_a_configuration_held_is_masked_in_any_sentence_of_a_driver(secret: str, text: str) -> None:
    assume(len(secret.split("@")[0]) > 4)
    with remembering():
        learn({"search": {"storage": f"pg://bob:{quote(secret, safe='')}@h/x"}})
        for form in (secret, quote(secret, safe=""), json.dumps(secret), repr(secret)):
            said = mask(f"{text} '{form}' {text}")
            assert secret not in said and form.strip("'\"") not in said


@steady
@given(SECRETS, PLAIN)
def test_masking_what_is_masked_changes_nothing_more(secret: str, text: str) -> None:
    for shape in (
        f"pg://u:{secret}@h/{text}",
        f"password={secret} {text}",
        f"{text}{secret}",
        f"{text}: {secret}@{text}",
    ):
        once = mask(shape)
        assert mask(once) == once
        assert masked(masked(shape)) == masked(shape)


@steady
@given(PLAIN)
def test_ordinary_text_is_never_touched(text: str) -> None:
    assert mask(text) == text


def test_settings_named_as_credentials_are_masked_whatever_they_hold_and_paths_to_them_are_not() -> None:
    tree = {"api_key": "abc", "password": 1234, "passfile": "~/.pgpass", "tokens": "all", "token": None, "key": "k"}
    assert masked(tree) == {**tree, "api_key": MASK, "password": MASK}


def test_common_words_are_masked_in_their_place_alone() -> None:
    learn("postgresql://postgres:postgres@localhost/optuna")
    assert mask("postgres runs; postgresql://postgres:postgres@h") == "postgres runs; postgresql://postgres:***@h"


def test_variables_of_the_environment_are_masked_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGPASSWORD", "WANDB_API_KEY", "MY_TOKEN"):
        monkeypatch.setenv(name, f"{name.lower()}-s3cr3t")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "parallel-1")
    learn_environment()
    assert mask("pgpassword-s3cr3t wandb_api_key-s3cr3t my_token-s3cr3t parallel-1") == "*** *** *** parallel-1"


def test_a_carried_value_is_named_by_a_variable_and_shown_masked() -> None:
    named = carry("pg://bob:Geheim1@h/x")
    assert carry("pg://bob:Geheim1@h/x") == named and "Geheim1" not in named
    assert os.environ[named.removeprefix("${oc.env:").removesuffix("}")] == "pg://bob:Geheim1@h/x"
    assert mask(f"lrp2-bench search.storage={named}") == "lrp2-bench search.storage=pg://bob:***@h/x"


@pytest.mark.parametrize(
    "argument", ["search.storage='pg://h/x?password=Geh1im'", 'a="pg://u:Geh1im@h"', "a.api_key=Geh1im"]
)
def test_what_a_command_line_held_is_known(argument: str) -> None:
    learn_argument(argument)
    assert mask("server said Geh1im") == "server said ***"


def test_all_is_forgotten_in_the_end() -> None:
    with remembering():
        learn("pg://u:Geh1im@h")
        carry("pg://u:Geh1im@h")
    assert mask("Geh1im") == "Geh1im" and not [name for name in os.environ if name.startswith(secrets.HIDDEN)]
