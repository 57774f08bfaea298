"""Each claim is supported, contradicted or left inconclusive by the numbers that it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from lrp2_bench.core.languages import GROUPS as DEFAULT_GROUPS
from lrp2_bench.core.languages import groups
from lrp2_bench.data import published
from lrp2_bench.report.assessed_runs import AssessedRun
from lrp2_bench.report.claims.check import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Check
from lrp2_bench.report.claims.evidence import Evidence
from lrp2_bench.report.claims.gains import causal_gains_more
from lrp2_bench.report.claims.table import checks_of, verdict_table
from lrp2_bench.stats.relations import RelationScore
from tests.support.assessed import assessed_run, evidence

ALL = DEFAULT_GROUPS["all"]
GROUPS = groups(*published.IMPLIED_THRESHOLDS)


def everywhere(value: Callable[[str], dict[str, object]], codes: Iterable[str] = ALL) -> Evidence:
    return evidence(*(assessed_run(code, **value(code)) for code in codes))


def check(found: Evidence, name: str) -> Check:
    (one,) = [one for one in checks_of(found) if one.name == name]
    return one


def spread(code: str) -> float:
    """A little of a language's own, without which there is no interval."""
    return 0.001 * sum(map(ord, code)) - 0.2


@pytest.mark.parametrize(("held_out", "outcome"), [(1.0, SUPPORTED), (-1.0, CONTRADICTED), (0.0, INCONCLUSIVE)])
def test_gains_are_assessed_by_the_held_out_gain(held_out: float, outcome: str) -> None:
    found = everywhere(
        lambda code: {"held_out": held_out + (1 if ALL.index(code) % 2 else -1) * 0.9, "selection_bias": 5.0}
    )
    for metric, paper in (("accuracy", "+0.6"), ("transferability", "+1.1")):
        one = check(found, f"{metric}_rises")
        # As tight about 0 as this is evidence of no effect, not absence of evidence.
        assert (one.outcome, one.paper) == (outcome if held_out else CONTRADICTED, paper)
        assert ("Equivalent to none: within 0.5 points of 0 (TOST" in one.why) == (held_out == 0)
        assert "By the paper's protocol (in-sample) +" in one.why
    assert check(found, "every_group_gains").outcome == outcome


def test_a_group_that_loses_is_named() -> None:
    found = everywhere(lambda code: {"held_out": (-1 if code in GROUPS["high"] else 1) + spread(code)})
    one = check(found, "every_group_gains")
    assert (one.outcome, one.why) == (CONTRADICTED, "Below 0: high resource.") and one.ours.startswith(
        "least: high resource -"
    )
    assert one.paper == "least: +0.8"


def test_most_languages_need_a_majority_beyond_chance() -> None:
    for gaining, outcome in ((44, SUPPORTED), (26, INCONCLUSIVE), (8, CONTRADICTED)):

        def gains(code: str, p: float, gaining: int = gaining) -> dict[str, float]:
            return {"held_out": 1.0 if ALL.index(code) < gaining else -1.0, "p": p}

        sure = check(everywhere(lambda code: gains(code, 1e-6)), "most_languages_gain")
        assert sure.outcome == outcome and f"above 0 in {gaining}, below in {len(ALL) - gaining} (p Holm" in sure.why
        # Each might do so by chance: after Holm's correction none is told.
        assert check(everywhere(lambda code: gains(code, 0.01)), "most_languages_gain").outcome == INCONCLUSIVE


def test_resource_classes_and_families_are_compared_baseline() -> None:
    levels = {"high": 40.0, "medium": 30.0, "low": 20.0}

    def level(code: str) -> float:
        return next(value for name, value in levels.items() if code in GROUPS[name]) + spread(code)

    one = check(everywhere(lambda code: {"without": level(code)}), "resource_order_accuracy")
    assert one.outcome == SUPPORTED
    two_low = [code for code in ALL if code not in GROUPS["low"][2:]]
    few = check(everywhere(lambda code: {"without": level(code)}, two_low), "resource_order_accuracy")
    assert (few.outcome, few.why) == (INCONCLUSIVE, "Fewer than 3 languages: medium minus low.")
    assert one.paper == "23.4 / 22.2 / 17.4" and one.ours.startswith("40")
    upside_down = check(everywhere(lambda code: {"without": 60 - level(code)}), "resource_order_transferability")
    assert upside_down.outcome == CONTRADICTED
    ahead = everywhere(lambda code: {"without": (25.0 if code in GROUPS["indo_european"] else 20.0) + spread(code)})
    assert check(ahead, "family_gap_transferability").outcome == SUPPORTED
    assert check(ahead, "family_gap_transferability").paper == "+5.2"


def test_families_gains_are_compared() -> None:
    found = everywhere(lambda code: {"held_out": (2.0 if code in GROUPS["non_indo_european"] else 1.0) + spread(code)})
    one = check(found, "non_indo_european_gains_more")
    assert (one.outcome, one.paper) == (SUPPORTED, "+0.4")


def test_pairs_differ_only_where_no_pair_would_do_for_all() -> None:
    apart = everywhere(lambda code: {"best": (1, 2) if code < "hy" else (8, 9)})
    one = check(apart, "languages_differ")
    assert one.outcome == SUPPORTED and one.paper == "22 in 52"
    noise = everywhere(lambda code: {"best": (1, 2) if code < "hy" else (8, 9), "confidence_set": [(5, 6)]})
    one = check(noise, "languages_differ")
    assert (one.outcome, one.why) == (
        INCONCLUSIVE,
        "5/6 is in the 95 % confidence set of best pairs in 52 of 52, p = 1.000.",
    )


def test_the_published_pairs_hold_where_they_are_confidence_set() -> None:
    pairs = published.optimal_pairs("mbert", "mlama")
    right = everywhere(lambda code: {"best": (pairs[code].lirp, pairs[code].lsrp)})
    wrong = everywhere(lambda code: {"best": (2, 12)})
    vague = everywhere(lambda code: {"confidence_set": [(i, j) for i in range(1, 12) for j in range(i + 1, 13)]})
    outcomes = [check(found, "published_pairs_hold").outcome for found in (right, wrong, vague)]
    assert outcomes == [SUPPORTED, CONTRADICTED, INCONCLUSIVE]
    # That three pairs are not missing from sets that hold two thirds of all says nothing.
    wide = [(i, j) for i in range(1, 6) for j in range(i + 1, 13)]
    few = everywhere(
        lambda code: {"best": (pairs[code].lirp, pairs[code].lsrp), "confidence_set": wide}, ["de", "es", "fr"]
    )
    one = check(few, "published_pairs_hold")
    assert (one.outcome, one.ours) == (INCONCLUSIVE, "in the 95 % confidence set in 3 of 3 languages")
    assert "were pairs named at random: p = 0." in one.why
    mine = everywhere(lambda code: {"model": "mine"})
    assert not [one for one in checks_of(mine) if one.name == "published_pairs_hold"]


def test_the_published_pairs_may_hold_at_any_strength() -> None:
    pairs = published.optimal_pairs("mbert", "mlama")

    def searched_over_strengths(code: str) -> AssessedRun:
        each = assessed_run(code, best=(pairs[code].lirp, pairs[code].lsrp))
        of = {pair.at(strength): one for pair, one in each.assessed.memberships.items() for strength in (0.5, 1.0)}
        return replace(each, assessed=replace(each.assessed, memberships=of))

    one = check(evidence(*map(searched_over_strengths, ALL)), "published_pairs_hold")
    assert (one.outcome, one.ours) == (SUPPORTED, "in the 95 % confidence set in 52 of 52 languages")


def test_relations_differ_beyond_chance() -> None:
    def scores(rises: bool) -> list[RelationScore]:
        noise = np.random.default_rng(0).normal(size=(2, 200)).astype(np.float32)
        return [RelationScore("P36", 9, 10, 20, noise[0]), RelationScore("P30", 9, 10, 20 if rises else 5, noise[1])]

    unlike = everywhere(lambda code: {"relations": scores(code < "ar")}, ALL[:20])
    one = check(unlike, "relations_differ")
    assert (one.outcome, one.ours) == (SUPPORTED, "rise in 5 to 100 % of languages (in-sample)")
    assert check(everywhere(lambda code: {"relations": scores(True)}), "relations_differ").outcome == INCONCLUSIVE


@pytest.mark.parametrize(
    ("capitals", "continents", "ours"),
    [(50, 10, "-40.0 to 0.0"), (60, 90, "+10.0 to +40.0"), (40, 10, "-40.0 to -10.0")],
)
def test_relations_may_differ_though_none_or_all_of_them_rise(capitals: int, continents: int, ours: str) -> None:
    noise = np.random.default_rng(0).normal(size=(2, 200)).astype(np.float32)
    relations = [
        RelationScore("P36", 90, 50, capitals, noise[0]), RelationScore("P30", 90, 50, continents, noise[1]),
    ]  # fmt: skip
    one = check(everywhere(lambda code: {"relations": relations}), "relations_differ")
    assert (one.outcome, one.ours) == (SUPPORTED, f"change by {ours} points (in-sample)")


def test_relations_that_do_not_change_or_stand_alone_are_not_compared() -> None:
    noise = np.zeros(200, np.float32)
    still = [RelationScore(name, 90, 50, 50, noise) for name in ("P36", "P30")]
    alone = [RelationScore("P36", 90, 50, 90, noise)]
    for relations in (still, alone):
        one = check(everywhere(lambda code, found=relations: {"relations": found}), "relations_differ")
        assert (one.outcome, one.why) == (INCONCLUSIVE, "There is nothing to compare.")


def test_languages_that_bloom_never_saw_are_assessed_for_bloom_alone() -> None:
    def value(code: str) -> dict[str, object]:
        seen = code in GROUPS["bloom_trained"]
        return {
            "held_out": (5.0 if seen else -1.0) + spread(code),
            "model": "bloom_560m",
            "blocks": 24,
            "family": "causal",
        }

    one = check(everywhere(value), "untrained_languages_gain")
    assert one.outcome == CONTRADICTED and "(39 languages)" in one.ours
    assert not [one for one in checks_of(everywhere(lambda code: {})) if one.name == "untrained_languages_gain"]


def test_a_causal_and_a_masked_model_are_compared_language_by_language() -> None:
    masked = everywhere(lambda code: {"held_out": 1.0 + spread(code)})
    causal = everywhere(lambda code: {"held_out": 2.0 + 2 * spread(code), "model": "bloom_560m", "family": "causal"})
    one = causal_gains_more([masked, causal])
    assert one is not None and (one.outcome, one.paper) == (SUPPORTED, "+3.1")
    assert causal_gains_more([masked]) is None and causal_gains_more([masked, masked, causal]) is None


def test_xfactr_has_the_gains_of_table_3() -> None:
    found = everywhere(lambda code: {"dataset": "xfactr", "held_out": 1 + spread(code)}, ("zh", "ko", "nl"))
    assert check(found, "accuracy_rises").paper == "+1.1"
    assert check(found, "transferability_rises").paper == "+2.3"
    assert check(found, "every_group_gains").paper == ""


def test_one_table_holds_all_models_and_says_which_are_too_few() -> None:
    many = everywhere(lambda code: {"held_out": 1 + spread(code)})
    few = everywhere(lambda code: {"model": "mine"}, ("de",))
    table = verdict_table([many, few])
    assert table is not None
    assert {row[0] for row in table.rows} == {"mbert on mlama, 52 languages", "not in stored hits"}
    assert "Too few languages for claim checks: mine on mlama, 1 language assessed." in table.notes
    told = [str(row[3]) for row in table.rows]
    assert (
        table.notes[0].startswith(f"Of {len(told)} checks: ") and f"{told.count(SUPPORTED)} supported" in table.notes[0]
    )
    alone = verdict_table([few])
    assert alone is not None and {row[3] for row in alone.rows} == {INCONCLUSIVE}


def test_without_a_assessed_language_there_is_no_verdict() -> None:
    found = evidence(assessed_run("de"))
    nothing = Evidence(type(found.found)(found.found.runs, "transferability", {"transferability": {}}))
    assert verdict_table([nothing]) is None
