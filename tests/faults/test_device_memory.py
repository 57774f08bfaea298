"""A device that runs out of memory, in play: a whole job goes on in smaller batches, or says what would help."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from lrp2_bench.grid import engine
from lrp2_bench.models.bert import BertModel
from lrp2_bench.models.bloom import BloomModel
from lrp2_bench.results.tables import read_alignment
from tests.faults.conftest import Tally
from tests.support.commands import TABLES, ToyJob, contents, status_of, stored

pytestmark = pytest.mark.faults

Build = Callable[..., ToyJob]

ADAPTERS = {"bert": BertModel, "bloom": BloomModel}
EXACT = tuple(name for name in TABLES if name != "alignment.csv")  # sums in another order differ in the last digit


@contextmanager
def _memory_for(rows: int, architecture: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Blocks hold so many rows and no more; the numbers of rows that were refused."""
    adapter = ADAPTERS[architecture]
    block, refused = adapter.block, []

    def limited(self: Any, k: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        if len(hidden) > rows:
            refused.append(len(hidden))
            raise torch.OutOfMemoryError("CUDA out of memory, in play.\nTried to allocate more.")
        return block(self, k, hidden, context)

    engine._say_once.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(adapter, "block", limited)
        yield refused


@pytest.mark.parametrize("architecture", ["bert", pytest.param("bloom", marks=pytest.mark.nightly)])
def test_a_whole_job_ends_with_the_same_tables_where_batches_do_not_fit(
    architecture: str,
    toy_job: Build,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tally: Tally,
) -> None:
    whole, starved = toy_job(architecture, "whole"), toy_job(architecture, "starved")
    assert whole.search("corpus.sentences=8") == 0
    with _memory_for(3, architecture, monkeypatch) as refused:
        assert starved.search("corpus.sentences=8") == 0
    said = capsys.readouterr().err
    assert len(refused) > 8 and "batches are halved. Set grid.memory_gb" in said and "is halved" in said
    # Vectors are means in another order, so a hit could differ; on these facts none does.
    assert contents(starved.folder(), EXACT) == contents(whole.folder(), EXACT)
    ours, theirs = (read_alignment(job.folder() / "alignment.csv") for job in (starved, whole))
    assert [row.baseline for row in ours] == pytest.approx([row.baseline for row in theirs], abs=2e-6)
    assert [row.lrp2 for row in ours] == pytest.approx([row.lrp2 for row in theirs], abs=2e-6)
    tally("out of device memory, batches too large", batches_refused=len(refused))


def test_memory_for_not_even_one_sequence_is_told_and_the_job_goes_on_where_there_is_more(
    toy_job: Build,
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tally: Tally,
) -> None:
    job, calls, evaluate = toy_job(), 0, engine.evaluate

    def starves(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls < 4:
            return evaluate(*arguments)
        with _memory_for(0, "bert", monkeypatch):
            return evaluate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("lrp2_bench.commands.search.hits.evaluate", starves)
        assert job.search() == 1
    said = capsys.readouterr().err
    assert "The device ran out of memory with a single sequence at hand: CUDA out of memory, in play." in said
    assert "model.device=cpu" in said and "Traceback" not in said
    status = status_of(job.folder())
    assert (status["state"], status["missing"]) == ("failed", ["P30", "P36"])
    assert "OutOfMemoryError" in status["traceback"]
    chunks = stored(job.folder())
    assert sum(name.endswith(".parquet") for name in chunks) == 3 and job.search() == 0
    assert contents(job.folder()) == undisturbed
    assert chunks.items() <= stored(job.folder()).items()
    tally("out of device memory, nothing fits")
