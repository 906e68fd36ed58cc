"""The term base, as translating and its check use it."""

from tools.medicine.lexicon import language, vocabulary, words


def drug_name(name: str, target: str) -> str | None:
    """What a drug, by its International Nonproprietary Name, is called in a language; None where that is not known."""
    lang = language(target)
    if lang == "en":
        return name
    cell = words(vocabulary("drugs").get(name, {}).get(lang))
    return cell[0] if cell else None


def obeyed(text: str, source: str, target: str) -> list[tuple[str, list[str]]]:
    """The terms of a segment that its translation must render by one of the names given, the preferred one first."""
    return []
