"""The model an analysis looks into, and all it may need beside it, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from lrp2_bench.analyses.finished import ANALYSIS, FOLDER
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.filenames import file_name
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.reading import find_object
from lrp2_bench.core.settings import LRP2, AnalyzeCommand, ProjectionSettings
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.cached_vectors import language_vectors
from lrp2_bench.interventions.given_pair import given_pair
from lrp2_bench.interventions.lrp2 import Lrp2
from lrp2_bench.interventions.projection import Shifts, shifts
from lrp2_bench.interventions.random import random_shifts
from lrp2_bench.interventions.strengths import Strengths
from lrp2_bench.interventions.tokens import on_tokens
from lrp2_bench.interventions.vectors import LanguageVectors
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint, find_checkpoint, load_model
from lrp2_bench.models.names import folder_name
from lrp2_bench.results.identity import stored_model
from lrp2_bench.results.runs import find_runs
from lrp2_bench.results.status import state_of

#: Languages by the name of their group.
Groups = Mapping[str, Sequence[str]]


class Subject:
    """One model with its languages, vectors, facts and sentences. Nothing is loaded before it is asked for."""

    def __init__(
        self,
        settings: AnalyzeCommand,
        make_dataset: Callable[[], Dataset],
        make_corpus: Callable[[], Corpus],
        find_groups: Callable[[], Groups] = lambda: GROUPS,
    ) -> None:
        self.settings = settings
        self.data_warnings = DataWarnings()
        self.pivot = settings.pivot
        self.model_name = folder_name(settings.model.name, settings.model.path)
        #: DATASET of run folders.
        self.dataset_name = str(settings.dataset["name"])
        #: ``outputs/EXPERIMENT/MODEL``, below EXPERIMENT as its search's where other tokens than all, or another
        #: strength than 1, are meant.
        root = Path(settings.paths.outputs).expanduser()
        moved = settings.projection
        lrp2 = Lrp2(ProjectionSettings(tokens=moved.tokens, strength=moved.strength, strength_back=moved.strength_back))
        self._strengths, label = lrp2.strengths, lrp2.label
        above = [settings.experiment.name, *([label] if label != LRP2 else []), self.model_name]
        self.home = root.joinpath(*map(file_name, above))
        self._find_groups = find_groups  # those of the dataset at hand; asked only where a group is named
        self._make_dataset, self._make_corpus = make_dataset, make_corpus
        self._vectors: dict[str, LanguageVectors] = {}
        self._given = None if settings.pair is None else _at(given_pair(settings.pair, self._refused), self._strengths)

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """Under the digest that the experiment's searches and analyses of it hold, where that is its own."""
        found = find_checkpoint(self.settings.model)
        stored = {stored_model(folder) for folder in (self.home / file_name(self.dataset_name)).glob("*")}
        stored |= {_analysed(path) for path in self.home.glob(f"{FOLDER}/*/{ANALYSIS}")}
        return (
            found if found.digest in stored or found.other_digest not in stored else found.known_as(found.other_digest)
        )

    @cached_property
    def model(self) -> LayeredModel:
        return load_model(self.checkpoint, self.settings.model)

    @cached_property
    def dataset(self) -> Dataset:
        return self._make_dataset()

    @cached_property
    def corpus(self) -> Corpus:
        return self._make_corpus()

    @property
    def batch_tokens(self) -> int:
        """Padded tokens a batch."""
        return self.settings.batch_tokens or (32_768 if self.model.device.type == "cuda" else 4_096)

    def languages(self, default: Sequence[str]) -> list[str]:
        """The languages asked for (groups as their members), else ``default``; each once, the pivot left out.

        Raises :class:`BenchError` where none is left.
        """
        named = self.settings.languages if self.settings.languages is not None else default
        groups = self._find_groups() if set(named) & set(GROUPS) else {}
        wanted = [code for name in named for code in groups.get(name, (name,))]
        found = [code for code in dict.fromkeys(wanted) if code != self.pivot]
        if self.pivot in (self.settings.languages or ()):
            self.data_warnings.add("The pivot is not compared with itself and was left out", self.pivot)
        if not found:
            raise BenchError(
                f"No language to compare with the pivot '{self.pivot}'. Give some: language=de, or language=de,fr,high."
            )
        return found

    def searched_languages(self) -> list[str]:
        """The languages with a finished search of this model on this dataset in this experiment, sorted."""
        folder = self.home / file_name(self.dataset_name)
        found = [each.name for each in sorted(folder.glob("*")) if state_of(each) == "finished"]
        return [code for code in found if code != self.pivot]

    def vectors(self, language: str) -> LanguageVectors:
        """The language's, from files, the cache or the corpus, as `lrp2-bench search` gets them."""
        if language not in self._vectors:
            corpus = self.corpus if self.settings.vectors.path is None else None
            cache = Path(self.settings.paths.cache).expanduser()
            self._vectors[language] = language_vectors(
                self.model,
                self.checkpoint.digest,
                language,
                corpus,
                self.settings.vectors,
                cache,
                self.data_warnings,
                self.checkpoint.other_digest,
                self.settings.projection.tokens,
            )
        return self._vectors[language]

    def identity(self, analysis: Mapping[str, Any]) -> dict[str, Any]:
        """What languages in one table have in common: the settings of the ``analysis``, and the model, facts and
        sentences behind it by their content, as the pivot has them. Null: not used so far."""
        settings, vectors = self.settings, self._vectors.get(self.pivot)
        packed = settings.model.quantization
        return {
            "model": [self.checkpoint.digest, settings.model.precision.value, packed.value if packed else None],
            "analysis": dict(analysis),
            "pivot": self.pivot,
            "projection.tokens": settings.projection.tokens.value,
            "select_by": settings.select_by,
            "seed": settings.seed,
            "dataset": [_options(settings.dataset), self._pivot_facts] if "dataset" in vars(self) else None,
            "corpus": [_options(settings.corpus), self._pivot_sentences] if "corpus" in vars(self) else None,
            "vectors": vectors.origin if vectors else None,
        }

    @cached_property
    def _pivot_facts(self) -> str | None:
        try:
            return self.dataset.facts(self.pivot, self.pivot, DataWarnings()).digest
        except BenchError:
            return None

    @cached_property
    def _pivot_sentences(self) -> str | None:
        try:
            return sha256_json(self.corpus.sentences(self.pivot, DataWarnings()))
        except BenchError:
            return None

    def shifts(self, language: str) -> Shifts:
        """``[layer, hidden]`` on the model's device: the pivot's vectors minus the language's."""
        return shifts(self.vectors(language).values, self.vectors(self.pivot).values).to(self.model.device)

    def edit(self, language: str) -> Edit:
        """What LRP2 does with those shifts, on the tokens that ``projection.tokens`` chooses."""
        return on_tokens(self.shifts(language), self.settings.projection.tokens, self.model)

    def random_edit(self, language: str) -> Edit:
        """A control: the same with a shift of the same length in a random direction."""
        shift = random_shifts(self.shifts(language), self.settings.seed, language)
        return on_tokens(shift, self.settings.projection.tokens, self.model)

    def pair(self, language: str) -> LayerPair | None:
        """``pair=[LIRP,LSRP]`` where it is set, else the best of the finished search in this experiment; None without,
        or where that search had another pivot (counted). It names its strengths where they are not 1, the run's own
        as well, and edits are to be taken at those (:meth:`Edit.for_pair`).

        Raises :class:`BenchError` for a pair the model does not have, and for a search that was made with other weights
        or whose files are damaged.
        """
        if self._given is not None:
            if self._given.lsrp > self.model.blocks:
                raise self._refused(f"is out of range, for the model has {self.model.blocks} blocks", self.model.blocks)
            return self._given
        folder = self.home / file_name(self.dataset_name) / file_name(language)
        if state_of(folder) != "finished":
            return None
        (run,), _ = find_runs([folder])
        stored = run.manifest["model"].get("digest")
        if stored != self.checkpoint.known_as(stored).digest:
            raise BenchError(
                f"The search in '{folder}' was made with other weights than '{self.settings.model.path}' has now.\n"
                "Give pair=[LIRP,LSRP], another experiment.name, or search again."
            )
        if run.pivot != self.pivot:
            self.data_warnings.add(f"Searches with another pivot have no layer pairs for '{self.pivot}'", language)
            return None
        best = run.best(self.settings.select_by)
        return _at(best.pair, run.own_strengths) if best and best.pair else None

    def _refused(self, why: str, blocks: int | None = None) -> BenchError:
        return BenchError(
            f"pair={self.settings.pair} is not a layer pair of '{self.model_name}': it {why}.\nGive pair=[LIRP,LSRP], "
            "[LIRP,LSRP,STRENGTH] or [LIRP,LSRP,STRENGTH,BACK] with 1 <= LIRP < LSRP <= "
            f"{blocks or 'the number of its blocks'}, such as pair=[2,4]."
        )

    def require_languages(self, languages: Sequence[str], known: Sequence[str], what: str, hint: str = "") -> None:
        """Raises UnknownNameError for a language that ``what`` does not have."""
        for language in languages:
            if language not in known:
                raise UnknownNameError(f"language of {what}", language, known, hint)


def _options(source: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken of a source, wherever it lies."""
    return {key: value for key, value in source.items() if key not in ("path", "cache")}


def _at(pair: LayerPair, own: Strengths) -> LayerPair:
    """With the ``own`` strengths of what it comes from, where it names none and they are not 1."""
    return pair if pair.strength is not None or own == (1.0, 1.0) else pair.at(*own)


def _analysed(path: Path) -> str | None:
    """The digest of the model that an ``analysis.json`` is of; None where it cannot be read."""
    model = find_object(path).get("model")
    return model.get("digest") if isinstance(model, dict) else None
