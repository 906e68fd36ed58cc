"""All places where a name that was found stands in a text: whole, in parts, with a title, in capitals."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterable, Iterator
from functools import cache

from tools.medicine.identity.names import japanese_surname, surname
from tools.medicine.lexicon import fold, vocabulary, words
from tools.medicine.terms import find_terms

_HAN = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_PARTICLES = frozenset(
    [
        "de",
        "la",
        "los",
        "las",
        "del",
        "da",
        "dos",
        "du",
        "van",
        "der",
        "den",
        "von",
        "zu",
        "zum",
        "le",
        "al",
        "el",
        "bin",
        "ibn",
        "ben",
        "di",
        "y",
        "e",
    ]
)


@cache
def _common_words() -> frozenset[str]:
    return frozenset(words(vocabulary("identity")["words_that_are_names"]["latin"]))


def occurrences(text: str, names: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where any of the names, or a part of one that stands for it, is in the text; places may overlap."""
    # Patterns read better unbroken.
    # ruff: noqa: E501
    folded = fold(text)
    for name in sorted(set(names)):
        yield from _han(text, name) if _HAN.search(name) else _latin(text, folded, name)


def _han(text: str, name: str) -> Iterator[tuple[int, int]]:
    plain = re.sub(r"[\s某*×＊]", "", name)
    if len(plain) < 2:
        return  # a surname alone is found where a title follows it
    spaced = re.compile(r"[ 　]?".join(map(re.escape, plain)))
    yield from (match.span() for match in spaced.finditer(text))
    first = japanese_surname(plain) or surname(plain)
    rest = plain.removeprefix(first)
    parts = [rest] if len(rest) >= 2 and not any(find_terms(fold(rest), "zh")) else []
    if len(first) >= 2:
        parts.append(first)
    for part in parts:
        yield from (match.span() for match in re.finditer(re.escape(part), text))
    if first:  # 张先生, 小张, 张工
        title = rf"{re.escape(first)}(?=先生|女士|小姐|太太|夫人|某|医生|医师|大夫|主任|教授|护士|老师|同志|様|さん|氏)|(?<=[老小]){re.escape(first)}(?=[，。、（(；：\s]|$|说|诉|的)"
        yield from (match.span() for match in re.finditer(title, text))


def _latin(text: str, folded: str, name: str) -> Iterator[tuple[int, int]]:
    tokens = [token for token in re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", name) if token.lower() not in _PARTICLES]
    joined = r"[\s,.]+(?:[^\W\d_]\.?[\s]+)?".join(re.escape(fold(token)) for token in tokens)
    if tokens:
        yield from (m.span() for m in re.finditer(rf"(?<![^\W_]){joined}(?![^\W_])", folded))
    for token in tokens:
        key = fold(token)
        if len(token) < 2 or (len(token) == 2 and token.isupper()):
            continue
        loose = len(token) >= 4 and key not in _common_words()
        for match in re.finditer(rf"(?<![^\W_]){re.escape(key)}(?![^\W_])", folded):
            written = text[slice(*match.span())]
            if loose or written == token or (written[0].isupper() and (len(token) > 2 or written == token)):
                yield match.span()
    if len(tokens) >= 2:  # J. Smith, Smith J., initials of the whole name are left
        last, first = re.escape(tokens[-1]), re.escape(tokens[0][0])
        yield from (m.span() for m in re.finditer(rf"(?<!\w)(?:{first}\. ?{last}|{last},? {first}\.?)(?!\w)", text))
