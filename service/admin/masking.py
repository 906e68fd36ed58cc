"""Masking: secrets and whatever says who somebody is are dots, until a permitted role asks to see them.

What is masked is found in three ways: by the name of a field (password, birth_date, …), which masks its whole value; by
the form of a piece of text (a key, an e-mail address, a card or identity number); and, for names and addresses in
running text, by the rules that de-identify medical records: labels, titles, signatures, given names, surnames. Rules
miss names that nothing in a text shows to be names, so workflows on records of people are not left to them: of those
nothing that was read or written is shown at all (`Sight.HIDDEN`).
"""

import re
from collections.abc import Container, Iterable, Sequence
from enum import Enum
from typing import Any, Final, cast

from service.admin.naming import naming

MASK: Final = "••••••"

MOST_JUDGED: Final = 400_000
"""Characters of one value that are looked through for names; what was not looked through is not shown."""

_ITEMS: Final = 3
_SECRET_NAMES: Final = re.compile(
    r"(?:^|_)(?:passw(?:or)?d|passphrase|secret|token|api_?key|apikey|authorization|credential|private_?key|cookie|"
    r"session_?id)s?$"
)
_COUNTED: Final = re.compile(r"tokens?_(?:in|out|thinking|cached)$|^(?:max_)?tokens$")
_PERSONAL_NAMES: Final = re.compile(
    r"(?:^|_)(?:e_?mail|phone|telephone|mobile|fax|ssn|passport|id_?card|identity_?number|national_?id|"
    r"birth_?date|date_?of_?birth|dob|iban|card_?number|patient(?:_?name)?|client_?name|full_?name|first_?name|"
    r"last_?name|surname|given_?name|address|street|mrn|insurance_?number)$"
)
_FORMS: Final = re.compile(
    "|".join(
        (
            r"\bcsl_[0-9a-f]{12}_[\w-]{20,}",  # a key of ours
            r"\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abprs]|hf|whsec)[-_][A-Za-z0-9_-]{16,}",
            r"\bAKIA[0-9A-Z]{16}\b",
            r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",  # a JWT
            r"(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9+/_.=-]{12,}",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)",  # name and password in a URL
            r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+",
            r"(?<![\w.-])\+\d[\d ()/-]{7,17}\d(?![\w-])",  # an international telephone number
            r"(?<![\w-])(?:\d{3}[-. ]\d{3}[-. ]\d{4}|\(\d{3}\) ?\d{3}[-. ]\d{4})(?![\w-])",
            r"(?<![\w.-])1[3-9]\d{9}(?![\w-])",  # a mobile number of mainland China
            r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])",  # a social security number
            r"(?<![\w-])\d{17}[\dXx](?![\w-])",  # a Chinese identity number
            r"(?<![\w-])(?:\d{4}[ -]){3}\d{1,4}(?![\w-])",  # a card
            r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",  # an IBAN
        )
    ),
    re.DOTALL,
)
_FIELD: Final = re.compile(r"[a-z$_][A-Za-z0-9$_]{0,47}")
_STEP: Final = re.compile(r"[^.\[\]]+")


class Sight(Enum):
    """How much of a run's content is shown. SEEN: all. MASKED: all but secrets and what says who somebody is. HIDDEN:
    only its shape: names of fields, and which of them hold something."""

    SEEN = "seen"
    MASKED = "masked"
    HIDDEN = "hidden"


def masked_text(text: str) -> str:
    """The text with dots in the place of secrets and of whatever says who somebody is."""
    return masked_texts([text])[0]


def masked_texts(texts: Sequence[str]) -> list[str]:
    """Several texts, looked through together: a name that one of them gives away is masked in all that are short."""
    return [
        MASK if pieces is None else _dotted(text, [*pieces, *(each.span() for each in _FORMS.finditer(text))])
        for text, pieces in zip(texts, naming(texts, MOST_JUDGED), strict=True)
    ]


def _dotted(text: str, pieces: Iterable[tuple[int, int]]) -> str:
    kept: list[str] = []
    at = 0
    for start, end in sorted(pieces):
        if end <= at:
            continue
        if start > at:
            kept += [text[at:start], MASK]
        elif not kept:
            kept.append(MASK)
        at = end
    return "".join([*kept, text[at:]])


def names_private(name: str) -> bool:
    """Whether a field of this name holds a secret or identifies a person."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").replace(" ", "_").lower()
    if _COUNTED.search(plain):
        return False
    return bool(_SECRET_NAMES.search(plain) or _PERSONAL_NAMES.search(plain))


def masked(value: Any) -> Any:
    """A JSON value, masked; its shape stays."""
    texts = list(dict.fromkeys(_texts(value)))
    told = dict(zip(texts, masked_texts(texts), strict=True))

    def walk(each: Any) -> Any:
        match each:
            case str():
                return told[each]
            case dict():
                named = cast(dict[str, Any], each)
                return {
                    told[name]: hidden(inner) if names_private(name) else walk(inner) for name, inner in named.items()
                }
            case list():
                return [walk(inner) for inner in cast(list[Any], each)]
            case _:
                return each

    return walk(value)


def _texts(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, each in cast(dict[str, Any], value).items():
                yield name
                if not names_private(name):
                    yield from _texts(each)
        case list():
            for each in cast(list[Any], value):
                yield from _texts(each)
        case _:
            pass


def hidden(value: Any, kept: Container[str] = ()) -> Any:
    """The shape of a JSON value: every text and number is dots, and so are names that no program would give a field.

    kept: fields of the value itself that hold nothing of what a run read or wrote.
    """
    match value:
        case None | bool():
            return value
        case dict():
            named = cast(dict[str, Any], value)
            return {
                name if _FIELD.fullmatch(name) else MASK: each if name in kept else hidden(each)
                for name, each in named.items()
            }
        case list():
            items = cast(list[Any], value)
            told = [hidden(each) for each in items[:_ITEMS]]
            return told if len(items) <= _ITEMS else [*told, f"… ({len(items) - _ITEMS:,} more)"]
        case _:
            return MASK


def hidden_path(path: str) -> str:
    """Where in a state something stands (a.b[3].c), without names that no program would give a field."""
    return _STEP.sub(lambda step: step[0] if step[0].isdecimal() or _FIELD.fullmatch(step[0]) else MASK, path)


def private_path(path: str) -> bool:
    """Whether one of the fields on the way there is private."""
    return any(names_private(step) for step in _STEP.findall(path))
