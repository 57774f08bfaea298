"""The documentation as a site: it builds without a warning, and says of every setting what the code says."""

import os
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass
from html import unescape
from pathlib import Path
from typing import get_type_hints

import pytest

from lrp2_bench.core import settings
from tests.support.paths import REPOSITORY

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


def test_every_setting_of_every_command_is_on_the_page_of_settings(site: Path) -> None:
    page = unescape((site / "settings.html").read_text(encoding="utf-8"))
    names = set()
    for found in filter(is_dataclass, vars(settings).values()):
        for name, kind in get_type_hints(found).items():
            names |= {f"{name}.{each.name}" for each in fields(kind)} if is_dataclass(kind) else {name}
    assert len(names) > 100
    assert not {name for name in names if f"{name}</code>" not in page}


def test_every_public_name_is_in_the_api_reference(site: Path) -> None:
    import lrp2_bench

    page = (site / "api.html").read_text(encoding="utf-8")
    assert not [name for name in lrp2_bench.__all__ if name != "__version__" and f'.{name}"' not in page]
    assert ":class:" not in page


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "fonts.googleapis" not in text
        assert 'src="http' not in text, page.name


def test_every_page_of_docs_is_built(site: Path) -> None:
    pages = {path.stem for path in site.rglob("*.html")}
    assert pages >= {path.stem for path in (REPOSITORY / "docs").rglob("*.md")} | {"settings"}


def test_links_and_pictures_that_lie_in_docs_stay_and_only_those_to_files_elsewhere_become_text(site: Path) -> None:
    wanted, outside = [], 0
    for source in (REPOSITORY / "docs").rglob("*.md"):
        page = (site / source.relative_to(REPOSITORY / "docs")).with_suffix(".html").read_text(encoding="utf-8")
        for mark, path in re.findall(r"(!?)\[[^\]]+\]\(([^)#\s:]+)(?:#[^)]*)?\)", source.read_text(encoding="utf-8")):
            if (source.parent / path).resolve().is_relative_to(REPOSITORY / "docs"):
                there = f'src="{path}"' if mark else f'href="{re.sub(r"[.]md$", ".html", path)}'
                wanted.append((source.name, there, there in page))
            else:
                outside += 1
                assert f'="{path}' not in page, (source.name, path)
    assert outside > 3 and sum(there.startswith("src") for _, there, _ in wanted) > 3
    assert [each for each in wanted if not each[2]] == []
