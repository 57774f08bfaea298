"""Advice on quoting: pasted into a shell it hands the very text on, whatever is in it."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from lrp2_bench.config.compose import conf_dir, register
from lrp2_bench.core.quoting import quoting_advice
from tests.support.commands import lrp2_bench

Capture = pytest.CaptureFixture[str]

REFUSED = [
    "/data/a=b", "/data/a#b", "/data/it's", "a,b", "/data/{a}", "{a: b}", "[a]", "a(b)", "(b)", "caf\u00e9",
    "\u65e5\u672c", "a!b", "a&b",
    "a;b", 'a"b', "<a>", "~/my model", "a`b", "'a", '"', "a='b'", "http://x/y?a=b&c=d", "it's a=\\", "\"'\\'=",
    "a  = b",
    "$(touch x)=", "!!=",
]  # fmt: skip

#: Hydra reads these, as something else.
READ_OTHERWISE = [" a ", "1e5", "true", "null", "a\tb", "1_0"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _path_of(overrides: list[str]) -> str:
    register()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose(config_name="search", overrides=["model=hf", "language=de", *overrides])
    return str(config.model.path)


def _through_sh(words: list[str]) -> list[str]:
    """``words``, written in a script, as the programs get them that a POSIX shell starts."""
    program = "import sys; print(sys.argv[1:])"
    script = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} {' '.join(words)}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    found: list[str] = ast.literal_eval(done.stdout)
    return found


def test_what_is_advised_gives_the_text_that_was_typed_through_a_shell_and_hydra(tmp_path: Path) -> None:
    parser = OverridesParser.create()
    texts = [*REFUSED, *READ_OTHERWISE]
    advice = [quoting_advice(f"model.path={text}", lambda override: True) for text in texts]
    words = _through_sh([said.partition("for the shell: ")[2] for said in advice])
    assert [parser.parse_override(word).value() for word in words] == texts
    assert not list(tmp_path.iterdir()), "nothing in it is run"


def test_hydra_refuses_each_as_it_is() -> None:
    """Or the advice would never be seen."""
    for text in REFUSED:
        try:
            override = OverridesParser.create().parse_override(f"model.path={text}")
        except HydraException:
            continue
        assert override.is_sweep_override() or not isinstance(override.value(), str), text


@pytest.mark.parametrize("value", ["/data/it's a=b#c", "a,b", "[a]", "caf\u00e9 (b)"])
def test_the_command_line_advises_it_and_takes_it(value: str, capsys: Capture) -> None:
    assert lrp2_bench("search", "model=hf", "language=de", f"model.path={value}") == 1
    error = capsys.readouterr().err
    found = re.search("for Hydra and for the shell: (.*)", error)
    assert found and "Traceback" not in error
    assert _path_of(shlex.split(found[1])) == value


@pytest.mark.parametrize("argument", ["seed=[1", "model.path =x", "seed=a=b", "=3=4"])
def test_quotes_are_not_advised_where_they_would_not_help(argument: str, capsys: Capture) -> None:
    assert lrp2_bench("search", "language=de", argument) == 1
    error = capsys.readouterr().err
    assert "for Hydra and for the shell" not in error and "key=value without spaces around the =" in error


def test_several_values_are_a_multirun_a_text_or_a_list(capsys: Capture) -> None:
    assert lrp2_bench("search", "language=de", "dataset.relations=P36,P37") == 1
    error = capsys.readouterr().err
    assert "a job each: add -m" in error
    listed = shlex.split(error.partition("For a list: ")[2].split("\n")[0])
    assert lrp2_bench("search", "language=de", *listed, "-c", "job") == 0
    assert "- P36" in capsys.readouterr().out


@pytest.mark.parametrize("value", ["${x}", "${oc.env:NO_SUCH_VARIABLE_HERE}"])
def test_a_reference_to_nothing_says_how_to_write_the_text_itself(value: str, capsys: Capture) -> None:
    assert lrp2_bench("search", "model=hf", "language=de", f"model.path={value}") == 1
    error = capsys.readouterr().err
    advice = re.search(r"a backslash before it: (.*)", error)
    assert advice and "Traceback" not in error
    assert _path_of(shlex.split(advice[1].replace("KEY", "model.path"))) == "${NAME}"
