"""The toy facts in the layouts of mLAMA's successors, and a few customs in that of GeoMLAMA, made in place."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from tests.support.toy import FACTS, LABELS, LANGUAGES, TEMPLATES, write_lines

#: Relation, line number, labels of subject and object by language: the toy facts that all languages have.
Fact = tuple[str, int, dict[str, tuple[str, str]]]


def toy_facts() -> Iterator[Fact]:
    number = 0
    for relation, facts in FACTS.items():
        for subject, answer in facts:
            labels = {code: (LABELS[subject][k], LABELS[answer][k]) for k, code in enumerate(LANGUAGES)}
            if all(text for pair in labels.values() for text in pair):
                yield relation, number, {code: (str(one), str(other)) for code, (one, other) in labels.items()}
                number += 1


def blemishes(data_warnings: DataWarnings) -> dict[str, dict[str, object]]:
    """What was counted beside that the toys are not what was published."""
    told = data_warnings.as_dict()
    return {kind: each for kind, each in told.items() if "this version was tested with" not in kind}


def filled(language: str, relation: str, subject: str) -> str:
    return TEMPLATES[language][relation].replace("[X]", subject).replace("[Y]", "<mask>")


def rivals(language: str, relation: str, place: int) -> list[str]:
    """Two other objects of the relation, the same ones in every language, without commas."""
    objects = [labels[language][1].replace(",", "") for name, _, labels in toy_facts() if name == relation]
    return list(dict.fromkeys(objects[place % 3 :]))[:2]


def build_bmlama(folder: Path, edition: int = 53) -> Path:
    """``folder/BMLAMA53/LANG.tsv`` as spreadsheets write it."""
    target = folder / f"BMLAMA{edition}"
    target.mkdir(parents=True)
    for language in LANGUAGES:
        rows = [["Prompt", "Ans", "Candidate Ans", "Subject"]]
        for relation, number, labels in toy_facts():
            subject, answer = labels[language][0], labels[language][1].replace(",", "")
            listed = dict.fromkeys([*rivals(language, relation, number), answer])
            rows.append([filled(language, relation, subject), answer, ", ".join(listed), subject])
        write_tabs(target / f"{language}.tsv", rows)
    return folder


def write_tabs(path: Path, rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, dialect="excel-tab").writerows(rows)
    path.write_bytes(text.getvalue().encode())


def change_tabs(path: Path, change: Callable[[list[list[str]]], Any]) -> None:
    """Write a table again after ``change`` has altered the list of rows it is given, the header first."""
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline=""), dialect="excel-tab"))
    change(rows)
    write_tabs(path, rows)


def build_mpararel(folder: Path) -> Path:
    """``folder/{patterns,tuples}/LANG/P36.jsonl``: a first wording that nobody checked, then mLAMA's."""
    for column, language in enumerate(LANGUAGES):
        name = "zh-hans" if language == "zh" else language
        patterns, tuples = folder / "patterns" / name, folder / "tuples" / name
        patterns.mkdir(parents=True)
        tuples.mkdir(parents=True)
        for relation, facts in FACTS.items():
            written = TEMPLATES[language][relation].rstrip(" .。")
            write_lines(
                patterns / f"{relation}.jsonl",
                [
                    {"pattern": f"{written} !", "checked-by-human": False},
                    {"pattern": written, "checked-by-human": True},
                ],
            )
            rows = [
                {
                    "sub_uri": subject, "obj_uri": answer, "obj_label": LABELS[answer][column],
                    "sub_label": LABELS[subject][column], "lineid": line,
                }
                for line, (subject, answer) in enumerate(facts)
                if LABELS[subject][column] and LABELS[answer][column]
            ]  # fmt: skip
            write_lines(tuples / f"{relation}.jsonl", rows)
    return folder


#: Language -> the five countries as its prompts name them.
COUNTRIES = {
    "en": ("United States", "China", "India", "Iran", "Kenya"),
    "de": ("den USA", "China", "Indien", "dem Iran", "Kenia"),
}
#: Language -> (the first wording, the four others, the answers of each country, the candidates) of each custom.
CUSTOMS = {
    "en": [
        (
            "People usually keep <mask> when driving in {}.",
            ("In {}, one drives on the <mask>.", "{}: drive on the <mask>.", "The <mask> is for cars in {}.",
             "In the land of {} cars keep <mask>."),
            ("right", "right", "left", "right", "left"), "right, left, middle",
        ),
        (
            "The staple food in {} is <mask>.",
            ("In {}, people mostly eat <mask>.", "{} eats <mask>.", "<mask> is eaten in {}.", "{} lives on <mask>."),
            ("bread", "rice, noodles", "rice, bread", "rice, bread", "vegetable, maize"),
            "bread, rice, noodles, vegetable, maize, fruit",
        ),
    ],
    "de": [
        (
            "In {} fährt man auf der Straße meist <mask>.",
            ("Man fährt in {} <mask>.", "Autos halten sich in {} <mask>.", "<mask> fährt man in {}.",
             "Wer in {} fährt, fährt <mask>."),
            ("rechts", "rechts", "links", "rechts", "links"), "links, rechts, mittig",
        ),
        (
            "Das Hauptnahrungsmittel in {} ist <mask>.",
            ("In {} isst man <mask>.", "Man isst in {} meist <mask>.", "<mask> isst man in {}.", "{} isst <mask>."),
            ("Brot", "Reis, Nudeln", "Reis, Brot", "Reis, Brot", "Gemüse, Mais"),
            "Brot, Reis, Nudeln, Gemüse, Mais, Obst",
        ),
    ],
}  # fmt: skip


def build_geomlama(folder: Path) -> Path:
    """``folder/gd_prompt_LANG.tsv`` and ``gd_prompt_LANG_aug.tsv``."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, customs in CUSTOMS.items():
        rows = [["Prompt", "Corresponding Questions", "Ans", "Candidate Ans", "Context"]]
        lines = []
        for first, others, answers, candidates in customs:
            for country, answer in zip(COUNTRIES[language], answers, strict=True):
                rows.append([first.format(country), "?", answer, candidates, ""])
            rows.append([""] * 5)
            lines += [other.format(country) for other in others for country in COUNTRIES[language]]
        write_tabs(folder / f"gd_prompt_{language}.tsv", rows[:-1])
        (folder / f"gd_prompt_{language}_aug.tsv").write_bytes("\r\n".join(lines).encode())
    return folder


def build_klar(folder: Path) -> Path:
    """``folder/klar/LANG/RELATION.json``; the last of ten samples has no list of candidates."""
    for language in LANGUAGES:
        target = folder / "klar" / language
        target.mkdir(parents=True)
        for relation in FACTS:
            template = TEMPLATES[language][relation].replace("[X]", "<subject>").replace("[Y]", "<mask>")
            samples = []
            for name, number, labels in toy_facts():
                if name == relation:
                    subject, answer = labels[language][0], labels[language][1].replace(",", "")
                    listed = ", ".join(dict.fromkeys([*rivals(language, relation, number), answer]))
                    english = {"subject_en": labels["en"][0], "object_en": labels["en"][1].replace(",", "")}
                    samples.append(
                        {"subject": subject, "object": answer, "object_candidates": listed, "index": number}
                        | (english if language != "en" else {})
                    )
            samples[-1].pop("object_candidates")
            whole = {"name": relation, "prompt_templates": [f"? {template}", template], "samples": samples}
            (target / f"{relation}.json").write_text(json.dumps(whole, ensure_ascii=False, indent=2), encoding="utf-8")
    return folder


#: File -> (the question, what leads to its answer, the column of :data:`LABELS`) of each relation.
QUESTIONS = {
    "eng_Latn": {"P36": "What is the capital of {}? The answer is: ", "P30": "Where on Earth is {}? The answer is: "},
    "deu_Latn": {"P36": "Was ist die Hauptstadt von {}? Antwort: ", "P30": "Wo auf der Erde liegt {}? Antwort: "},
    "zho_Hans": {"P36": "{}的首都是哪里？答案是：", "P30": "{} 位于哪个大洲？答案是： "},
}  # fmt: skip


def build_klar_lines(folder: Path) -> Path:
    """``folder/klar_variant/LANG_Script.txt``."""
    target = folder / "klar_variant"
    target.mkdir(parents=True)
    for column, (name, questions) in enumerate(QUESTIONS.items()):
        language = ("en", "de", "zh")[column]
        lines = [
            questions[relation].format(labels[language][0]) + labels[language][1]
            for relation, _, labels in toy_facts()
            if relation in questions
        ]
        (target / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
