"""Which drugs of a list must not meet, by drug and by class."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from tools.medicine.knowledge.entries import WEIGHTS, Drug, Interaction, Warned
from tools.medicine.knowledge.reading import Knowledge, load
from tools.medicine.lexicon import fold

_REPEATED = frozenset(
    {"NSAID", "anticoagulant", "ACE inhibitor", "angiotensin receptor blocker", "beta blocker", "statin", "SSRI",
     "benzodiazepine", "sulfonylurea", "proton pump inhibitor", "opioid", "macrolide", "fluoroquinolone",
     "DPP-4 inhibitor", "SGLT2 inhibitor", "GLP-1 receptor agonist", "antihistamine", "thiazide", "loop diuretic"}
)  # fmt: skip
"""Classes of which a second member is seldom meant."""


def interactions(drugs: Sequence[Drug], others: Sequence[str] = ()) -> list[Warned]:
    """Every interaction between the drugs, and between them and other substances (alcohol, iodinated contrast …).

    The gravest first; of the rules that a pair meets, those of the gravest kind are told.
    """
    known = load()
    distinct = list({drug.key: drug for drug in drugs}.values())
    found = [*_pairs(known, distinct), *_outside(known, distinct, others), *_duplicates(drugs)]
    return sorted(found, key=lambda each: WEIGHTS[each.severity])


def rules_between(one: Drug, other: Drug) -> list[Interaction]:
    """The rules that two different drugs meet, the gravest first; the order of the drugs means nothing."""
    return _matching(load(), {one.key, *one.classes}, {other.key, *other.classes})


def _matching(known: Knowledge, mine: set[str], theirs: set[str]) -> list[Interaction]:
    rules = [
        rule
        for rule in known.interactions
        if (rule.a in mine and rule.b in theirs) or (rule.b in mine and rule.a in theirs)
    ]
    return sorted(rules, key=lambda rule: WEIGHTS[rule.severity])


def _pairs(known: Knowledge, drugs: Sequence[Drug]) -> Iterator[Warned]:
    for one, other in combinations(drugs, 2):
        rules = rules_between(one, other)
        for rule in rules:
            if rule.severity == rules[0].severity:
                yield _warned(rule, (one.key, other.key), f"{one.names.en[0]} with {other.names.en[0]}")


def _outside(known: Knowledge, drugs: Sequence[Drug], others: Sequence[str]) -> Iterator[Warned]:
    folded = {fold(each.strip()) for each in others}
    for substance in (each for each in known.outside if fold(each) in folded):
        for drug in drugs:
            for rule in _matching(known, {drug.key, *drug.classes}, {substance})[:1]:
                yield _warned(rule, (drug.key,), f"{drug.names.en[0]} with {substance}")


def _warned(rule: Interaction, about: tuple[str, ...], who: str) -> Warned:
    return Warned(
        kind="interaction",
        severity=rule.severity,
        about=about,
        text=f"{who}: {rule.effect}",
        advice=rule.advice,
        entry=rule.entry,
        sources=rule.sources,
    )


def _duplicates(drugs: Sequence[Drug]) -> Iterator[Warned]:
    seen: set[str] = set()
    for drug in drugs:
        if drug.key in seen:
            yield Warned(
                kind="duplicate",
                severity="major",
                about=(drug.key,),
                text=f"{drug.names.en[0]} is there more than once; its doses add up",
                advice="count every product that holds it",
                entry=drug.entry,
                sources=drug.sources,
            )
        seen.add(drug.key)
    for one, other in combinations({drug.key: drug for drug in drugs}.values(), 2):
        shared = sorted(_REPEATED & set(one.classes) & set(other.classes))
        if shared and not any(rule.severity != "moderate" for rule in rules_between(one, other)):
            yield Warned(
                kind="duplicate",
                severity="moderate",
                about=(one.key, other.key),
                text=f"{one.names.en[0]} and {other.names.en[0]} are both of the class {shared[0]}",
                advice="ask whether both are meant",
                entry=one.entry,
                sources=one.sources,
            )
