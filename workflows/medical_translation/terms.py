"""The term base, as translating and its check use it."""

from collections.abc import Iterable

from tools.medicine import term_base
from tools.medicine.lexicon import language, vocabulary, words
from tools.medicine.obedience import required, violations


def drug_name(name: str, target: str) -> str | None:
    """What a drug, by its International Nonproprietary Name, is called in a language; None where that is not known."""
    lang = language(target)
    found = term_base.load().find(name, "en", ("drug",))
    preferred = found[0].preferred(lang) if found else None
    if preferred is not None:
        return preferred.text
    if lang == "en":
        return name
    cell = words(vocabulary("drugs").get(name, {}).get(lang))
    return cell[0] if cell else None


def glossary(texts: Iterable[tuple[str, str]], target: str) -> dict[str, str]:
    """The terms in texts (each with its language), and what the target language calls them."""
    base = term_base.load()
    return {term: name for text, lang in texts for term, name in required(text, lang, target, base)}


def disobeyed(source: str, translation: str, lang: str, target: str) -> list[str]:
    """Drugs and a user's own terms that a translation must render by their name and does not, as sentences."""
    found = violations(source, translation, lang, target, term_base.load())
    return [each.why for each in found if each.severity == "major"]
