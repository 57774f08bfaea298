"""Which facts of a run stand or fall together: the clusters that all statistics resample, split and permute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.data.cldr.facts import CldrFact, cldr_facts
from lrp2_bench.results.facts import read_subjects
from lrp2_bench.results.layout import FACTS
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.results.stored_hits import FactKey, fact_names
from lrp2_bench.stats.clusters import Clusters, clusters_of

#: What ``stats.cluster`` may be: ``auto`` is country for the embedded facts, subject for others.
KINDS = ("auto", "country", "subject", "fact")


def fact_clusters(files: RunFolder, facts: Sequence[FactKey], kind: str = "auto") -> Clusters:
    """Of ``facts`` in a run's folder. Without their subjects, which folders of earlier versions lack, each is a cluster
    of its own, with a warning that says so.

    Raises :class:`~lrp2_bench.core.errors.UnknownNameError` for an unknown ``kind``, :class:`BenchError` for countries
    of facts that are not the embedded dataset's.
    """
    require_kind(kind)
    countries = country_clusters(facts) if kind in ("auto", "country") else None
    if countries is not None:
        return countries
    if kind == "country":
        raise BenchError(
            f"stats.cluster=country: the facts in '{files.path}' are not those of dataset=cldr, so that their "
            "countries are unknown. Use stats.cluster=subject."
        )
    single = fact_names(facts)
    if kind == "fact":
        return clusters_of(single, "fact")
    try:
        known = read_subjects(files.path / FACTS)
    except BenchError as error:
        return clusters_of(single, "fact", f"{str(error).splitlines()[0]} Each fact counts as a cluster of its own.")
    if any(fact not in known for fact in facts):
        return clusters_of(
            single, "fact",
            f"'{files.path / FACTS}' does not name the facts' subjects, as an earlier version wrote it, so each fact "
            "counts as a cluster of its own. Run the same `lrp2-bench search` again: nothing is computed twice.",
        )  # fmt: skip
    return clusters_of([f"subject {known[fact]}" for fact in facts], "subject")


def by_country(facts: Sequence[FactKey]) -> Clusters:
    """:func:`country_clusters`, or a cluster for each fact (relation, uuid) where their countries are unknown."""
    return country_clusters(facts) or clusters_of(fact_names(facts), "fact")


def require_kind(kind: str) -> None:
    """Raise :class:`~lrp2_bench.core.errors.UnknownNameError` for what ``stats.cluster`` cannot be."""
    if kind not in KINDS:
        raise UnknownNameError(
            "clusters in stats.cluster:", kind, KINDS, "auto: country on dataset=cldr, else subject."
        )


def country_clusters(facts: Sequence[FactKey]) -> Clusters | None:
    """By the country that each fact is about; None unless all are the embedded dataset's."""
    known = embedded_facts()
    found = [f"country {known[fact].country}" for fact in facts if fact in known]
    return clusters_of(found, "country") if len(found) == len(facts) and found else None


@cache
def embedded_facts() -> Mapping[FactKey, CldrFact]:
    """The facts of ``dataset=cldr``."""
    return {(fact.relation, fact.uuid): fact for facts in cldr_facts().values() for fact in facts}
