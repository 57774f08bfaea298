"""mParaRel (Fierro and Søgaard, Findings of ACL 2022): mLAMA's relations in many wordings, in 46 languages.

``patterns/LANG/P36.jsonl`` (``pattern checked-by-human``) and ``tuples/LANG/P36.jsonl`` (facts as in mLAMA, without
uuid), below any parent folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import ClassVar

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Relation
from lrp2_bench.data.json_lines import JsonLines
from lrp2_bench.data.labels import composed, slot_problem
from lrp2_bench.data.parallel import natural
from lrp2_bench.data.successors.base import Files, Successor
from lrp2_bench.data.triples import facts_of

_CHECKED = "checked-by-human"


class MParaRel(Successor):
    """See :class:`~lrp2_bench.data.successors.base.Successor`. Patterns that a human checked come first, else they
    stand in file order: the first is the relation's template, the others paraphrase it."""

    title: ClassVar[str] = "mParaRel"
    address: ClassVar[str] = "https://github.com/coastalcph/mpararel/archive/HEAD.zip"
    layout: ClassVar[str] = "patterns/LANG/P36.jsonl and tuples/LANG/P36.jsonl, ..."

    def _find(self, paths: Sequence[PurePosixPath]) -> Mapping[str, Files]:
        found: dict[str, dict[str, list[PurePosixPath]]] = {}
        roots: dict[PurePosixPath, None] = {}
        for path in paths:
            if path.suffix == ".jsonl" and len(path.parts) >= 3 and path.parts[-3] in ("patterns", "tuples"):
                found.setdefault(path.parts[-2], {}).setdefault(path.parts[-3], []).append(path)
                roots[path.parents[2]] = None
        if len(roots) > 1:
            first, second, *_ = roots
            raise BenchError(
                f"There are several copies of {self.title}: in '{first}' and in '{second}'. "
                "Set dataset.path to just one copy."
            )
        both = {language: kinds for language, kinds in found.items() if len(kinds) == 2}
        return {language: tuple(kinds["patterns"] + kinds["tuples"]) for language, kinds in both.items()}

    def _read(self, language: str, data_warnings: DataWarnings) -> Iterator[Relation]:
        files: dict[str, dict[str, PurePosixPath]] = {}
        for path in self._files[language]:
            files.setdefault(path.stem, {})[path.parts[-3]] = path
        for name in sorted(files, key=natural):
            where = f"{language} {name}"
            if "patterns" not in files[name]:
                data_warnings.add("Relations without a template were skipped", where)
                continue
            templates = self._templates(files[name]["patterns"], data_warnings)
            tuples = files[name].get("tuples")
            facts = tuple(facts_of(self._tree, tuples, data_warnings, collection="mpararel")) if tuples else ()
            if not templates or not facts:
                kind = "Relations without a template were skipped" if facts else "Relations without facts"
                data_warnings.add(kind, where)
                continue
            relation = Relation.whole(name, templates[0], facts, paraphrases=tuple(templates[1:]))
            if len(relation.pool) == 1:
                data_warnings.add("Relations with a single candidate, which any model gets right", where)
            yield relation

    def _templates(self, path: PurePosixPath, data_warnings: DataWarnings) -> list[str]:
        found: dict[str, bool] = {}
        lines = JsonLines(self._tree, path, data_warnings)
        for where, row in lines:
            pattern = row.get("pattern")
            if not isinstance(pattern, str):
                lines.skip("Lines without a pattern were skipped", "no pattern")
            elif slot_problem(pattern) is not None:
                data_warnings.add("Patterns without one [X], one [Y] and no other slot were skipped", where)
            else:
                template = composed(pattern.strip(), where, data_warnings)
                if template in found:
                    data_warnings.add("Patterns that stand twice", where)
                found[template] = found.get(template, False) or row.get(_CHECKED) is True
        return sorted(found, key=lambda template: not found[template])
