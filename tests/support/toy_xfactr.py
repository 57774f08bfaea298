"""A handful of facts in X-FACTR's layout, with every kind of slot its prompts have, made in place."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from tests.support.toy import write_lines

PROMPTS = {
    "P19": {
        "en": "[X] was born in [Y] .",
        "fr": "[X] est [né;X-Gender=MASC|née;X-Gender=FEM] [PREPLOC;Y] [Y] .",
        "ru": "[X.Nom] [родился;X-Gender=MASC|родилась;X-Gender=FEM|родилось;X-Gender=NEUT] в [Y.Ess] .",
        "zh": "[X]的出生地是[Y]。",
        "bn": "[X.GEN] জন্ম হয়েছিল [Y.LOC] ।",
    },
    "P36": {
        "en": "The capital of [X] is [Y] .",
        "fr": "[ARTDEF;Y] [Y] est la capitale [PREPDEF;X] [X] .",
        "ru": "Столица [X.Gen] — [Y.Nom] .",
        "zh": "[X]的首都是[Y]。",
        "bn": "[Y.GEN] রাজধানী [X] ।",
    },
    "P127": {
        "en": "[X] is owned by [Y] .",
        "fr": "[le propriétaire;Y-Gender=MASC|la propriétaire;Y-Gender=FEM] de [Х] est [Y] .",  # a Cyrillic letter
        "ru": "[X.Nom] [принадлежит;X-Number=SG|принадлежат;X-Number=PL] [Y.Nom] .",
        "zh": "[X]属于[Y]。",
        "bn": "",
    },
}

#: Entity -> language -> names in alphabetical order, as the files list them.
NAMES: Mapping[str, Mapping[str, list[str]]] = {
    "Q1": {"en": ["A. Merkel", "Angela Merkel"], "fr": ["Angela Merkel"], "ru": ["Ангела Меркель"], "zh": ["默克尔"]},
    "Q2": {"en": ["Victor Hugo"], "fr": ["Victor Hugo"], "ru": ["Виктор Гюго", "Гюго"], "zh": ["雨果"]},
    "Q3": {"en": ["Madonna"], "fr": ["Madonna"], "ru": ["Мадонна"]},
    "Q64": {"en": ["Berlin", "Berlin, Germany"], "fr": ["Berlin"], "ru": ["Берлин"], "zh": ["柏林"]},
    "Q90": {"en": ["City of Light", "Paris"], "fr": ["Lutèce", "Paris"], "ru": ["Париж"], "zh": ["巴黎", "花都"]},
    "Q142": {"en": ["FR", "FRA", "France"], "fr": ["France", "République française"], "ru": ["France", "Франция"],
             "zh": ["法国"]},
    "Q183": {"en": ["BRD", "Germany"], "fr": ["Allemagne"], "ru": ["Германия"], "zh": ["德国"]},
}  # fmt: skip

FACTS = {
    "P19": [("Q1", "Q64"), ("Q2", "Q90"), ("Q3", "Q90")],
    "P36": [("Q183", "Q64"), ("Q142", "Q90")],
    "P127": [("Q90", "Q142"), ("Q64", "Q183"), ("Q142", "Q1")],
}

GENDERS = {"Q1": "female", "Q2": "male", "Q64": "none"}


def build_xfactr(folder: Path, *, genders: bool = False, labels: bool = False) -> Path:
    """``folder/xfactr/...``; the files of genders and labels are those that copies may lack."""
    data = folder / "xfactr"
    (data / "mTRExf" / "sub").mkdir(parents=True)
    (data / "alias" / "mTRExf").mkdir(parents=True)
    with (data / "TREx_prompts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["pid", "relation", "en", "fr", "ru", "zh", "bn"])
        writer.writeheader()
        writer.writerows({"pid": name, "relation": name, **texts} for name, texts in PROMPTS.items())
    for relation, facts in FACTS.items():
        rows: list[dict[str, object]] = [
            {
                "uuid": f"{relation}-{line}", "predicate_id": relation, "sub_uri": subject, "obj_uri": object_,
                "sub_label": "He", "obj_label": NAMES[object_]["en"][-1], "count": 1,
            }
            for line, (subject, object_) in enumerate(facts)
        ]  # fmt: skip
        write_lines(data / "mTRExf" / "sub" / f"{relation}.jsonl", rows)
    for language in ("en", "fr", "ru", "zh"):
        lines = ["\t".join([entity, *names[language]]) for entity, names in NAMES.items() if language in names]
        (data / "alias" / "mTRExf" / f"{language}.txt").write_text("\n".join(lines) + "\n", "utf-8")
    if genders:
        text = "".join(f"{entity}\t{gender}\n" for entity, gender in GENDERS.items())
        (data / "mTRExf_gender.txt").write_text(text, "utf-8")
    if labels:
        (data / "mTRExf_unicode_escape.txt").write_text('Q90\t"Paname"@fr\t"Paris"@en\nQ999\t"Rien"@fr\n', "utf-8")
    return folder
