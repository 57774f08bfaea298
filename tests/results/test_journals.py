"""Journals of several writers: each its own file, one order for all readers, torn tails harmless."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.results.journals import UNREADABLE, Journals, Place
from tests.support.paths import REPOSITORY


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_record_is_read_once_by_each_and_knows_its_place(tmp_path: Path) -> None:
    first, second = Journals(tmp_path), Journals(tmp_path)
    assert first.append({"n": 1}) == Place(1, 0)
    place = second.append({"n": "zwei\u2028"})
    later = first.append({"n": 3})
    expected = [(Place(1, 0), {"n": 1}), (later, {"n": 3}), (place, {"n": "zwei\u2028"})]
    assert place == Place(2, 0) and later > Place(1, 0)
    for reader in (first, second, Journals(tmp_path)):
        assert reader.new_records() == expected and reader.new_records() == []
    second.append({"n": 4})
    assert [record for _, record in first.new_records()] == [{"n": 4}]
    assert _names(tmp_path) == ["journal-002.jsonl", "journal.jsonl"]


def test_reading_makes_nothing(tmp_path: Path) -> None:
    assert Journals(tmp_path / "none").new_records() == []
    assert _names(tmp_path) == []


def test_a_line_counts_once_it_is_whole_and_foreign_lines_hide_none(tmp_path: Path) -> None:
    Journals(tmp_path).append({"n": 1})
    reader, path = Journals(tmp_path), tmp_path / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"n": 2')
    assert [record for _, record in reader.new_records()] == [{"n": 1}]
    path.write_bytes(whole + b'{"n": 2}\n\x00\xff\n[1]\n\n{"n": 3}\n')
    assert [record for _, record in reader.new_records()] == [{"n": 2}, {"n": 3}]


def test_whole_lines_that_are_no_records_are_counted_once_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"file": "a"}\n{"file": 1}\n{"fi\x00le": "b"}\nnonsense\n{"file": "torn')
    for _ in range(2):
        data_warnings = DataWarnings()
        reader = Journals(tmp_path, ("file",), data_warnings)
        assert [record for _, record in reader.new_records()] == [{"file": "a"}]
        reader.new_records()
        assert data_warnings.as_dict() == {UNREADABLE: {"count": 3, "examples": ["journal.jsonl"]}}


def test_files_of_other_names_are_no_journals(tmp_path: Path) -> None:
    for name in ("journal-x.jsonl", "journal-002.jsonl.tmp", "xjournal.jsonl"):
        (tmp_path / name).write_text('{"n": 1}\n')
    assert Journals(tmp_path).new_records() == []
    Journals(tmp_path).append({"n": 2})
    assert (tmp_path / "journal.jsonl").is_file()


def test_more_journals_than_the_names_have_digits_keep_their_order(tmp_path: Path) -> None:
    (tmp_path / "journal-1000.jsonl").write_text('{"n": 1000}\n')
    (tmp_path / "journal-999.jsonl").write_text('{"n": 999}\n')
    assert [record["n"] for _, record in Journals(tmp_path).new_records()] == [999, 1000]
    assert Journals(tmp_path).append({}).journal == 1001


def test_two_who_reach_for_one_number_get_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (Journals(tmp_path) for _ in range(3))
    first.append({"n": 1})
    for late in (second, third):  # they looked before the others' journals were there
        monkeypatch.setattr(late, "_files", dict)
        late.append({"n": 2})
    assert [place.journal for place, _ in Journals(tmp_path).new_records()] == [1, 2, 3]


WRITER = """
import sys
from pathlib import Path
from lrp2_bench.results.journals import Journals
journals = Journals(Path(sys.argv[1]))
sys.stdin.read(1)
for n in range(50):
    journals.append({"writer": sys.argv[2], "n": n})
"""


def test_writers_at_once_lose_no_record_and_share_no_file(tmp_path: Path) -> None:
    count = 6
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(number)], cwd=REPOSITORY, stdin=subprocess.PIPE
        )
        for number in range(count)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b".")
        process.stdin.close()
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(lambda process: process.wait(timeout=60), processes)) == [0] * count
    records = Journals(tmp_path).new_records()
    assert sorted((record["writer"], record["n"]) for _, record in records) == [
        (str(number), n) for number in range(count) for n in range(50)
    ]
    by_journal = {place.journal: record["writer"] for place, record in records}
    assert len(by_journal) == len(set(by_journal.values())) == count
