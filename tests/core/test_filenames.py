"""Names as file names: injective, within the file system's limits, and unchanged where they are fit already."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.filenames import LONGEST, STEM, file_name, require_path, require_text
from lrp2_bench.models.names import folder_name
from lrp2_bench.results.layout import run_folder
from tests.support.properties import steady

pytestmark = pytest.mark.no_torch

#: Any text that Python can hold, with what file systems and our encoding care about drawn often.
NAMES = st.text(
    st.one_of(
        st.sampled_from([*"/%.~ _aAuU2F\\\0\n\r\t", *"\x7f\x85\u202e\u2028é\u0301\udce9\ud800"]),
        st.characters(exclude_categories=()),
    ),
    max_size=40,
) | st.binary(max_size=300).map(os.fsdecode)  # fmt: skip
LIMITS = st.sampled_from([LONGEST, STEM, 150, 60])


def _decoded(name: str) -> str:
    """The name that was encoded, where it was not cut."""

    def character(found: re.Match[str]) -> str:
        code = int(found[1] or found[2] or found[3], 16)
        return chr(code + 0xDC00) if found[3] and code >= 0x80 else chr(code)

    return re.sub("%u([0-9A-F]{4})|%U([0-9A-F]{8})|%([0-9A-F]{2})", character, name) if name != "%" else ""


@steady
@given(NAMES, LIMITS)
def test_a_name_can_be_told_from_its_file_name(name: str, longest: int) -> None:
    found = file_name(name, longest)
    if "%~" not in found:
        assert _decoded(found) == name


@steady
@given(NAMES, NAMES, LIMITS)
def test_two_names_never_share_a_file(one: str, other: str, longest: int) -> None:
    assume(one != other)
    assert file_name(one, longest) != file_name(other, longest)


@steady
@given(NAMES, LIMITS)
def test_a_file_name_is_one_part_of_a_path_that_any_file_system_takes(name: str, longest: int) -> None:
    found = file_name(name, longest)
    assert 0 < len(found.encode("utf-8")) <= longest, "UTF-8, and not too long"
    assert not set(found) & set("/\0\n\r") and not found.startswith(".") and not found.endswith((".", " "))
    assert Path("a", found).name == found and Path("a", found).parent == Path("a")


@steady
@given(st.text("ab9XY_- .()=,+@:~éя日", min_size=1, max_size=60))
def test_a_name_that_is_fit_stays_as_it_is(name: str) -> None:
    assume(name[0] != "." and name[-1] not in ". ")
    assert file_name(name) == name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("mbert", "mbert"), ("bert-base (v1.0)", "bert-base (v1.0)"), ("zh-Hans", "zh-Hans"), ("日本", "日本"),
        ("a/b", "a%2Fb"), ("a%2Fb", "a%252Fb"), ("..", "%2E%2E"), (".x", "%2Ex"), ("x. ", "x%2E%20"), ("", "%"),
        ("caf\udce9", "caf%E9"), ("a\0b", "a%00b"), ("a\u202eb", "a%u202Eb"), ("x" * 255, "x" * 255),
    ],
)  # fmt: skip
def test_what_becomes_of_names(name: str, found: str) -> None:
    assert file_name(name) == found


def test_names_that_are_cut_alike_are_kept_apart_by_a_digest_of_the_whole() -> None:
    one, other = (file_name("é" * 200 + end) for end in "ab")
    assert one != other and one[:110] == other[:110]
    assert file_name(one) == one.replace("%", "%25") or len(file_name(one).encode()) <= LONGEST
    assert file_name(one) != one, "no name that could be typed is taken for a cut one"


def test_runs_that_differ_in_a_name_have_folders_of_their_own() -> None:
    root = Path("outputs")
    assert run_folder(root, "e", "lrp2", "mbert", "mlama", "de") == Path("outputs/e/mbert/mlama/de")
    assert run_folder(root, "e", "random", "mbert", "mlama", "de") == Path("outputs/e/random/mbert/mlama/de")
    names = [("e/random", "lrp2", "m"), ("e", "random", "m"), ("e", "lrp2", "random/m"), ("e", "lrp2", "../m")]
    folders = {run_folder(root, experiment, label, model, "d", "l") for experiment, label, model in names}
    assert len(folders) == len(names) and all(folder.is_relative_to(root) for folder in folders)
    assert all(".." not in folder.parts for folder in folders)


def test_a_models_name_from_a_folder_of_other_bytes_can_be_written(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    assert folder_name(None, str(tmp_path / "link")) == "caf%E9"


def test_a_path_with_no_room_for_what_a_job_writes_is_refused() -> None:
    require_path(Path("/", *["x" * 200] * 18))
    with pytest.raises(BenchError, match=r"has 4020 bytes, .* the 4096 that can be opened.*shorter"):
        require_path(Path("/", *["x" * 200] * 20))


def test_bytes_that_are_no_text_are_named_with_their_place() -> None:
    require_text("The setting", ["paths.outputs=café", "日本", ""])
    with pytest.raises(BenchError, match=r"The setting b'p=caf\\xe9/x' holds bytes that are not UTF-8"):
        require_text("The setting", ["fine", os.fsdecode(b"p=caf\xe9/x")])
    with pytest.raises(BenchError, match="not UTF-8"):
        require_text("The setting", ["\ud800\udce9"])
