"""Mechanical claims hold only beyond what shifts that know nothing of the language do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from lrp2_bench.core.types import Interval
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.claims.check import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Check, points
from lrp2_bench.report.claims.controls import beyond, controls_of
from lrp2_bench.report.claims.evidence import Evidence
from lrp2_bench.report.claims.layers import layer_checks
from lrp2_bench.report.figures.alignment import Aligned
from tests.support.assessed import assessed_run, evidence

CODES = ("de", "fr", "ja", "ko", "zh")
NOT_TESTED = "Not tested against controls: search with -m projection=random,shuffled 'projection.seed=range(20)' too."


def everywhere(value: Callable[[str], dict[str, object]], **more: object) -> Evidence:
    return evidence(*(assessed_run(code, **value(code)) for code in CODES), **more)


def check(found: Evidence, name: str) -> Check:
    (one,) = [one for one in layer_checks(found) if one.name == name]
    return one


def near(far: int = 0) -> Evidence:
    return everywhere(lambda code: {"best": (3, 4 + (code < "hy") + far)})


def test_without_controls_nothing_mechanical_is_supported() -> None:
    one = check(near(), "layers_are_near")
    assert (one.outcome, one.why, one.paper) == (INCONCLUSIVE, NOT_TESTED, "17 %") and "chance 36 %" in one.ours
    for slope, way in ((-1.0, "Falls"), (1.0, "Rises")):
        one = check(everywhere(lambda code, slope=slope: {"by_distance": slope}), "distance_matters")
        assert (one.outcome, one.why) == (INCONCLUSIVE, f"{way} with the distance. {NOT_TESTED}")


def test_what_chance_contradicts_needs_no_control() -> None:
    far = check(everywhere(lambda code: {"best": (1, 12 - (code < "hy"))}), "layers_are_near")
    assert (far.outcome, far.why) == (CONTRADICTED, "The interval is on the other side of chance.")
    assert check(everywhere(lambda code: {"by_distance": 0.0}), "distance_matters").outcome == INCONCLUSIVE


def test_controls_that_are_as_near_leave_nothing_and_farther_ones_support() -> None:
    def held_against(far: int) -> Check:
        runs = [assessed_run(code, best=(3, 4 + (code < "hy"))) for code in CODES]
        controls = {"random": [near(far)] * 20, "shuffled": [near(far)] * 20}
        return check(evidence(*runs, controls=controls), "layers_are_near")

    same, beyond_ = held_against(0), held_against(4)
    assert same.outcome == INCONCLUSIVE and "Not beyond random (20 draws)" in same.why
    shown = "Beyond random (20 draws), p = 0.048. Beyond shuffled (20 draws), p = 0.048."
    assert (beyond_.outcome, beyond_.why) == (SUPPORTED, shown)


def test_a_missing_kind_is_named_and_leaves_it_open() -> None:
    runs = [assessed_run(code, best=(3, 4 + (code < "hy"))) for code in CODES]
    one = check(evidence(*runs, controls={"random": [near(4)] * 20}), "layers_are_near")
    assert one.outcome == INCONCLUSIVE and one.why.endswith("No shuffled control.")


def test_a_few_draws_show_nothing_for_each_has_luck_that_languages_share() -> None:
    ours, far = dict.fromkeys(CODES, 10.0), {code: 20.0 + place for place, code in enumerate(CODES)}
    found, why = beyond(ours, {"random": [far] * 19, "shuffled": [far] * 20}, -1)
    assert found == INCONCLUSIVE and why.startswith(
        "Too few draws of random shifts to tell: 19 of 20 in the same languages."
    )
    assert beyond(ours, {"random": [far] * 20, "shuffled": [far] * 20}, -1)[0] == SUPPORTED
    assert beyond(ours, {"random": [far] * 20, "shuffled": [far] * 20}, 1)[0] == CONTRADICTED


def test_draws_of_other_languages_are_none_of_ours() -> None:
    """As a multirun over seeds and languages leaves them when it is stopped."""
    ours, far = dict.fromkeys(CODES, 10.0), {code: 20.0 + place for place, code in enumerate(CODES)}

    def held_against(*draws: Mapping[str, float]) -> tuple[str, str]:
        return beyond(ours, {"random": draws, "shuffled": draws}, -1)

    stopped = held_against(far, *[{"cy": 20.0}] * 19)
    assert stopped[0] == INCONCLUSIVE and "Too few draws of random shifts to tell: 1 of 20" in stopped[1]
    unknown = held_against(*[far] * 19, {**far, "de": float("nan")})
    assert unknown[0] == SUPPORTED and "Beyond random (20 draws in 4 of 5 languages)" in unknown[1]
    assert held_against(*[far] * 20, {"de": 0.0}) == held_against(*[far] * 20), "of a part of our languages"
    two = held_against(*[{"de": 20.0, "fr": 21.0}] * 20)
    assert two[0] == INCONCLUSIVE and "fewer than 3 languages" in two[1]


@pytest.mark.parametrize(("best", "outcome"), [(0, SUPPORTED), (1, INCONCLUSIVE)])
def test_of_twenty_draws_one_in_twenty_may_be_as_far(best: int, outcome: str) -> None:
    ours = {code: 10.0 + place for place, code in enumerate(CODES)}
    draws = [{code: 20.0 + place + draw for place, code in enumerate(CODES)} for draw in range(20 - best)]
    draws += [dict.fromkeys(CODES, 0.0)] * best
    found, why = beyond(ours, {"random": draws, "shuffled": draws}, -1)
    assert found == outcome and ("p = 0.048" if outcome == SUPPORTED else "p = 0.095") in why


def drawn(projection: str, experiment: str = "", label: str = "", strengths: Sequence[float] = ()) -> AssessedRuns:
    """One German run of ``projection``, beside the pivot's baseline."""
    run = assessed_run("de").run
    rows = [replace(row, strength=each) for row in run.pairs for each in strengths]
    manifest = {**run.manifest, "projection": {"strength": [0.25, 0.25] if "_s0.25" in projection else [1.0, 1.0]}}
    own = replace(run, manifest=manifest, projection=projection, experiment=experiment, label=label)
    pivot = replace(own, language="en", pairs=())
    return AssessedRuns((pivot, replace(own, pairs=tuple(rows) or run.pairs)), "accuracy", {"accuracy": {}})


def test_a_control_is_of_the_same_experiment_tokens_and_strengths() -> None:
    seeds = [f"random_seed{seed}{moved}" for moved in ("", "_text", "_s0.25", "_text_s0.25") for seed in (1, 2)]
    few = [drawn(seed, strengths=(0.5, 1.0)) for seed in ("random_seed3", "shuffled_de")]
    everything = [*map(drawn, seeds), *few, drawn("random_seed4", "other"), drawn("random_seed5", label="paper (x)")]
    everything += [drawn("lrp2"), drawn("affine")]

    def controls(projection: str, *of: str, strengths: Sequence[float] = ()) -> dict[str, list[str]]:
        found = controls_of(drawn(projection, *of, strengths=strengths), everything).draws
        return {kind: [each.projection for each in draws] for kind, draws in found.items()}

    assert controls("lrp2") == {"random": ["random_seed1", "random_seed2"]}
    assert controls("lrp2_text_s0.25") == {"random": ["random_seed1_text_s0.25", "random_seed2_text_s0.25"]}
    assert controls("lrp2", strengths=(0.5, 1.0)) == {"random": ["random_seed3"], "shuffled": ["shuffled_de"]}
    assert controls("lrp2", "other") == {"random": ["random_seed4"]} and controls("lrp2_last") == {}


def test_alignment_counts_between_the_two_layers() -> None:
    def aligned(name: str, inside: float) -> Aligned:
        lrp2 = (0.5, 0.5 + inside, 0.5 + inside, 0.1)
        return Aligned(name, "mbert", "mlama", (0.5,) * 4, lrp2, projected=(1, 3))

    runs = [assessed_run(code) for code in ("de", "fr", "ja")]
    found = evidence(*runs, aligned=[aligned(f"language {inside}", inside) for inside in (0.1, 0.2, 0.15)])
    one = check(found, "alignment_rises")
    assert (one.outcome, one.why) == (INCONCLUSIVE, NOT_TESTED) and one.ours.startswith("cosine +0.15 [")
    without = check(evidence(*runs), "alignment_rises")
    assert (without.outcome, without.why) == (INCONCLUSIVE, "No run has alignment.csv with a best pair.")


def test_numbers_near_zero_are_shown_without_a_sign() -> None:
    assert points(Interval(-0.01, -0.04, 0.02)) == "0.0 [0.0, 0.0]" and points(-0.004, 2) == "0.00"
    assert points(Interval(-0.06, -1.0, 0.02), 2) == "-0.06 [-1.00, 0.02]"
