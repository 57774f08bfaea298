"""OPUS-100, the paper's corpus, streamed from the Hugging Face hub; OPUS's own files where it lacks a language.

Sources: Zhang et al. 2020 (https://huggingface.co/datasets/Helsinki-NLP/opus-100); Tiedemann 2012
(https://opus.nlpl.eu); for the Bible, Christodouloupoulos and Steedman 2015. OPUS-100 has no Cebuano and no Latin;
the paper says "OPUS" for such languages and not which of its corpora, so the Bible (about 30,000 verses) is our choice.
"""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.download import download
from lrp2_bench.data.text import checked_count, first_usable, text_lines
from lrp2_bench.errors import BenchError, UnknownNameError
from lrp2_bench.files import write_text
from lrp2_bench.languages import aliases
from lrp2_bench.notices import Notices

log = logging.getLogger(__name__)

_CODES = (
    "af am an ar as az be bg bn br bs ca cs cy da de dz el eo es et eu fa fi fr fy ga gd gl gu ha he hi hr hu hy id ig "
    "is it ja ka kk km kn ko ku ky li lt lv mg mk ml mn mr ms mt my nb ne nl nn no oc or pa pl ps pt ro ru rw se sh si "
    "sk sl sq sr sv ta te tg th tk tr tt ug uk ur uz vi wa xh yi yo zh zu"
)

#: The languages OPUS-100 pairs with English, as its folders on the hub name them.
OPUS_100 = frozenset(_CODES.split())

#: Language -> CORPUS/RELEASE of OPUS, for those of mLAMA's languages that OPUS-100 lacks.
FROM_OPUS: Mapping[str, str] = {"ceb": "bible-uedin/v1", "la": "bible-uedin/v1"}

#: The commit of Helsinki-NLP/opus-100 that is read unless another is asked for (parquet, one folder a pair).
REVISION = "805090dc28bf78897da9641cdf08b61287580df9"

NO_SENTENCE = "Corpus row holds no sentence of the language"

_LARGEST_MEMBER = 4 << 30
_BLOCK = 1 << 20
_AROUND = (
    "Use sentences of this machine instead: corpus=text corpus.path=DIR with one sentence a line in DIR/LANG.txt, or "
    "corpus.path=DIR with OPUS-100 in the hub's own layout (DIR/de-en/train-00000-of-00001.parquet)."
)


class OpusCorpus(Corpus):
    """The first ``sentences`` usable ones (None: all) of a language's training set in OPUS-100.

    Only the pages that hold them travel. ``revision`` pins the hub's files; under a commit's name the sentences are
    kept in ``cache``, so that every language's job does not ask for English again. English comes from
    ``english_pair``. ``opus`` maps languages to CORPUS/RELEASE of OPUS, read from ``opus_url`` in place of OPUS-100
    and kept in ``cache``. With ``path``, a folder in the hub's own layout (OPUS's zips beside the pairs' folders, as
    ``ceb-en.txt.zip``), nothing is fetched. ``endpoint`` is another hub's address (None: ``HF_ENDPOINT`` or the hub).
    """

    name = "opus"

    def __init__(
        self,
        path: str | None = None,
        sentences: int | None = 10_000,
        cache: str | Path | None = None,
        *,
        revision: str = REVISION,
        english_pair: str = "de-en",
        opus: Mapping[str, str] | None = None,
        repository: str = "Helsinki-NLP/opus-100",
        endpoint: str | None = None,
        opus_url: str = "https://object.pouta.csc.fi",
    ) -> None:
        self.count = checked_count(sentences)
        self._folder = Path(path).expanduser() if path else None
        if self._folder is not None and not self._folder.is_dir():
            raise BenchError(f"corpus.path: there is no folder '{path}'.\n{_AROUND}")
        self._cache = Path(cache or "~/.cache/lrp2_bench").expanduser()
        self._revision, self._repository, self._endpoint = revision, repository, endpoint
        self._opus, self._opus_url = dict(FROM_OPUS if opus is None else opus), opus_url.rstrip("/")
        for language, release in self._opus.items():
            if not _is_release(release):
                raise BenchError(f"corpus.opus.{language}='{release}': give CORPUS/RELEASE, such as bible-uedin/v1.")
        known = {_pair(language) for language in OPUS_100}
        if english_pair not in known:
            turned = {"-".join(reversed(pair.split("-"))): pair for pair in known}
            what = "pair of OPUS-100 for English (corpus.english_pair)"
            raise UnknownNameError(what, english_pair, known, aliases=turned)
        self._english_pair = english_pair

    def languages(self) -> tuple[str, ...]:
        """The codes of the languages there are, English among them, sorted."""
        return tuple(sorted({*OPUS_100, *self._opus, "en"}))

    def sentences(self, language: str, notices: Notices) -> list[str]:
        if language not in self.languages():
            hint = "OPUS may have it: corpus.opus.LANG=CORPUS/RELEASE (https://opus.nlpl.eu). " + _AROUND
            raise UnknownNameError("language of OPUS-100 and OPUS", language, self.languages(), hint, aliases())
        if language in self._opus:
            return self._from_opus(language, notices)
        pair = self._english_pair if language == "en" else _pair(language)
        if self._folder is not None:
            lines = _local_lines(self._folder / pair, language, notices)
            return first_usable(lines, self.count, language, str(self._folder / pair), notices)
        return self._from_hub(pair, language, notices)

    def _from_hub(self, pair: str, language: str, notices: Notices) -> list[str]:
        source = f"{self._repository}/{pair}"
        kept = self._cache / "opus-100" / self._revision / f"{pair}.{language}.{self.count or 'all'}.txt"
        # A branch moves; only a commit's sentences stay what they were.
        keep = len(self._revision) == 40 and set(self._revision) <= set("0123456789abcdef")
        if keep and kept.exists():
            lines = kept.read_text(encoding="utf-8").split("\n")
            return first_usable(lines, self.count, language, str(kept), notices)
        found = first_usable(self._hub_lines(pair, language, notices), self.count, language, source, notices)
        if keep:
            write_text(kept, "".join(sentence + "\n" for sentence in found))
        return found

    def _hub_lines(self, pair: str, language: str, notices: Notices) -> Iterator[str]:
        from huggingface_hub import HfFileSystem  # slow to import, and not needed for local sentences

        folder = f"datasets/{self._repository}@{self._revision.replace('/', '%2F')}/{pair}"
        log.info("Reading %s of %s from %s", language, pair, folder)
        try:
            # Instances are shared within a process and keep their listings, while a branch moves.
            hub = HfFileSystem(endpoint=self._endpoint, block_size=_BLOCK, skip_instance_cache=True)
            names = sorted(str(name) for name in hub.ls(folder, detail=False) if _is_train(Path(str(name)).name))
            if not names:
                raise BenchError(f"'{folder}' on the hub holds no train-*.parquet. Check corpus.revision.\n{_AROUND}")
            for name in names:
                with hub.open(name, "rb") as file:
                    yield from _parquet_lines(file, language, name, notices)
        except BenchError:
            raise
        except Exception as error:  # the hub's HTTP library has changed with its major version; each has its own errors
            raise BenchError(
                f"Cannot read '{folder}' from {self._endpoint or 'the Hugging Face hub'}: "
                f"{' '.join(str(error).split()) or type(error).__name__}\n{_AROUND}"
            ) from error

    def _from_opus(self, language: str, notices: Notices) -> list[str]:
        corpus, _, release = self._opus[language].partition("/")
        pair = _pair(language)
        if self._folder is not None:
            archive = self._folder / f"{pair}.txt.zip"
            if not archive.is_file():
                raise BenchError(
                    f"There is no '{archive}', and OPUS-100 has no '{language}'. Put "
                    f"{self._moses(corpus, release, pair)} there.\n{_AROUND}"
                )
        else:
            archive = self._cache / "opus" / corpus / release / f"{pair}.txt.zip"
            try:
                download(self._moses(corpus, release, pair), archive, what=f"OPUS {corpus} {release} {pair}")
            except BenchError as error:
                raise BenchError(f"{error}\n{_AROUND}") from error
        lines = _zip_lines(archive, f"{corpus}.{pair}.{language}", notices)
        return first_usable(lines, self.count, language, str(archive), notices)

    def _moses(self, corpus: str, release: str, pair: str) -> str:
        return f"{self._opus_url}/OPUS-{corpus}/{release}/moses/{pair}.txt.zip"


def _pair(language: str) -> str:
    return "-".join(sorted([language, "en"]))


def _is_release(text: str) -> bool:
    """CORPUS/RELEASE without a part that could leave the cache's folder."""
    parts = text.split("/")
    return len(parts) == 2 and all(part.strip(".") and "\\" not in part for part in parts)


def _is_train(name: str) -> bool:
    return name.startswith("train-") and name.endswith(".parquet")


def _local_lines(folder: Path, language: str, notices: Notices) -> Iterator[str]:
    files = sorted(path for path in folder.glob("*") if _is_train(path.name))
    if not files:
        there = sorted(path.parent.name for path in folder.parent.glob("*/train-*.parquet"))
        raise BenchError(
            f"'{folder}' holds no train-*.parquet. Pairs with one: {', '.join(sorted(set(there))) or 'none'}.\n"
            f"{_AROUND}"
        )
    for path in files:
        try:
            with path.open("rb") as file:
                yield from _parquet_lines(file, language, str(path), notices)
        except (OSError, ValueError) as error:  # pyarrow's errors are among these
            raise BenchError(f"Cannot read '{path}': {error}. Fetch it again.") from error


def _parquet_lines(file: Any, language: str, source: str, notices: Notices) -> Iterator[str]:
    """``translation.LANG`` row by row; of the file, only the pages asked for are read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Buffered, without read-ahead over row groups: stopping after N sentences leaves the rest where it is.
    table = pq.ParquetFile(file, buffer_size=_BLOCK, pre_buffer=False)
    schema = table.schema_arrow
    column = schema.field("translation").type if "translation" in schema.names else None
    sides = [field.name for field in column] if isinstance(column, pa.StructType) else []
    if language not in sides:
        raise BenchError(
            f"'{source}' has no column translation.{language}: its columns are {', '.join(schema.names)}, its "
            f"languages {', '.join(sides) or 'none'}."
        )
    batches = table.iter_batches(batch_size=1000, columns=[f"translation.{language}"], use_threads=False)
    for batch in batches:
        for sentence in batch.column(0).field(language).to_pylist():
            if sentence is None:
                notices.add(NO_SENTENCE, source)
            else:
                yield sentence


def _zip_lines(archive: Path, member: str, notices: Notices) -> Iterator[str]:
    """The lines of one member, read in place: nothing is unpacked, no name in the archive becomes a path."""
    try:
        with zipfile.ZipFile(archive) as opened:
            if member not in opened.namelist():
                raise BenchError(f"'{archive}' holds no '{member}'; it holds {', '.join(opened.namelist()[:10])}.")
            size = opened.getinfo(member).file_size
            if size > _LARGEST_MEMBER:
                raise BenchError(f"'{member}' in '{archive}' has {size:,} bytes, more than {_LARGEST_MEMBER:,}.")
            with opened.open(member) as file:
                yield from text_lines(file, f"{archive.name}/{member}", notices)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise BenchError(f"'{archive}' is damaged ({error}). Remove it to have it fetched again.") from error
