"""The parallel sentences an analysis looks at, language by language, checked before a model is loaded."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lrp2_bench.analyses.states import StateBank
from lrp2_bench.analyses.subject import Subject
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.data.bitext import SOURCES, Bitext, SentencePair, corpus_bitext, facts_bitext
from lrp2_bench.stats.clusters import Clusters, clusters_of
from lrp2_bench.stats.fact_clusters import country_clusters

log = logging.getLogger(__name__)

#: Bytes of states that are kept.
_ROOM = 2**30

_HINT = {
    "facts": "These are the dataset's. Take a corpus's sentences by analysis.sentences=corpus.",
    "corpus": "These have parallel sentences. Take the dataset's queries by analysis.sentences=facts.",
}


def parallel_sentences(subject: Subject, source: str, limit: int | None, fewest: int) -> list[Bitext]:
    """Those of every language asked for, at most ``limit`` each.

    Without ``language=``: of the languages searched in this experiment, else of all there are, and those with fewer
    than ``fewest`` pairs are left out with a warning. Raises :class:`BenchError` where a language that was asked for
    has no parallel sentences (saying which have), or too few.
    """
    known = _known(subject, source)
    subject.require_languages([subject.pivot], known, "the parallel sentences", _HINT[source])
    asked = subject.settings.languages is not None
    languages = subject.languages([code for code in subject.searched_languages() if code in known] or known)
    subject.require_languages(languages, known, "the parallel sentences", _HINT[source])
    found = []
    for language in languages:
        bitext = _read(subject, source, language)
        if len(bitext.pairs) >= fewest:
            found.append(bitext.sample(limit, subject.settings.seed))
        elif asked:
            raise too_few(bitext, len(bitext.pairs), fewest)
        else:
            subject.data_warnings.add(f"Languages with fewer than {fewest} parallel sentences were left out", language)
    if not found:
        raise BenchError(
            f"No language has {fewest} sentences or more in common with '{subject.pivot}' in "
            f"'{source_name(subject, source)}'. {_HINT[source].split('. ')[1]}"
        )
    return found


def pivot_bank(subject: Subject, languages: int) -> StateBank:
    """Keeps the pivot's states from language to language, where there is more than one."""
    return StateBank(subject.model, subject.batch_tokens, _ROOM if languages > 1 else 0)


def sentence_clusters(pairs: Sequence[SentencePair]) -> Clusters:
    """What resamples take as one: the queries about a country (embedded facts) or a subject, a corpus's sentence."""
    relations = (pair.id.partition(" ")[::2] for pair in pairs)
    return country_clusters(list(relations)) or clusters_of([pair.cluster for pair in pairs])


def too_few(bitext: Bitext, count: int, fewest: int) -> BenchError:
    """Why a language cannot be measured, and what to do."""
    through = " (found through a common English side)" if bitext.source == "tatoeba" and bitext.pivot != "en" else ""
    return BenchError(
        f"'{bitext.language}' and '{bitext.pivot}' have {count} parallel sentences the model can be given in "
        f"'{bitext.source}'{through}; at least {fewest} are needed. Take more facts or sentences, or leave the "
        "language out."
    )


def check_choice(setting: str, value: object, known: Sequence[str]) -> str:
    """``value`` where it is one of ``known``; else UnknownNameError."""
    if not isinstance(value, str) or value not in known:
        raise UnknownNameError(f"{setting}", str(value), known, f"Set {setting} to one of these.")
    return value


def check_number(setting: str, value: object, least: int, none: str = "") -> None:
    """Raises :class:`BenchError` for what is not a whole number from ``least``; ``none`` says what null means, if
    anything."""
    if value is None and none:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        also = f", or null for {none}" if none else ""
        raise BenchError(f"{setting}={value}: give a whole number from {least}{also}.")


def check_source(value: object) -> str:
    return check_choice("analysis.sentences", value, SOURCES)


def _known(subject: Subject, source: str) -> Sequence[str]:
    if source == "facts":
        return subject.dataset.languages()
    known = subject.corpus.parallel_languages()
    if not known:
        subject.corpus.translations(
            "", subject.pivot, subject.data_warnings
        )  # raises, and says which corpora pair theirs
    return known


def _read(subject: Subject, source: str, language: str) -> Bitext:
    if source == "facts":
        return facts_bitext(subject.dataset, language, subject.pivot, subject.data_warnings)
    return corpus_bitext(subject.corpus, language, subject.pivot, subject.data_warnings)


def source_name(subject: Subject, source: str) -> str:
    """As tables have it, the ``source`` of a :class:`Bitext`."""
    return subject.dataset_name if source == "facts" else subject.corpus.name
