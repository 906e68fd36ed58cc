"""The core terms of medicine by concept, so that a text can be compared with its translation word for word."""

from functools import cache

from tools.medicine.lexicon import Finder, Mention, vocabulary, words


@cache
def _finder(lang: str, file: str) -> Finder:
    rows = vocabulary(file)
    return Finder({key: words(row.get(lang)) for key, row in rows.items()}, lang)


@cache
def covered(lang: str) -> bool:
    """Whether the core terms are known in the language."""
    return any(lang in row for row in vocabulary("terms").values())


@cache
def _compared() -> dict[str, dict[str, str]]:
    return {**vocabulary("terms"), **vocabulary("compared")}


def kind(key: str) -> str:
    """f: finding, d: disease, a: anatomy, t: test or treatment, o: other."""
    return _compared()[key]["kind"]


def find_terms(folded: str, lang: str) -> list[Mention]:
    """Every core term of folded text, in order."""
    return list(_finder(lang, "terms").find(folded))


@cache
def _compared_finder(lang: str) -> Finder:
    return Finder({key: words(row.get(lang)) for key, row in _compared().items()}, lang)


def find_compared(folded: str, lang: str) -> list[Mention]:
    """Every term of folded text that a translation is compared by: the core terms and more general ones."""
    return list(_compared_finder(lang).find(folded))


def find_opposites(folded: str, lang: str) -> list[Mention]:
    """Every word of a pair of opposites (positive and negative, benign and malignant …)."""
    return list(_finder(lang, "opposites").find(folded))


@cache
def opposite_pairs() -> list[tuple[str, str]]:
    """The pairs whose swap turns a finding around."""
    return [(row["opposite"], key) for key, row in vocabulary("opposites").items() if "opposite" in row]
