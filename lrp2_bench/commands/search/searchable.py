"""What settings of a search contradict each other or cannot be, before data, model and database are looked at."""

from __future__ import annotations

from lrp2_bench.commands.search.asked import Asked, what_is_asked
from lrp2_bench.commands.search.draws import require_draws
from lrp2_bench.commands.search.shards import shard_of
from lrp2_bench.commands.search.strategies import CHOOSING, rules_of
from lrp2_bench.commands.search.studies import database_of
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import SearchCommand, SearchKind
from lrp2_bench.grid.limits import require_limits
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.metrics.registry import chosen_metrics
from lrp2_bench.models.devices import require_threads
from lrp2_bench.search.storage import require_database
from lrp2_bench.stats.fact_clusters import require_kind


def require_searchable(settings: SearchCommand) -> Asked:
    """What the search is asked to look at. A search and its plan both begin here, so that they refuse the same.

    Raises :class:`BenchError` for a setting that the search, or what it writes after it, would refuse once its work is
    done.
    """
    search = settings.search
    if settings.language == settings.pivot and search.kind is not SearchKind.baseline:
        raise BenchError(
            f"language and pivot are both '{settings.pivot}': there is nothing to project.\n"
            "Choose another language, or search=baseline for the pivot's own row."
        )
    if shard_of(settings.shard) is not None and search.kind in CHOOSING:
        raise BenchError(
            f"search={search.kind.value} compares pairs over all relations and cannot be split: shard.count "
            "is for search=grid and search=baseline."
        )
    require_kind(settings.stats.cluster)
    require_threads(settings.model.threads)
    require_limits(settings.grid)
    rules_of(search)
    chosen_metrics(settings.metrics, settings.select_by)
    require_draws(settings)
    url = database_of(settings)
    if url is not None:
        require_database(url, search.heartbeat)
    return what_is_asked(settings, intervention(settings.projection))
