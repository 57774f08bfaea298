"""What the claim checks rest on: a model's assessed languages with their groups, and the published numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lrp2_bench.core.languages import ENGLISH, GROUPS
from lrp2_bench.data import published
from lrp2_bench.report.assessed_runs import AssessedRun, AssessedRuns
from lrp2_bench.report.claims.controls import Controls
from lrp2_bench.report.figures.alignment import Aligned
from lrp2_bench.stats.across_languages import Estimate


@dataclass(frozen=True)
class Evidence:
    """``found`` of one model and dataset; ``aligned`` its alignments; ``groups`` of languages by name, those of the
    report; ``controls`` what mechanical claims are held against."""

    found: AssessedRuns
    aligned: Sequence[Aligned] = ()
    groups: Mapping[str, Sequence[str]] = field(default_factory=lambda: GROUPS)
    controls: Controls = field(default_factory=lambda: Controls({}))

    @property
    def assessed(self) -> Mapping[str, AssessedRun]:
        return self.found.assessed

    @property
    def family(self) -> str:
        """'masked', 'causal', or '' where the manifest does not say."""
        return str(self.found.runs[0].manifest["model"].get("family") or "")

    @property
    def blocks(self) -> int:
        return self.found.runs[0].blocks

    @property
    def beside(self) -> bool:
        """Whether the paper's numbers of this model are of the same pivot."""
        return self.found.runs[0].pivot == ENGLISH

    def held_out(self, metric: str, group: str = "") -> list[Estimate]:
        """The held-out gain of each assessed language, of ``group`` if one is named, in points."""
        return [each.assessed.measured[metric].gain for each in self._of(group)]

    def selection_bias(self, metric: str) -> list[float]:
        return [each.assessed.measured[metric].selection_bias for each in self._of("")]

    def baseline(self, metric: str, group: str) -> list[Estimate]:
        """The baseline model's ``metric`` in each assessed language of ``group``, in percent."""
        return [each.assessed.measured[metric].baseline for each in self._of(group)]

    def published_mean(self, metric: str, group: str) -> published.PublishedMean | None:
        """Table 1's cell for this model and dataset."""
        if not self.beside:
            return None
        return published.group_mean(self.found.model, self.found.dataset, metric, group)

    def published_gain(self, metric: str, group: str = "all") -> float | None:
        """What LRP2 adds in Table 1, in points; for X-FACTR the mean over Table 3's languages."""
        if self.beside and published.has_languages(self.found.model, self.found.dataset):
            cells = published.by_language(self.found.model, self.found.dataset, metric)
            gains = [
                cell.lrp2 - cell.without
                for language, cell in cells.items()
                if language != ENGLISH and cell.lrp2 is not None and cell.without is not None
            ]
            return sum(gains) / len(gains) if group == "all" else None
        cell = self.published_mean(metric, group)
        return None if cell is None or cell.lrp2 is None or cell.without is None else cell.lrp2 - cell.without

    def _of(self, group: str) -> list[AssessedRun]:
        members = self.groups.get(group, ())
        return [each for code, each in self.assessed.items() if not group or code in members]
