"""Drug names in a text, whatever the language: generic names, brands, and the spellings that follow from the INN.

A Latin-script word is reduced to a spelling that English, French, Spanish and German share (amlodipine, amlodipino,
Amlodipin; ciclosporin, cyclosporine; Metformin, metformina). A word unknown to the vocabulary but with a stem of the
WHO's INN stem book (-pril, -sartan, -mab …) counts as a drug too, so that its swap is seen.
"""

import re
from dataclasses import dataclass
from functools import cache

from tools.medicine.knowledge.reading import load
from tools.medicine.lexicon import IDEOGRAPHIC, Finder, fold, pattern, vocabulary, words

_WORD = re.compile(r"[a-z]{4,}(?:-[a-z]+)?")
_STEM = re.compile(
    r"(?:pril|sartan|statin|olol|dipin|prazol|gliflozin|gliptin|glutid|floxacin|mycin|cillin|conazol|ciclovir|xaban"
    r"|grel|tidin|setron|mab|tinib|platin|taxel|azepam|zolam|triptan|oxetin|lukast|thiazid|semid|vastatin|virdin"
    r"|cyclin|penem|parin|bactam|asteril|prost|dronat)$"
)
_COMPOUND = re.compile(
    r"([a-z]{5,}?)s?(?:allergien?|therapien?|unvertraglichkeit|behandlung|spiegel|gaben?|dosis|infusion(?:en)?|tabletten?"
    r"|praparate?|resistenz|einnahme|exposition|intoxikation|perfusor|medikation|uberempfindlichkeit|zyklen|bolus)"
)
"""German writes a drug and what is said of it in one word: Penicillinallergie."""
_SAID = frozenset(
    [
        "sensitive",
        "resistant",
        "susceptible",
        "treated",
        "induced",
        "related",
        "associated",
        "based",
        "free",
        "naive",
        "exposed",
        "refractory",
    ]
)
"""What English hangs on a drug's name with a hyphen: methicillin-sensitive."""
_NO_DRUG = {"zh": re.compile(r"快速尿素|速尿素")}
"""Words that hold a drug's name and speak of none."""
_CLASSES = frozenset(["statins", "estatinas", "estatina", "statinen", "penicillins", "heparine", "heparina"])
_REPLACED = [
    ("ph", "f"), ("th", "t"), ("ch", "k"), ("qu", "k"), ("rh", "r"), ("y", "i"), ("sz", "s"), ("z", "s"), ("x", "ks"),
    ("cs", "ks"), ("ce", "se"), ("ci", "si"), ("c", "k"), ("h", ""), ("w", "v"), ("ae", "e"), ("oe", "e"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug in a text. known: False where only the stem of the name says that it is one."""

    name: str
    start: int
    end: int
    known: bool = True


def spelling(word: str) -> str:
    """The spelling that the languages share: amlodipine, amlodipino and Amlodipin all become amlodipin."""
    for old, new in _REPLACED:
        word = word.replace(old, new)
    word = re.sub(r"(.)\1", r"\1", word)
    return re.sub(r"(?:um|io|en|[aeos])+$", "", word) if len(word) > 5 else word


@cache
def _spellings() -> dict[str, str]:
    return {spelling(name): name for name in vocabulary("drugs")}


@cache
def _names() -> dict[str, dict[str, list[str]]]:
    """What drugs are called, by column (zh, ja, latin): the vocabulary, and the knowledge base's names of one word."""
    rows = {name: {column: words(cell) for column, cell in row.items()} for name, row in vocabulary("drugs").items()}
    latin = {fold(word): name for name, row in rows.items() for word in (name, *row.get("latin", ()))}
    for drug in load().drugs.values():
        english = [fold(each) for each in drug.names.en]
        if re.search(r"[ /]", english[0]):
            continue
        keys = (latin.get(each) or _spellings().get(spelling(each)) for each in english)
        key = next((each for each in keys if each), None)
        row = rows.setdefault(key or english[0], {})
        row.setdefault("zh", []).extend(drug.names.zh)
        row.setdefault("ja", []).extend(drug.names.ja)
        known = (*drug.names.en, *drug.names.es, *drug.names.fr, *drug.names.de)
        row.setdefault("latin", []).extend(each for each in known if not re.search(r"[ /(]", each))
    return rows


@cache
def _finder(lang: str) -> Finder:
    column = lang if lang in IDEOGRAPHIC else "latin"
    keys = {
        name: [fold(word) for word in (*row.get(column, ()), *(row.get("latin", ()) if column != "latin" else ()))]
        for name, row in _names().items()
    }
    return Finder(keys, "en")


def has_name(name: str, lang: str) -> bool:
    """Whether it is known what the drug is called in the language."""
    return lang not in IDEOGRAPHIC or bool(_names().get(name, {}).get(lang))


def find_drugs(folded: str, lang: str) -> list[Drug]:
    """Every drug of folded text, in order."""
    found = [
        Drug(m.key, m.start, m.end)
        for m in _finder(lang).find(folded)
        if m.end - m.start > 2 or not folded[m.start].isascii()
    ]
    if lang in _NO_DRUG:
        others = [match.span() for match in _NO_DRUG[lang].finditer(folded)]
        found = [drug for drug in found if not any(a <= drug.end and drug.start < b for a, b in others)]
    taken = {position for drug in found for position in range(drug.start, drug.end)}
    for match in _WORD.finditer(folded):
        if match.start() in taken:
            continue
        word, _, said = match.group().partition("-")
        if lang == "de" and (compound := _COMPOUND.fullmatch(word)):
            word = compound[1]
        shared = spelling(word)
        if name := _spellings().get(shared) or _spellings().get(spelling(match.group())):
            found.append(Drug(name, match.start(), match.start() + len(word) if word != match.group() else match.end()))
        elif (
            _STEM.search(_plain(word if said in _SAID else match.group()))
            and match.group() not in _CLASSES
            and len(match.group()) > 8
            and lang not in IDEOGRAPHIC
        ):
            found.append(Drug(shared, *match.span(), known=False))
    return sorted(found, key=lambda drug: drug.start)


def _plain(word: str) -> str:
    return re.sub(r"(?:[aeo]s?)$", "", word)


@cache
def _allergy() -> re.Pattern[str]:
    return pattern(
        ["allerg*", "alerg*", "过敏", "アレルギー", "anaphyla*", "anafila*", "uberempfindlich*", "hypersensi*"], "en"
    )


def about_allergy(folded: str) -> bool:
    """Whether the folded text speaks of an allergy."""
    return bool(_allergy().search(folded))
