"""Judging a contract against a playbook without a model: deterministic, sentence by sentence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tools.contracts import phrases, sentences
from tools.contracts.amending import body, clause_end, top_clauses, without_overlaps
from tools.contracts.categories import BY_KEY
from tools.contracts.contract import SEVERITIES, Amendment, Clause, Finding, Passage, Profile, Severity, Structure
from tools.contracts.playbook import Playbook, Position, Rule, When
from tools.contracts.quantities import comparison
from tools.contracts.sentences import ContractText, Sentence
from tools.contracts.sides import NOBODY, Bearing, Sides, sides
from tools.contracts.structure_findings import structure_findings

_MOST_PER_RULE = 3
_CLAUSE_REACH = 1500


@dataclass(frozen=True, slots=True)
class _Hit:
    """A sentence that a rule speaks to. start, end: the words or number found, absolute."""

    sentence: Sentence
    start: int
    end: int
    confidence: float


# The figure that repeats a number in words: "one hundred percent (100%)"; a new number replaces both.
_IN_FIGURES = re.compile(r"\s*[(（]\s*\d{1,4}(?:\.\d+)?\s*[%％]?\s*[)）]")


@dataclass(frozen=True)
class _Case:
    """What every rule of a review looks at."""

    text: str
    language: str
    contract: ContractText
    structure: Structure
    profile: Profile
    sides: Sides
    bearings: dict[int, Bearing] = field(default_factory=dict[int, Bearing])

    @cached_property
    def top_clauses(self) -> list[Clause]:
        return top_clauses(self.structure)

    def bearing(self, sentence: Sentence) -> Bearing:
        if sentence.start not in self.bearings:
            self.bearings[sentence.start] = self.sides.bearing(sentence.text)
        return self.bearings[sentence.start]

    def clause_text(self, offset: int) -> str:
        """The outermost clause around `offset`, no further than 1,500 characters from it."""
        start, end = self.outermost(offset)
        return self.text[max(start, offset - _CLAUSE_REACH) : min(end, offset + _CLAUSE_REACH)]

    def outermost(self, offset: int) -> tuple[int, int]:
        """The span of the outermost clause around `offset`, of the whole text where there is none."""
        clause = next((clause for clause in self.top_clauses if clause.start <= offset < clause.end), None)
        return (clause.start, clause.end) if clause else (0, len(self.text))


def check_playbook(
    text: str,
    language: str,
    passages: Sequence[Passage],
    structure: Structure,
    profile: Profile,
    playbook: Playbook,
    party: str | None,
) -> list[Finding]:
    """What a lawyer should look at, by severity and then place; ids "F1", "F2", … in that order.

    party: whom we act for, by name or alias; None or "" reviews for neither side. Quotes are literally in the text;
    changes never overlap (insertions at one place stand in the order of the findings). `page` is None: the caller
    knows the pages. Raises UnknownParty.
    """
    spoken = "zh" if language.startswith("zh") else "en"
    us_and_them = sides(profile, party, text)
    case = _Case(text, spoken, sentences.read(text, spoken), structure, profile, us_and_them)
    findings: list[Finding] = []
    for key, position in playbook.category.items():
        found = _sentences_of(case, key, position, passages)
        findings += _judge(case, playbook, key, position, found)
    missing = [
        finding
        for key, position in playbook.category.items()
        if (finding := _missing(case, playbook, key, position, passages)) is not None
    ]
    ordered = sorted([*findings, *missing, *structure_findings(text, structure, spoken)], key=_order)
    placed = _place_new_clauses(case, ordered, playbook)
    return [
        finding.model_copy(update={"id": f"F{number}"})
        for number, finding in enumerate(without_overlaps(placed), start=1)
    ]


def _order(finding: Finding) -> tuple[int, int, str]:
    place = finding.start if finding.start is not None else 1 << 60
    return SEVERITIES.index(finding.severity), place, finding.rule


def _sentences_of(
    case: _Case, key: str, position: Position, passages: Sequence[Passage]
) -> list[tuple[Sentence, float]]:
    """The sentences of a category's passages; where none was found, those that show one of its signs."""
    found: dict[int, tuple[Sentence, float]] = {}
    for passage in passages:
        if passage.category == key:
            for sentence in case.contract.sentences[case.contract.sentence_at(passage.start) :]:
                if sentence.start >= passage.end:
                    break
                if sentence.end > passage.start and not _is_heading(sentence):
                    found.setdefault(sentence.start, (sentence, passage.confidence))
    for sentence in case.contract.sentences:
        if position.signs and not _is_heading(sentence) and phrases.mentions(position.signs, sentence.text):
            found.setdefault(sentence.start, (sentence, 0.6))
    return [found[start] for start in sorted(found)]


def _is_heading(sentence: Sentence) -> bool:
    return bool(sentence.title) and sentence.title == sentence.heading and len(sentence.text) < 120


def _judge(
    case: _Case, playbook: Playbook, key: str, position: Position, found: list[tuple[Sentence, float]]
) -> list[Finding]:
    findings: list[Finding] = []
    for rule in position.rules:
        material = found
        if rule.where == "contract":
            material = [(sentence, 0.7) for sentence in case.contract.sentences if not _is_heading(sentence)]
        together = _together(case, rule.when, material)
        hits = [hit for sentence, sure in material if (hit := _hit(case, rule.when, sentence, sure, together))]
        if rule.edit in ("replace", "append"):  # one wording mends a whole clause
            hits = list({case.outermost(hit.sentence.start): hit for hit in reversed(hits)}.values())[::-1]
        findings += [_deviation(case, playbook, key, rule, hit) for hit in hits[:_MOST_PER_RULE]]
    spoken = {finding.start for finding in findings}
    for fallback in position.acceptable:
        together = _together(case, fallback.when, found)
        for sentence, sure in found:
            hit = _hit(case, fallback.when, sentence, sure, together)
            if hit and sentence.start not in spoken:
                reason = {"en": fallback.note.en, "zh": fallback.note.zh}
                rule_name = f"{playbook.name}.{key}.{fallback.id}"
                findings.append(_finding(case, key, "low", "fallback", rule_name, reason, hit, None))
                spoken.add(sentence.start)
                break
    return findings


def _together(case: _Case, when: When, material: list[tuple[Sentence, float]]) -> Bearing:
    """Whom the sentences that speak of the rule's matter bind and favour, taken together."""
    together = NOBODY
    for sentence, _ in material:
        if not when.contains or phrases.mentions(when.contains, sentence.text):
            together |= case.bearing(sentence)
    return together


def _hit(case: _Case, when: When, sentence: Sentence, sure: float, together: Bearing) -> _Hit | None:
    """The sentence as a hit if every condition holds, else None. Cheap conditions come first."""
    start, end = 0, len(sentence.text)
    if not _applies(case, when):
        return None
    if when.contains:
        match = phrases.find(when.contains, sentence.text)
        if match is None:
            return None
        start, end = match.span()
    if when.also and phrases.find(when.also, sentence.text) is None:
        return None
    for expression in when.number:
        quantity = comparison(expression).first(sentence.text)
        if quantity is None:
            return None
        start, end = quantity.start, quantity.end
        if repeated := _IN_FIGURES.match(sentence.text, end):
            end = repeated.end()
    if not _bears(case, when, sentence, together):
        return None
    if when.lacks and phrases.mentions(when.lacks, case.clause_text(sentence.start)):
        return None
    if when.contract_lacks and phrases.mentions(when.contract_lacks, case.text):
        return None
    return _Hit(sentence, sentence.start + start, sentence.start + end, sure)


def _applies(case: _Case, when: When) -> bool:
    if when.we_are and not case.sides.roles.intersection(when.we_are):
        return False
    return not when.kinds or case.profile.kind in when.kinds


def _bears(case: _Case, when: When, sentence: Sentence, together: Bearing) -> bool:
    if when.obliges is None and when.entitles is None and when.one_sided is None and when.against_us is None:
        return True
    bearing = case.bearing(sentence)
    for wanted, actual in ((when.obliges, bearing.obliges), (when.entitles, bearing.entitles)):
        if wanted is not None and actual != frozenset({"us", "them"} if wanted == "both" else {wanted}):
            return False
    # A mirror elsewhere in the category ("Customer may also terminate …") makes a pair of sentences mutual.
    mutual = not (
        (bearing.obliges and len(together.obliges) == 1) or (bearing.entitles and len(together.entitles) == 1)
    )
    if when.one_sided is not None and when.one_sided != (bearing.one_sided and not mutual):
        return False
    if when.against_us is not None:
        against = bearing.one_sided if case.sides.neutral else bearing.against_us
        return when.against_us == (against and not mutual)
    return True


def _wording(case: _Case, words: str) -> str:
    """A suggestion with the parties' names, with "the" where the contract says "the Licensor"."""
    for mark, side in (("{we}", "us"), ("{they}", "them")):
        name = case.sides.name(side, case.language)
        if case.language == "en" and len(re.findall(rf"\b[Tt]he {re.escape(name)}\b", case.text)) * 2 > case.text.count(
            name
        ):
            name = f"the {name}"
        words = words.replace(mark, name)
    return words[:1].upper() + words[1:] if words.startswith(("the ", "a ")) else words


def _deviation(case: _Case, playbook: Playbook, key: str, rule: Rule, hit: _Hit) -> Finding:
    name = f"{playbook.name}.{key}.{rule.id}"
    category = BY_KEY[key]
    source = f" [{rule.source}]" if rule.source else ""
    reason = {
        "en": f"{rule.why.en or rule.why.zh}{source} (playbook rule {name}, {category.en})",
        "zh": f"{rule.why.zh or rule.why.en}{source}（审阅规则 {name}，{category.zh}）",
    }
    suggestion = _wording(case, rule.suggest.in_language(case.language))
    comment = f"[{rule.severity}] {reason[case.language]}"
    start, end = body(case.text, hit.sentence.start, hit.sentence.end)
    if rule.edit == "phrase":
        start, end = hit.start, hit.end
    edit = rule.edit
    if edit in ("replace", "delete") and case.text[start:end].endswith((":", "：")):
        edit = "comment"  # the first words of a list cannot go without the list
    new = suggestion
    if edit == "append":
        start = end
        new = suggestion if case.language == "zh" else f" {suggestion}"
    elif edit == "delete":
        whole = start > hit.sentence.start and case.text[end : end + 2].strip() == ""
        new = {"en": "[Intentionally omitted.]", "zh": "（本款删除）"}[case.language] if whole else ""
    elif edit == "comment":
        new = case.text[start:end]
        comment = f"{comment}\n→ {suggestion}" if suggestion else comment
    amendment = Amendment(start=start, end=end, old=case.text[start:end], new=new, comment=comment)
    return _finding(case, key, rule.severity, "deviation", name, reason, hit, amendment)


def _finding(
    case: _Case, key: str, severity: Severity, kind: str, rule: str, reason: dict[str, str], hit: _Hit,
    amendment: Amendment | None,
) -> Finding:  # fmt: skip
    start, end = hit.sentence.start, hit.sentence.end
    clause = case.structure.clause_at(start)
    return Finding(
        id="", category=key, severity=severity, kind="fallback" if kind == "fallback" else "deviation", rule=rule,
        reason=reason, quote=case.text[start:end], start=start, end=end, page=None,
        clause=clause.id if clause else None, amendment=amendment, confidence=round(hit.confidence, 2),
        said_by="embedded",
    )  # fmt: skip


def _missing(
    case: _Case, playbook: Playbook, key: str, position: Position, passages: Sequence[Passage]
) -> Finding | None:
    """The finding that a clause is not there; its amendment is placed later, when the order is known."""
    missing = position.missing
    if missing is None or any(passage.category == key for passage in passages):
        return None
    if position.signs and phrases.mentions(position.signs, case.text):
        return None
    if (missing.kinds and case.profile.kind not in missing.kinds) or case.profile.kind in missing.not_kinds:
        return None
    if missing.we_are and not case.sides.roles.intersection(missing.we_are):
        return None
    name, category = f"{playbook.name}.{key}.missing", BY_KEY[key]
    source = f" [{missing.source}]" if missing.source else ""
    reason = {
        "en": f"{missing.why.en or missing.why.zh}{source} (playbook rule {name}, {category.en})",
        "zh": f"{missing.why.zh or missing.why.en}{source}（审阅规则 {name}，{category.zh}）",
    }
    return Finding(
        id="", category=key, severity=missing.severity, kind="missing", rule=name, reason=reason, quote="", start=None,
        end=None, page=None, clause=None, amendment=None, confidence=0.75 if position.signs else 0.6,
        said_by="embedded",
    )  # fmt: skip


def _place_new_clauses(case: _Case, findings: Sequence[Finding], playbook: Playbook) -> list[Finding]:
    """Each missing clause as an insertion after the last clause, numbered on in the order of the findings."""
    place = clause_end(case.text, case.structure)
    placed: list[Finding] = []
    ordinal = 0
    for finding in findings:
        missing = playbook.category[finding.category].missing if finding.kind == "missing" else None
        if missing is None:
            placed.append(finding)
            continue
        category = BY_KEY[finding.category]
        wording = _wording(case, missing.suggest.in_language(case.language))
        title = category.zh if case.language == "zh" else category.en
        amendment = Amendment(
            start=place.offset,
            end=place.offset,
            old="",
            new=place.clause(ordinal, title, wording, case.language),
            comment=f"[{finding.severity}] {finding.reason[case.language]}",
        )
        placed.append(finding.model_copy(update={"amendment": amendment}))
        ordinal += 1
    return placed
