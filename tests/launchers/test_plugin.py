"""Hydra's parser under the argparse of Python 3.14."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest
from hydra._internal.utils import get_args_parser

from lrp2_bench.launchers.plugin import any_help_text
from tests.support.commands import lrp2_bench

pytestmark = pytest.mark.no_torch


@pytest.fixture
def strict_argparse(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What argparse does from 3.14 on: a help text is expanded as its argument is added."""
    container = argparse._ActionsContainer
    add = container.add_argument

    def add_argument(self: argparse._ActionsContainer, *names: str, **options: object) -> argparse.Action:
        action = add(self, *names, **options)  # type: ignore[arg-type]
        if action.help and action.help != argparse.SUPPRESS:
            try:
                "%" in action.help  # noqa: B015
            except TypeError as error:
                raise ValueError("badly formed help string") from error
        return action

    monkeypatch.setattr(container, "add_argument", add_argument)
    yield


@pytest.mark.usefixtures("strict_argparse")
def test_commands_explain_themselves_where_help_texts_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="badly formed help string"):
        get_args_parser()  # or else Hydra has learnt it, and any_help_text can go
    assert lrp2_bench("search", "--help") == 0
    assert lrp2_bench("search", "--hydra-help") == 0
    said = capsys.readouterr().out
    assert "lrp2-bench search: find the best" in said
    assert "--shell-completion,-sc : Install or Uninstall shell completion:" in said, "the lazy text is shown as ever"


def test_argparse_is_as_it_was_afterwards() -> None:
    with any_help_text():
        assert "add_argument" in vars(argparse.ArgumentParser)
    assert "add_argument" not in vars(argparse.ArgumentParser)


def test_help_texts_that_are_strings_are_still_checked_and_kept() -> None:
    with any_help_text():
        parser = argparse.ArgumentParser()
        assert parser.add_argument("--a", help="text").help == "text"
        assert parser.add_argument("--b").help is None
