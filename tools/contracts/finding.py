"""Finding clauses by category without a model."""

from collections.abc import Sequence

from tools.contracts import sentences
from tools.contracts.contract import Passage
from tools.contracts.rules import Rule
from tools.contracts.sentences import ContractText


def find(text: str, language: str, rules: Sequence[Rule]) -> list[Passage]:
    """The passages of every rule, in the order of the text. Quotes are literally `text[start:end]`."""
    return find_in(sentences.read(text, language), rules)


def find_in(contract: ContractText, rules: Sequence[Rule]) -> list[Passage]:
    """`find` in a contract already cut into sentences."""
    passages = [passage for rule in rules for passage in _find_one(contract, rule)]
    return sorted(passages, key=lambda passage: (passage.start, passage.end, passage.category))


def _find_one(contract: ContractText, rule: Rule) -> list[Passage]:
    hits: list[tuple[int, int, float]] = []
    last = -2
    for index, sentence in enumerate(contract.sentences):
        score = rule.score(sentence, index, contract)
        if score < rule.threshold:
            continue
        start, end = sentence.start, sentence.end
        if rule.span == "paragraph":
            start, end = _paragraph(contract, index)
        joins = rule.span == "joined" and index == last + 1 and contract.sentences[last].paragraph == sentence.paragraph
        if hits and (joins or hits[-1][0] <= start < hits[-1][1]):
            hits[-1] = (hits[-1][0], max(end, hits[-1][1]), max(score, hits[-1][2]))
        else:
            hits.append((start, end, score))
        last = index
    if not hits or max(score for _, _, score in hits) < rule.presence:
        return []
    best = sorted(hits, key=lambda hit: -hit[2])[: rule.limit]
    return [
        Passage(
            category=rule.category,
            quote=contract.text[start:end],
            start=start,
            end=end,
            confidence=round(min(0.99, 0.5 + 0.25 * (score - rule.threshold) + 0.1), 2),
            rule=f"rules.{contract.language}.{rule.category}",
        )
        for start, end, score in best
    ]


def _paragraph(contract: ContractText, index: int) -> tuple[int, int]:
    ordinal = contract.sentences[index].paragraph
    first = last = index
    while first > 0 and contract.sentences[first - 1].paragraph == ordinal:
        first -= 1
    while last + 1 < len(contract.sentences) and contract.sentences[last + 1].paragraph == ordinal:
        last += 1
    return contract.sentences[first].start, contract.sentences[last].end
