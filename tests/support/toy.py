"""A handful of facts in mLAMA's layout, and sentences to go with them, made in place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

TEMPLATES = {
    "en": {
        "P36": "The capital of [X] is [Y] .",
        "P30": "[X] is located in [Y] .",
        "P17": "[Y] is the country of [X] .",
    },
    "de": {"P36": "Die Hauptstadt von [X] ist [Y] .", "P30": "[X] liegt in [Y] .", "P17": "[Y] ist das Land von [X] ."},
    "zh": {"P36": "[X]的首都是[Y]。", "P30": "[X]位于[Y]。", "P17": "[X]所在的国家是[Y]。"},
}

# Wikidata ids with their labels in en, de, zh; None where a language lacks the label.
LABELS: dict[str, tuple[str | None, str | None, str | None]] = {
    "Q142": ("France", "Frankreich", "法国"),
    "Q183": ("Germany", "Deutschland", "德国"),
    "Q148": ("China", "China", "中国"),
    "Q145": ("United Kingdom", "Vereinigtes Königreich", "英国"),
    "Q30": ("United States of America", "Vereinigte Staaten", "美国"),
    "Q79": ("Egypt", "Ägypten", "埃及"),
    "Q155": ("Brazil", "Brasilien", "巴西"),
    "Q17": ("Japan", "Japan", "日本"),
    "Q90": ("Paris", "Paris", "巴黎"),
    "Q64": ("Berlin", "Berlin", "柏林"),
    "Q956": ("Beijing", "Peking", "北京"),
    "Q84": ("London", "London", "伦敦"),
    "Q61": ("Washington, D.C.", "Washington", "华盛顿"),
    "Q85": ("Cairo", "Kairo", "开罗"),
    "Q2844": ("Brasilia", "Brasília", None),
    "Q1490": ("Tokyo", "Tokio", "东京"),
    "Q46": ("Europe", "Europa", "欧洲"),
    "Q48": ("Asia", "Asien", "亚洲"),
    "Q49": ("North America", "Nordamerika", "北美洲"),
    "Q15": ("Africa", "Afrika", "非洲"),
    "Q18": ("South America", "Südamerika", "南美洲"),
    "Q1726": ("Munich", "München", "慕尼黑"),
    "Q23482": ("Marseille", "Marseille", "马赛"),
    "Q8686": ("Shanghai", "Shanghai", "上海"),
}

FACTS = {
    "P36": [("Q142", "Q90"), ("Q183", "Q64"), ("Q148", "Q956"), ("Q145", "Q84"), ("Q30", "Q61"), ("Q79", "Q85"),
            ("Q155", "Q2844"), ("Q17", "Q1490")],
    "P30": [("Q142", "Q46"), ("Q183", "Q46"), ("Q148", "Q48"), ("Q145", "Q46"), ("Q30", "Q49"), ("Q79", "Q15"),
            ("Q155", "Q18"), ("Q17", "Q48")],
    "P17": [("Q90", "Q142"), ("Q64", "Q183"), ("Q956", "Q148"), ("Q84", "Q145"), ("Q1726", "Q183"), ("Q23482", "Q142"),
            ("Q8686", "Q148"), ("Q1490", "Q17")],
}  # fmt: skip

LANGUAGES = ("en", "de", "zh")


def build_mlama(folder: Path) -> Path:
    """``folder/mlama1.1/LANG/{P36,...,templates}.jsonl``."""
    for column, language in enumerate(LANGUAGES):
        target = folder / "mlama1.1" / language
        target.mkdir(parents=True)
        templates = [{"relation": name, "template": text} for name, text in TEMPLATES[language].items()]
        write_lines(target / "templates.jsonl", templates)
        for relation, facts in FACTS.items():
            rows = []
            for line, (subject, object_) in enumerate(facts):
                labels = LABELS[subject][column], LABELS[object_][column]
                if None not in labels:
                    rows.append(
                        {
                            "sub_uri": subject, "obj_uri": object_, "sub_label": labels[0], "obj_label": labels[1],
                            "lineid": line, "uuid": f"{relation}-{line}",
                        }
                    )  # fmt: skip
            write_lines(target / f"{relation}.jsonl", rows)
    return folder


def mlama_file(folder: Path, language: str, relation: str) -> Path:
    """Of :func:`build_mlama`'s ``folder``; the relation ``templates`` has the templates of all others."""
    return folder / "mlama1.1" / language / f"{relation}.jsonl"


def mlama_rows(folder: Path, language: str, relation: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in mlama_file(folder, language, relation).read_text("utf-8").splitlines()]


def change_mlama(folder: Path, language: str, relation: str, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Write a file's rows again after ``change`` has altered the list it is given."""
    rows = mlama_rows(folder, language, relation)
    change(rows)
    write_lines(mlama_file(folder, language, relation), rows)


def build_corpus(folder: Path) -> Path:
    """``folder/LANG.txt``: every fact as a sentence."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        (folder / f"{language}.txt").write_text("\n".join(sentences(language)) + "\n", encoding="utf-8")
    return folder


def sentences(language: str) -> list[str]:
    column = LANGUAGES.index(language)
    return [
        TEMPLATES[language][relation].replace("[X]", subject_label).replace("[Y]", object_label)
        for relation, facts in FACTS.items()
        for subject, object_ in facts
        if (subject_label := LABELS[subject][column]) and (object_label := LABELS[object_][column])
    ]


def all_texts() -> list[str]:
    return [sentence for language in LANGUAGES for sentence in sentences(language)]


def write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
