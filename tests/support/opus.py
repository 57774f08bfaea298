"""OPUS-100 and OPUS as they are fetched: parquet on a hub that a loopback server plays, zips, and local folders."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lrp2_bench.data.opus.corpus import REVISION
from tests.support.loopback import Answer, Loopback

Rows = Sequence[tuple[str | None, str | None]]

ROWS: Rows = [("Eins.", "One."), ("Zwei.", "Two."), ("", "Two."), ("Drei.", "Three."), ("Vier.", "Four.")]


def parquet(rows: Rows, pair: str = "de-en", row_group: int = 1000) -> bytes:
    sides = pair.split("-")
    values = [dict(zip(sides, row, strict=True)) for row in rows]
    column = pa.array(values, pa.struct([(side, pa.string()) for side in sides]))
    file = io.BytesIO()
    pq.write_table(pa.table({"translation": column}), file, row_group_size=row_group)
    return file.getvalue()


def play_hub(server: Loopback, *files: bytes, pair: str = "de-en", revision: str = REVISION) -> list[str]:
    """Let the server play the three endpoints that the hub's client asks; the addresses of the files."""
    repository = "/api/datasets/Helsinki-NLP/opus-100"
    names = [f"{pair}/train-{index:05d}-of-{len(files):05d}.parquet" for index in range(len(files))]
    listing = [
        {"type": "file", "path": name, "size": len(file), "oid": "0" * 40}
        for name, file in [*zip(names, files, strict=True), (f"{pair}/test-00000-of-00001.parquet", b"test")]
    ]
    server.answers[f"{repository}/revision/{revision}"] = as_json({"id": "Helsinki-NLP/opus-100", "sha": REVISION})
    server.answers[f"{repository}/tree/{revision}/{pair}"] = as_json(listing)
    addresses = [f"/datasets/Helsinki-NLP/opus-100/resolve/{revision}/{name}" for name in names]
    server.answers.update(dict(zip(addresses, map(Answer, files), strict=True)))
    return addresses


def as_json(value: object) -> Answer:
    return Answer(json.dumps(value).encode(), headers={"Content-Type": "application/json"})


def play_test_set(server: Loopback, rows: Rows, pair: str = "de-en") -> str:
    """Give the pair of :func:`play_hub` a test set too; its address."""
    listing = server.answers[f"/api/datasets/Helsinki-NLP/opus-100/tree/{REVISION}/{pair}"]
    assert isinstance(listing, Answer)
    name, file = f"{pair}/test-00000-of-00001.parquet", parquet(rows, pair)
    entries = [entry for entry in json.loads(listing.body) if entry["path"] != name]
    entries.append({"type": "file", "path": name, "size": len(file), "oid": "0" * 40})
    server.answers[f"/api/datasets/Helsinki-NLP/opus-100/tree/{REVISION}/{pair}"] = as_json(entries)
    address = f"/datasets/Helsinki-NLP/opus-100/resolve/{REVISION}/{name}"
    server.answers[address] = Answer(file)
    return address


def play_opus(server: Loopback, language: str, text: str, member: str | None = None) -> str:
    pair = "-".join(sorted([language, "en"]))
    address = f"/OPUS-bible-uedin/v1/moses/{pair}.txt.zip"
    server.answers[address] = Answer(zipped({member or f"bible-uedin.{pair}.{language}": text, "README": "x"}))
    return address


def zipped(members: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file.getvalue()


def local(folder: Path, rows: Rows, pair: str = "de-en") -> str:
    (folder / pair).mkdir(parents=True)
    (folder / pair / "train-00000-of-00001.parquet").write_bytes(parquet(rows, pair))
    return str(folder)
