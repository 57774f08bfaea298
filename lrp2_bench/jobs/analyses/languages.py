"""``analysis=languages``: how a model's languages lie to each other, layer by layer."""

from __future__ import annotations

from typing import ClassVar

import torch

from lrp2_bench.jobs.analyses.base import Analysis, Findings
from lrp2_bench.jobs.analyses.subject import Subject
from lrp2_bench.languages import LANGUAGES
from lrp2_bench.report.table import Column, Table


class Languages(Analysis):
    """Cosine of every language's vector with the pivot's, by layer."""

    name: ClassVar[str] = "languages"

    def run(self, subject: Subject) -> Findings:
        languages = subject.languages(tuple(LANGUAGES))
        pivot = subject.vectors(subject.pivot).values
        cosines = [torch.cosine_similarity(subject.vectors(each).values, pivot, dim=1).tolist() for each in languages]
        table = Table(
            name=f"languages_{subject.model_name}",
            title=f"Cosine (x 100) of language vectors with that of '{subject.pivot}', {subject.model_name}",
            columns=(
                Column("language", "Language", "text"),
                *(Column(f"layer_{k}", f"{k}", "percent") for k in range(len(pivot))),
            ),
            rows=tuple((code, *(100 * cosine for cosine in row)) for code, row in zip(languages, cosines, strict=True)),
        )
        return Findings((table,))
