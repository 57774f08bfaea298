"""Encodings of data files: one rule for every source, told by file, line and cause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.tatoeba import TatoebaCorpus
from lrp2_bench.data.text import TextCorpus
from lrp2_bench.data.xfactr.dataset import XFactr
from tests.support.toy import build_mlama
from tests.support.toy_xfactr import build_xfactr

Source = tuple[Path, Callable[[], object]]


def _mlama(folder: Path, name: str) -> Source:
    build_mlama(folder)
    return folder / "mlama1.1" / "de" / f"{name}.jsonl", lambda: MLama(folder).facts("de", "en", DataWarnings())


def _text(folder: Path) -> Source:
    (folder / "de.txt").write_text("Eins.\nZwölf.\nFünf.\n", "utf-8")
    return folder / "de.txt", lambda: TextCorpus(str(folder)).sentences("de", DataWarnings())


def _tatoeba(folder: Path, whole: bool) -> Source:
    for side, text in (("deu", "Eins.\nZwölf.\nFünf.\n"), ("eng", "One.\nTwelve.\nFive.\n")):
        (folder / f"tatoeba.deu-eng.{side}").write_text(text, "utf-8")
    corpus = TatoebaCorpus(str(folder))
    read: Callable[[], object] = (
        (lambda: corpus.pairs("de")) if whole else (lambda: corpus.sentences("de", DataWarnings()))
    )
    return folder / "tatoeba.deu-eng.deu", read


def _xfactr(folder: Path, name: str) -> Source:
    build_xfactr(folder, genders=True, labels=True)
    return folder / "xfactr" / name, lambda: XFactr(folder).facts("fr", "en", DataWarnings())


SOURCES: dict[str, Callable[[Path], Source]] = {
    "facts": lambda folder: _mlama(folder, "P36"),
    "templates": lambda folder: _mlama(folder, "templates"),
    "text": _text,
    "tatoeba": lambda folder: _tatoeba(folder, whole=False),
    "tatoeba pairs": lambda folder: _tatoeba(folder, whole=True),
    "prompts": lambda folder: _xfactr(folder, "TREx_prompts.csv"),
    "names": lambda folder: _xfactr(folder, "alias/mTRExf/fr.txt"),
    "labels": lambda folder: _xfactr(folder, "mTRExf_unicode_escape.txt"),
    "genders": lambda folder: _xfactr(folder, "mTRExf_gender.txt"),
    "triples": lambda folder: _xfactr(folder, "mTRExf/sub/P36.jsonl"),
}


@pytest.fixture(params=SOURCES.values(), ids=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    made: Source = request.param(tmp_path)
    return made


def _refused(source: Source, data: bytes) -> str:
    path, read = source
    path.write_bytes(data)
    with pytest.raises(BenchError) as caught:
        read()
    assert path.name in str(caught.value)
    return str(caught.value)


def test_a_mark_and_windows_line_ends_change_nothing(source: Source) -> None:
    path, read = source
    before = read()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert read_again(source) == before


def read_again(source: Source) -> object:
    return source[1]()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-16-le"])
def test_wide_encodings_are_refused_with_file_line_cause_and_a_way_out(source: Source, encoding: str) -> None:
    text = source[0].read_text("utf-8")
    marked = encoding in ("utf-16", "utf-32")  # the others come without a mark
    told = _refused(source, text.encode(encoding))
    assert "line 1: not UTF-8" in told and f"iconv -f {'UTF-32' if encoding == 'utf-32' else 'UTF-16'}" in told
    assert "begins with a byte order mark" in told if marked else "without a byte order mark" in told


def test_latin_1_is_refused_with_file_line_cause_and_a_way_out(source: Source) -> None:
    lines = source[0].read_bytes().decode("utf-8").encode("ascii", "ignore").splitlines(keepends=True)
    told = _refused(source, b"".join([*lines[:1], lines[-1].rstrip() + b" caf\xe9\n", *lines[1:] * 30]))
    assert "line 2: not UTF-8: byte 0xe9 at byte" in told and "looks like Latin-1" in told
    assert "iconv -f ISO-8859-1 -t UTF-8 OLD > NEW" in told


def test_a_packed_file_is_refused_by_its_kind(source: Source) -> None:
    assert "line 1: not text; it looks like a gzip file" in _refused(source, b"\x1f\x8b\x08\x00")


@pytest.mark.parametrize(
    ("encoding", "text", "named"),
    [
        ("cp1252", "Preis: 5 €\n", "WINDOWS-1252"),
        ("gb18030", "法国的首都是巴黎\n", "ENCODING"),
        ("cp1251", "Столица Франции\n", "ENCODING"),
        ("shift_jis", "フランスの首都\n", "ENCODING"),
    ],
)
def test_other_encodings_are_guessed_with_care(encoding: str, text: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_bytes(text.encode(encoding))
    with pytest.raises(BenchError, match=rf"de.txt' line 1: not UTF-8(.|\n)*iconv -f {named} "):
        TextCorpus(str(tmp_path)).sentences("de", DataWarnings())


def test_latin_1_is_found_without_reading_a_whole_corpus(tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_bytes(b"eins\nf\xfcnf\nzw\xf6lf\ndrei\xdfig\n" + b"mehr\n" * 1000)
    with pytest.raises(BenchError, match="line 2: .*Latin-1"):
        TextCorpus(str(tmp_path), 10).sentences("de", DataWarnings())


def test_a_file_cut_off_inside_a_letter_is_damaged_and_in_no_other_encoding(tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_bytes(b"".join(b"Satz %d.\n" % number for number in range(20)) + "fü".encode()[:-1])
    data_warnings = DataWarnings()
    assert len(TextCorpus(str(tmp_path)).sentences("de", data_warnings)) == 20
    assert sum(told["count"] for told in data_warnings.as_dict().values()) == 1


def test_more_than_a_tenth_of_damaged_lines_is_an_error(tmp_path: Path) -> None:
    sound, damaged = "zwölf {}\n", b"f\xfcnf\n"
    for count, fails in ((10, False), (11, True)):
        lines = [sound.format(number).encode() for number in range(100 - count)]
        (tmp_path / "de.txt").write_bytes(b"".join([*lines, damaged * count]))
        if not fails:
            assert len(TextCorpus(str(tmp_path)).sentences("de", DataWarnings())) == 90
            continue
        with pytest.raises(BenchError, match=r"(?s)de.txt': 11 of 100 lines .*line 90: not UTF-8: byte 0xfc at byte 2"):
            TextCorpus(str(tmp_path)).sentences("de", DataWarnings())
