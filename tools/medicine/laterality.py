"""Left and right in a text: 左, gauche, izquierda, links, OD; words that only look like a side are passed over."""

from functools import cache

from tools.medicine.lexicon import Finder, Mention, vocabulary, words


@cache
def _finder(lang: str) -> Finder:
    rows = vocabulary("laterality")[lang]
    return Finder(
        {kind: words(rows.get(kind)) for kind in ("not", "hint_left", "hint_right", "left", "right", "both")}, lang
    )


def knows(lang: str) -> bool:
    """Whether the words for sides are known."""
    return lang in vocabulary("laterality")


def find_sides(folded: str, lang: str) -> list[Mention]:
    """Every mention with the key left, right, both, hint_left or hint_right."""
    return [m for m in _finder(lang).find(folded) if m.key != "not"]
