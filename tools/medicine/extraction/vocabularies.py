"""The finders of the extractors: words of a language, and in Chinese and Japanese the Latin words used beside them."""

import re
from functools import cache

from tools.medicine.lexicon import IDEOGRAPHIC, Finder, fold, vocabulary, words

_NO_PROBLEM = frozenset({"smoking", "alcohol", "allergy", "abnormal", "pregnancy", "trauma", "stones", "tumor", "pain"})
"""Concepts of terms.toml that are no problem by themselves or say too little."""
KNOWN = frozenset({"zh", "en", "fr", "es", "de", "ja"})


def spoken(lang: str) -> str:
    """The language whose words are looked for: the text's own, or English where its words are not known."""
    return lang if lang in KNOWN else "en"


@cache
def problems(lang: str) -> Finder:
    """Conditions and symptoms, by concept."""
    rows: dict[str, list[str]] = {}
    for key, row in vocabulary("conditions").items():
        rows.setdefault(key, []).extend(_cells(row, lang))
    for key, row in vocabulary("terms").items():
        if row["kind"] in "fd" and key not in _NO_PROBLEM:
            rows.setdefault(key, []).extend(
                w for w in _cells(row, lang) if w not in {"mass", "anfall", "bruits", "肿胀", "结节"}
            )
    return Finder(rows, "en" if lang in IDEOGRAPHIC else lang)


@cache
def exact_names(concept: str) -> frozenset[str]:
    """The words that name a condition and nothing more: the first of each cell, and those of `sure`."""
    row = vocabulary("conditions").get(concept, {})
    first = {words(cell)[0] for name, cell in row.items() if name not in {"kind", "icd", "sure"}}
    return frozenset(first | set(words(row.get("sure"))))


@cache
def table(name: str, lang: str) -> Finder:
    """The rows of a vocabulary file that has a column for each language."""
    rows = {key: _cells(row, lang) for key, row in vocabulary(name).items()}
    return Finder(rows, "en" if lang in IDEOGRAPHIC else lang)


def _cells(row: dict[str, str], lang: str) -> list[str]:
    found = [fold(word) for word in words(row.get(lang))]
    if lang in IDEOGRAPHIC:
        found += [fold(word) for word in words(row.get("en"))]
    return found


@cache
def routes() -> Finder:
    """Routes of administration, in all languages at once."""
    rows = {key: [_whole(word) for word in words(cell)] for key, cell in vocabulary("administration")["routes"].items()}
    return Finder(rows, "en")


@cache
def stopped() -> Finder:
    """Words that say that a drug is taken no longer."""
    return Finder({"stopped": words(vocabulary("administration")["stopped"]["words"])}, "en")


def _whole(word: str) -> str:
    return f"={word}" if word.isascii() and len(word) <= 4 else word


@cache
def forms() -> re.Pattern[str]:
    """A name of a medicine that ends in its form: 复方甘草片, 银杏叶胶囊."""
    joined = "|".join(words(vocabulary("administration")["forms"]["zh"]))
    return re.compile(rf"[\u4e00-\u9fff]{{2,9}}?(?:{joined})(?![\u4e00-\u9fff]{{0,1}}[状影像灶])")
