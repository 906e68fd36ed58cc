"""Clauses by category with the rules of the contract's language, without a model."""

from collections.abc import Collection

from tools.contracts import finding, sentences
from tools.contracts.categories import BY_KEY
from tools.contracts.chinese import facts as chinese_facts
from tools.contracts.chinese import rules as chinese
from tools.contracts.contract import Passage, Profile
from tools.contracts.english import facts as english_facts
from tools.contracts.english import liability, licence, money, practice, restriction, term
from tools.contracts.profile import profile
from tools.contracts.rules import Rule
from tools.errors import InvalidInput

ENGLISH: tuple[Rule, ...] = (
    *liability.RULES,
    *term.RULES,
    *restriction.RULES,
    *money.RULES,
    *licence.RULES,
    *practice.RULES,
)
CHINESE: tuple[Rule, ...] = chinese.RULES


def find_clauses(text: str, language: str, categories: Collection[str] | None = None) -> list[Passage]:
    """The passages of the wanted categories (all by default), in the order of the text.

    Raises InvalidInput for a language other than en and zh, or a category that there is none of.
    """
    base = _base(language)
    unknown = sorted(set(categories or ()) - BY_KEY.keys())
    if unknown:
        message = f"no clause category {unknown[0]!r}; known: {', '.join(BY_KEY)}"
        raise InvalidInput(message, field="categories")
    rules = [
        rule for rule in (CHINESE if base == "zh" else ENGLISH) if categories is None or rule.category in categories
    ]
    facts = [each for each in _facts(text, base) if categories is None or each.category in categories]
    passages = [*facts, *finding.find(text, base, rules)]
    return sorted(passages, key=lambda passage: (passage.start, passage.end, passage.category))


def identify(text: str, language: str) -> Profile:
    """What the contract is, between whom, from when to when, under which law. Raises InvalidInput for a language."""
    base = _base(language)
    rules = [rule for rule in (CHINESE if base == "zh" else ENGLISH) if rule.category == "governing_law"]
    contract = sentences.read(text, base)
    return profile(contract, _facts(text, base), finding.find(text, base, rules))


def _base(language: str) -> str:
    base = language.split("-")[0].lower()
    if base not in ("en", "zh"):
        raise InvalidInput(f"language {language!r} is not supported; allowed: en, zh", field="language")
    return base


def _facts(text: str, base: str) -> list[Passage]:
    contract = sentences.read(text, base)
    return chinese_facts.find_facts(contract) if base == "zh" else english_facts.find_facts(contract)
