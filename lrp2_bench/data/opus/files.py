"""The files of OPUS-100 and OPUS: rows of parquet, on the hub or in a folder, and lines of zips."""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.text import decoded_lines

log = logging.getLogger(__name__)

#: A sentence in each of the languages asked for; None where a row has none.
Row = tuple[str | None, ...]

_LARGEST_MEMBER = 4 << 30
_BLOCK = 1 << 20


def hub_rows(
    folder: str, endpoint: str | None, languages: Sequence[str], splits: Sequence[str], around: str
) -> Iterator[Row]:
    """The rows of the first of ``splits`` that the hub's ``folder`` has, file by file; only what is read travels.

    Raises :class:`BenchError`, which ends with ``around``, a way out.
    """
    from huggingface_hub import HfFileSystem  # slow to import, and not needed for local sentences

    log.info("Reading %s from %s", " and ".join(languages), folder)
    try:
        # Instances are shared within a process and keep their listings, while a branch moves.
        hub = HfFileSystem(endpoint=endpoint, block_size=_BLOCK, skip_instance_cache=True)
        names = _of_split([str(name) for name in hub.ls(folder, detail=False)], splits)
        if not names:
            raise BenchError(f"'{folder}' on the hub holds no {splits[-1]}-*.parquet. Check corpus.revision.\n{around}")
        for name in names:
            with hub.open(name, "rb") as file:
                yield from _rows(file, languages, name)
    except BenchError:
        raise
    except Exception as error:  # the hub's HTTP library has changed with its major version; each has its own errors
        raise BenchError(
            f"Cannot read '{folder}' from {endpoint or 'the Hugging Face hub'}: "
            f"{' '.join(str(error).split()) or type(error).__name__}\n{around}"
        ) from error


def local_rows(folder: Path, languages: Sequence[str], splits: Sequence[str], around: str) -> Iterator[Row]:
    """The same of a local folder in the hub's layout."""
    names = _of_split([str(path) for path in folder.glob("*")], splits)
    if not names:
        there = {path.parent.name for path in folder.parent.glob(f"*/{splits[-1]}-*.parquet")}
        raise BenchError(
            f"'{folder}' holds no {splits[-1]}-*.parquet. Pairs with one: {', '.join(sorted(there)) or 'none'}.\n"
            f"{around}"
        )
    for name in names:
        try:
            with Path(name).open("rb") as file:
                yield from _rows(file, languages, name)
        except (OSError, ValueError) as error:  # pyarrow's errors are among these
            raise BenchError(f"Cannot read '{name}': {error}. Fetch it again.") from error


def zip_lines(archive: Path, member: str, data_warnings: DataWarnings) -> Iterator[str | None]:
    """The lines of one member as :func:`decoded_lines` gives them, read in place: nothing is unpacked, no name in the
    archive becomes a path."""
    try:
        with zipfile.ZipFile(archive) as opened:
            if member not in opened.namelist():
                raise BenchError(f"'{archive}' holds no '{member}'; it holds {', '.join(opened.namelist()[:10])}.")
            size = opened.getinfo(member).file_size
            if size > _LARGEST_MEMBER:
                raise BenchError(f"'{member}' in '{archive}' has {size:,} bytes, more than {_LARGEST_MEMBER:,}.")
            with opened.open(member) as file:
                yield from decoded_lines(file, f"{archive.name}/{member}", data_warnings)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise BenchError(f"'{archive}' is damaged ({error}). Remove it to have it fetched again.") from error


def _of_split(names: Sequence[str], splits: Sequence[str]) -> list[str]:
    for split in splits:
        found = [name for name in names if Path(name).name.startswith(f"{split}-") and name.endswith(".parquet")]
        if found:
            return sorted(found)
    return []


def _rows(file: Any, languages: Sequence[str], source: str) -> Iterator[Row]:
    """``translation.LANG`` row by row; of the file, only the pages asked for are read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Buffered, without read-ahead over row groups: stopping after N sentences leaves the rest where it is.
    table = pq.ParquetFile(file, buffer_size=_BLOCK, pre_buffer=False)
    schema = table.schema_arrow
    column = schema.field("translation").type if "translation" in schema.names else None
    sides = [field.name for field in column] if isinstance(column, pa.StructType) else []
    for language in languages:
        if language not in sides:
            raise BenchError(
                f"'{source}' has no column translation.{language}: its columns are {', '.join(schema.names)}, its "
                f"languages {', '.join(sides) or 'none'}."
            )
    wanted = [f"translation.{language}" for language in languages]
    for batch in table.iter_batches(batch_size=1000, columns=wanted, use_threads=False):
        read = batch.column(0)
        yield from zip(*(read.field(language).to_pylist() for language in languages), strict=True)
