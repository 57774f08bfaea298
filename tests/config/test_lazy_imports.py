"""Looking at the command line waits for no library that only work needs, and a search for none that it never uses."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

from lrp2_bench.cli import COMMANDS

#: Each takes a tenth of a second to seconds to import.
HEAVY = {
    "babel", "huggingface_hub", "matplotlib", "numpy", "optuna", "pandas", "plotly", "pyarrow", "safetensors", "scipy",
    "sklearn", "sqlalchemy", "submitit", "tokenizers", "torch", "transformers", "wandb",
}  # fmt: skip

#: A process for all, since what one of them imports stays: the last modules are those of all together.
_LOOK = """
import contextlib, importlib, io, json, sys
from hydra.core.global_hydra import GlobalHydra
from lrp2_bench.cli import main

codes = []
for arguments in json.loads(sys.argv[1]):
    GlobalHydra.instance().clear()
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            codes.append(main(arguments))
        except SystemExit as stop:
            codes.append(stop.code or 0)
looked = sorted(sys.modules)
importlib.import_module("lrp2_bench.commands.search.job")
print(json.dumps([codes, looked, sorted(sys.modules)]))
"""

#: What else a search may import by itself, but later: when a model is loaded, a study or a tracker opened.
_LATER = {
    "babel", "huggingface_hub", "matplotlib", "pandas", "plotly", "scipy.optimize", "scipy.sparse", "scipy.stats",
    "sklearn", "sqlalchemy", "submitit", "tokenizers", "transformers", "wandb",
}  # fmt: skip


def _look(*lines: str) -> tuple[list[int], set[str], set[str]]:
    """Exit codes, the packages imported by then, and the modules that are there once a search's job is imported."""
    arguments = json.dumps([line.split() for line in lines])
    done = subprocess.run([sys.executable, "-c", _LOOK, arguments], capture_output=True, text=True, check=True)
    codes, looked, modules = json.loads(done.stdout)
    return codes, {name.partition(".")[0] for name in looked}, set(modules)


def test_help_version_and_errors_of_the_command_line_import_nothing_heavy_and_a_search_only_what_it_uses() -> None:
    looks = ["", "--version", "-h", *(f"{command} --help" for command in COMMANDS)]
    looks += ["search --cfg job language=de", "-sc install=bash"]
    wrong = ["serch", "search language=de modle=x", "search model=mbrt", "search -m model=mbrt language=de,zh"]
    wrong += ["search language=de model.path=a=b", "search mbert", "search language=de seed=x"]
    codes, packages, modules = _look(*looks, *wrong)
    assert codes == [0] * len(looks) + [2] + [1] * (len(wrong) - 1)
    assert not packages & HEAVY
    assert not modules & _LATER


def test_the_names_are_those_of_installed_packages() -> None:
    """Or the test above would look for what cannot be there."""
    assert {name for name in HEAVY if importlib.util.find_spec(name) is None} <= {"submitit", "wandb"}
