"""What a clause says, whatever the language: terms, figures and phrases as a tree; and its wording in a language.

What a language lacks a word for is not written: an adjective whose gender is unknown, a phrase without a wording.
"""

import re
from dataclasses import dataclass
from datetime import date

from tools.medicine import figures
from tools.medicine.figures import Duration
from tools.medicine.lexicon import IDEOGRAPHIC, fold
from tools.medicine.phrases import Phrase, Slot
from tools.medicine.term_base import Term

CLOSED = frozenset(
    {"route", "frequency", "form", "side", "degree", "course", "relative", "count", "unit", "moment", "remark"}
)
"""Kinds with few members, of which every one is tried; none of them is a noun that an adjective agrees with."""
_AND = {"zh": ("、", "、"), "ja": ("、", "、"), "en": (", ", " and "), "es": (", ", " y "), "fr": (", ", " et "),
        "de": (", ", " und ")}  # fmt: skip
_OR = {"zh": ("、", "、"), "ja": ("、", "、"), "en": (", ", " or "), "es": (", ", " ni "), "fr": (", ", " ni "),
       "de": (", ", " oder ")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """A term."""

    term: Term


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, a length of time, a date or a quantity."""

    value: "str | Duration | date | tuple[str, Term]"


@dataclass(frozen=True, slots=True)
class Listed:
    """Several of one kind. manner: "side by side" where no "and" belongs before the last."""

    items: "tuple[Node, ...]"
    manner: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """A phrase with its slots filled, by the slot's name."""

    phrase: Phrase
    slots: "tuple[tuple[str, Node], ...]"


@dataclass(frozen=True, slots=True)
class Order:
    """A medication as it is prescribed: parts by kind (drug, form, quantity, route, frequency, moment, duration)."""

    parts: "tuple[tuple[str, Node], ...]"


Node = Word | Figure | Listed | Filled | Order
_ELIDED = re.compile(r"\b([dDlL])e (?=[aeiouyœâàéèêëîïôû]|h(?!ernie|anche|oquet|aut))", re.IGNORECASE)
_ORDERED = ("drug", "form", "quantity", "route", "frequency", "moment", "duration")
_FOR = {"zh": "共{}", "en": "for {}", "es": "durante {}", "fr": "pendant {}", "de": "für {}", "ja": "{}"}


def write(node: Node, lang: str, flag: str = "", agrees: Node | None = None) -> str | None:
    """The tree in a language, or None where the language lacks a piece of it.

    flag: or (a list under a negation), dat (German dative), adj (agree with `agrees`).
    """
    match node:
        case Word(term):
            name = term.preferred(lang)
            if name is None:
                return None
            return _agreeing(name.forms, agrees, lang) if len(name.forms) > 1 else name.text
        case Figure(value):
            return _write_figure(value, lang, flag)
        case Listed(items, manner):
            texts = [write(item, lang, flag) for item in items]
            if not all(texts):
                return None
            comma, last = (_OR if flag == "or" else _AND)[lang]
            last = comma if manner == "side by side" else last
            words = [text for text in texts if text]
            if lang == "es" and last == " y " and re.match(r"h?i(?!e)", fold(words[-1])):
                last = " e "
            return comma.join(words[:-1]) + last + words[-1]
        case Filled(phrase, slots):
            return _write_phrase(phrase, dict(slots), lang, flag)
        case Order(parts):
            return _write_order(dict(parts), lang)


def _write_figure(value: "str | Duration | date | tuple[str, Term]", lang: str, flag: str) -> str | None:
    match value:
        case str():
            return figures.write_number(value, lang)
        case Duration():
            return figures.write_duration(value, lang, dative=flag == "dat")
        case date():
            return figures.write_date(value, lang)
        case (number, unit):
            name = unit.preferred(lang)
            if name is None:
                return None
            form = name.forms[0 if float(number) <= 1 else -1]
            tight = lang in IDEOGRAPHIC or form in {"%", "‰"}
            return f"{figures.write_number(number, lang)}{'' if tight else ' '}{form}"


def _write_phrase(phrase: Phrase, slots: dict[str, Node], lang: str, flag: str) -> str | None:
    wording = phrase.write.get(lang)
    if wording is None:
        return None
    pieces: list[str] = []
    for piece in wording:
        if isinstance(piece, str):
            pieces.append(piece)
            continue
        others = (slots[each.name] for each in wording if isinstance(each, Slot) and each != piece)
        agrees = next((node for node in others if _noun(node)), None)
        text = write(slots[piece.name], lang, piece.flag or (flag if flag == "or" else ""), agrees)
        if text is None:
            return None
        pieces.append(text)
    written = "".join(pieces)
    if lang == "en":
        return written.replace("the both ", "both ")
    return _ELIDED.sub(r"\1'", written) if lang == "fr" else written


def _noun(node: Node) -> bool:
    return (isinstance(node, Word) and node.term.kind not in CLOSED) or isinstance(node, Filled)


def _agreeing(forms: tuple[str, ...], noun: Node | None, lang: str) -> str | None:
    """The form of an adjective that agrees with the noun; None where the noun's gender is not plain."""
    while isinstance(noun, Filled):
        noun = next((node for _, node in noun.slots if _noun(node)), None)
    name = noun.term.preferred(lang) if isinstance(noun, Word) else None
    if name is None:
        return None
    return forms[1 if name.feminine else 0] + ("s" if name.plural and not forms[0].endswith("s") else "")


def _write_order(parts: dict[str, Node], lang: str) -> str | None:
    texts = [(kind, write(parts[kind], lang)) for kind in _ORDERED if kind in parts]
    if not all(text for _, text in texts):
        return None
    return " ".join(_FOR[lang].format(text) if kind == "duration" else text for kind, text in texts if text)
