"""Where a run's folder lies, and what its path says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.settings import LRP2
from lrp2_bench.results.layout import place_of, run_folder


@pytest.mark.parametrize("projection", [LRP2, "random", "random_seed3", "other_pivot_fr"])
@pytest.mark.parametrize("experiment", ["default", "paper 2"])
def test_a_place_is_read_back_from_the_folder_made_of_it(tmp_path: Path, experiment: str, projection: str) -> None:
    folder = run_folder(tmp_path, experiment, projection, "mbert", "mlama", "de")
    assert len(folder.relative_to(tmp_path).parts) == (4 if projection == LRP2 else 5)
    for known in (projection, None):
        place = place_of(folder, known)
        assert (place.outputs, place.experiment, place.projection) == (tmp_path, experiment, projection)
        assert (place.model, place.dataset, place.language) == ("mbert", "mlama", "de")


def test_an_experiment_named_like_an_ablation_is_one_where_the_manifest_says_so(tmp_path: Path) -> None:
    place = place_of(run_folder(tmp_path, "random", LRP2, "mbert", "mlama", "de"), LRP2)
    assert (place.outputs, place.experiment, place.projection) == (tmp_path, "random", LRP2)


def test_a_path_that_is_too_short_has_empty_parts() -> None:
    place = place_of(Path("/mlama/de"))
    assert (place.experiment, place.dataset, place.language) == ("", "mlama", "de")
