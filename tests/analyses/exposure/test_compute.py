"""Facts fall into the parts that the exposure rule gives them, fact by fact."""

from __future__ import annotations

import pytest

from lrp2_bench.analyses.exposure.compute import STATUSES, fact_statuses
from lrp2_bench.data.cldr.facts import cldr_facts
from lrp2_bench.testbed.exposure import Exposure
from tests.support.exposure_runs import EXPOSURE

FACTS = [(fact.relation, fact.uuid) for facts in cldr_facts().values() for fact in facts]


@pytest.mark.parametrize("exposure", [EXPOSURE, EXPOSURE.as_twin()], ids=["full", "twin"])
@pytest.mark.parametrize("language", ["de", "ga", "en", "ja"])
def test_each_fact_has_the_status_that_the_rule_gives_it(language: str, exposure: Exposure) -> None:
    statuses = fact_statuses(FACTS, exposure, language)
    assert statuses is not None
    entries = [fact for facts in cldr_facts().values() for fact in facts]
    for place, fact in enumerate(entries):
        status = exposure.status(fact, language)
        assert [each for each in STATUSES if statuses.by[each][place]] == [status]
        assert statuses.held_out[place] == (fact.country in exposure.held_out_countries)


def test_facts_of_another_dataset_are_not_split() -> None:
    assert fact_statuses([("P36", "7")], EXPOSURE, "de") is None
    assert fact_statuses([*FACTS[:3], ("P36", "7")], EXPOSURE, "de") is None, "nor any that are mixed with them"
    relation, uuid = FACTS[0]
    assert fact_statuses([(relation + "0", uuid)], EXPOSURE, "de") is None
    assert fact_statuses([], EXPOSURE, "de") is None
