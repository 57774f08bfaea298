"""OPUS-100, the paper's corpus, streamed from the Hugging Face hub; OPUS's own files where it lacks a language.

Sources: Zhang et al. 2020 (https://huggingface.co/datasets/Helsinki-NLP/opus-100); Tiedemann 2012
(https://opus.nlpl.eu); for the Bible, Christodouloupoulos and Steedman 2015. OPUS-100 has no Cebuano and no Latin;
the paper says "OPUS" for such languages and not which of its corpora, so the Bible (about 30,000 verses) is our choice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import write_json, write_text
from lrp2_bench.core.languages import aliases
from lrp2_bench.data.bitext import through_english
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.download import download
from lrp2_bench.data.opus.files import Row, hub_rows, local_rows, zip_lines
from lrp2_bench.data.text import checked_count, first_usable

_CODES = (
    "af am an ar as az be bg bn br bs ca cs cy da de dz el eo es et eu fa fi fr fy ga gd gl gu ha he hi hr hu hy id ig "
    "is it ja ka kk km kn ko ku ky li lt lv mg mk ml mn mr ms mt my nb ne nl nn no oc or pa pl ps pt ro ru rw se sh si "
    "sk sl sq sr sv ta te tg th tk tr tt ug uk ur uz vi wa xh yi yo zh zu"
)

#: The languages OPUS-100 pairs with English, as its folders on the hub name them.
OPUS_100 = frozenset(_CODES.split())

#: Of these OPUS-100 pairs each two as well, in test sets for translation without training pairs.
WITHOUT_ENGLISH = frozenset(["ar", "de", "fr", "nl", "ru", "zh"])

#: Language -> CORPUS/RELEASE of OPUS, for those of mLAMA's languages that OPUS-100 lacks.
FROM_OPUS: Mapping[str, str] = {"ceb": "bible-uedin/v1", "la": "bible-uedin/v1"}

#: The commit of Helsinki-NLP/opus-100 that is read unless another is asked for (parquet, one folder a pair).
REVISION = "805090dc28bf78897da9641cdf08b61287580df9"

NO_SENTENCE = "Corpus row holds no sentence of the language"

#: Translations of a language that are read: as many as OPUS-100's test sets have.
TRANSLATIONS = 2000

_TRAIN = ("train",)
# A few of its languages, Armenian among them, have no test set.
_PARALLEL = ("test", "train")
_AROUND = (
    "Use sentences of this machine instead: corpus=text corpus.path=DIR with one sentence a line in DIR/LANG.txt, or "
    "corpus.path=DIR with OPUS-100 in the hub's own layout (DIR/de-en/train-00000-of-00001.parquet)."
)


class OpusCorpus(Corpus):
    """The first ``sentences`` usable ones (None: all) of a language's training set in OPUS-100.

    Only the pages that hold them travel. ``revision`` pins the hub's files; under a commit's name the sentences are
    kept in ``cache``, so that every language's job does not ask for English again. English comes from ``english_pair``.
    ``opus`` maps languages to CORPUS/RELEASE of OPUS, beside those of :data:`FROM_OPUS`, read from ``opus_url`` in
    place of OPUS-100 and kept in ``cache``. With ``path``, a folder in the hub's own layout (OPUS's zips beside the
    pairs' folders, as ``ceb-en.txt.zip``), nothing is fetched. ``endpoint`` is another hub's address (None:
    ``HF_ENDPOINT`` or the hub).
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
        self._opus, self._opus_url = {**FROM_OPUS, **(opus or {})}, opus_url.rstrip("/")
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

    def sentences(self, language: str, data_warnings: DataWarnings) -> list[str]:
        self._require(language)
        if language in self._opus:
            lines = (line for line in self._opus_lines(language, language, data_warnings) if line is not None)
            return first_usable(lines, self.count, language, str(self._archive(language)), data_warnings)
        pair = self._english_pair if language == "en" else _pair(language)
        source = f"{self._folder or self._repository}/{pair}"
        kept = self._kept(f"{pair}.{language}.{self.count or 'all'}.txt")
        if kept is not None and kept.exists():
            return first_usable(
                kept.read_text(encoding="utf-8").split("\n"), self.count, language, str(kept), data_warnings
            )
        rows = _whole(self._rows(pair, [language], _TRAIN), source, data_warnings)
        found = first_usable((row[0] for row in rows), self.count, language, source, data_warnings)
        if kept is not None:
            write_text(kept, "".join(sentence + "\n" for sentence in found))
        return found

    def parallel_languages(self) -> tuple[str, ...]:
        """All of them; in a local folder those that it holds."""
        if self._folder is None:
            return self.languages()
        there = [
            language for language in self.languages() if language != "en" and self._is_there(self._folder, language)
        ]
        return tuple(sorted([*there, "en"])) if there else self.languages()

    def translations(self, language: str, pivot: str, data_warnings: DataWarnings) -> list[tuple[str, str]]:
        """The pairs of the test set with English or, where there is none, the first of the training set; of two others
        those of their own test set, or the sentences whose English side is the same."""
        if language != pivot and {language, pivot} <= WITHOUT_ENGLISH - self._opus.keys():
            return self._paired("-".join(sorted([language, pivot])), language, pivot, data_warnings)
        return through_english(lambda code: self._with_english(code, data_warnings), language, pivot)

    def _with_english(self, language: str, data_warnings: DataWarnings) -> list[tuple[str, str]]:
        self._require(language)
        pair = _pair(language)
        if language in self._opus:
            ours, english = (list(self._opus_lines(language, side, data_warnings)) for side in (language, "en"))
            if len(ours) != len(english):
                raise BenchError(
                    f"OPUS's '{pair}' has {len(ours)} lines of '{language}' and {len(english)} of English: they cannot "
                    f"be translations of each other line by line.\n{_AROUND}"
                )
            return [
                (a.strip(), b.strip()) for a, b in zip(ours, english, strict=True) if a is not None and b is not None
            ]
        return self._paired(pair, language, "en", data_warnings)

    def _paired(self, pair: str, language: str, other: str, data_warnings: DataWarnings) -> list[tuple[str, str]]:
        kept = self._kept(f"{pair}.{language}.{TRANSLATIONS}.json")
        if kept is not None and kept.exists():
            return [(ours, theirs) for ours, theirs in json.loads(kept.read_bytes())]
        rows = self._rows(pair, [language, other], _PARALLEL)
        whole = _whole(rows, f"{self._folder or self._repository}/{pair}", data_warnings)
        found = [(ours, theirs) for ours, theirs in islice(whole, TRANSLATIONS)]
        if kept is not None:
            write_json(kept, found)
        return found

    def _require(self, language: str) -> None:
        if language not in self.languages():
            hint = "OPUS may have it: +corpus.opus.LANG=CORPUS/RELEASE (https://opus.nlpl.eu). " + _AROUND
            raise UnknownNameError("language of OPUS-100 and OPUS", language, self.languages(), hint, aliases())

    def _is_there(self, folder: Path, language: str) -> bool:
        pair = _pair(language)
        return (folder / (f"{pair}.txt.zip" if language in self._opus else pair)).exists()

    def _kept(self, name: str) -> Path | None:
        """Where the hub's sentences are kept. A branch moves; only a commit's stay what they were."""
        is_commit = len(self._revision) == 40 and set(self._revision) <= set("0123456789abcdef")
        return self._cache / "opus-100" / self._revision / name if self._folder is None and is_commit else None

    def _rows(self, pair: str, languages: Sequence[str], splits: Sequence[str]) -> Iterator[Row]:
        if self._folder is not None:
            return local_rows(self._folder / pair, languages, splits, _AROUND)
        folder = f"datasets/{self._repository}@{self._revision.replace('/', '%2F')}/{pair}"
        return hub_rows(folder, self._endpoint, languages, splits, _AROUND)

    def _opus_lines(self, language: str, side: str, data_warnings: DataWarnings) -> Iterator[str | None]:
        corpus = self._opus[language].partition("/")[0]
        return zip_lines(self._archive(language), f"{corpus}.{_pair(language)}.{side}", data_warnings)

    def _archive(self, language: str) -> Path:
        """OPUS's zip of a language, fetched where it is not there."""
        corpus, _, release = self._opus[language].partition("/")
        pair = _pair(language)
        if self._folder is not None:
            archive = self._folder / f"{pair}.txt.zip"
            if not archive.is_file():
                raise BenchError(
                    f"There is no '{archive}', and OPUS-100 has no '{language}'. Put "
                    f"{self._moses(corpus, release, pair)} there.\n{_AROUND}"
                )
            return archive
        archive = self._cache / "opus" / corpus / release / f"{pair}.txt.zip"
        try:
            download(self._moses(corpus, release, pair), archive, what=f"OPUS {corpus} {release} {pair}")
        except BenchError as error:
            raise BenchError(f"{error}\n{_AROUND}") from error
        return archive

    def _moses(self, corpus: str, release: str, pair: str) -> str:
        return f"{self._opus_url}/OPUS-{corpus}/{release}/moses/{pair}.txt.zip"


def _pair(language: str) -> str:
    return "-".join(sorted([language, "en"]))


def _is_release(text: str) -> bool:
    """CORPUS/RELEASE without a part that could leave the cache's folder."""
    parts = text.split("/")
    return len(parts) == 2 and all(part.strip(".") and "\\" not in part for part in parts)


def _whole(rows: Iterator[Row], source: str, data_warnings: DataWarnings) -> Iterator[tuple[str, ...]]:
    """Rows without those that lack a sentence, which are counted."""
    for row in rows:
        sentences = tuple(sentence for sentence in row if sentence is not None)
        if len(sentences) == len(row):
            yield sentences
        else:
            data_warnings.add(NO_SENTENCE, source)
