"""Whether a medical text and its translation say the same, as far as rules can tell; every doubt is an alarm.

`verify` compares numbers with units, doses, frequencies, dates, negations, sides, drugs, allergies, opposites and core
terms, looks for sentences without a counterpart, for untranslated rests and for the wrong language. A free translation
(reordered, reworded, numbers as words) raises no alarm; a critical alarm means that the patient may be harmed.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tools.medicine import alignment, laterality, negation
from tools.medicine.alarms import Alarm, span
from tools.medicine.drugs import about_allergy, find_drugs, has_name
from tools.medicine.lexicon import IDEOGRAPHIC, Mention, fold, language, masked
from tools.medicine.measures import Measures, compare, measures
from tools.medicine.script import untranslated, wrong_language
from tools.medicine.terms import covered, find_compared, find_opposites, kind, opposite_pairs

_STRONG = frozenset(
    {
        "withheld",
        "unaffected",
        "uninvolved",
        "uninjured",
        "unremarkable",
        "uneventful",
        "unclear",
        "afebrile",
        "asymptomatic",
        "normal",
        "正常",
        "阴性",
        "不明",
        "不明原因",
        "不清",
        "无症状",
    }
)
"""Words that negate by themselves and that every translation renders by a negation or by a word of its own kind."""


_NAME = re.compile(r"(?<![a-z])[a-z][a-z0-9-]{2,}(?![a-z])")
_CLAUSE = re.compile(r"[，,；;。]\s*")
_SHORT = 0.85
"""Length of a translation against what is expected, below which a part may have been left out."""
_SHARE = 0.15
"""Least share of a sentence that counts as a part of it."""
_WEAK = frozenset({"term patient", "term history", "term therapy", "term improve", "term evidence"})
"""Anchors that a free translation often leaves out."""


@dataclass(frozen=True, slots=True)
class _Side:
    text: str
    folded: str
    quiet: str  # folded, drug names blanked out: 西地那非 negates nothing, vitamin B12 is no number
    lang: str
    figures: Measures
    terms: list[Mention]
    marks: list[tuple[int, str]]  # anchors by place
    sentences: list[alignment.Sentence]


def verify(source: str, source_lang: str, target: str, target_lang: str) -> list[Alarm]:
    """Every alarm that a translation raises, the critical first. Languages are BCP 47 codes.

    Numbers are compared whatever the languages; words (negation, sides, terms) where both are of zh, en, fr, es, de.
    """
    if not source.strip():
        return []
    if not target.strip():
        whole = span(source, 0, len(source))
        return [Alarm(kind="missing", severity="critical", source=whole, target=None, why="there is no translation")]
    mine, theirs = _side(source, language(source_lang)), _side(target, language(target_lang))
    if mine.lang in IDEOGRAPHIC and theirs.lang not in IDEOGRAPHIC:
        mine, theirs = _with_names(mine, theirs)
    alarms: list[Alarm] = []
    if mine.lang != theirs.lang:
        foreign = wrong_language(theirs.text, theirs.lang)
        if foreign:
            alarms.append(
                Alarm(
                    kind="language", severity="critical", source=None, target=span(target, 0, len(target)), why=foreign
                )
            )
        else:
            alarms += untranslated(source, target, theirs.lang)
    alarms += compare(mine.figures, theirs.figures)
    beads = alignment.align(mine.sentences, theirs.sentences, _ratio(mine, theirs))
    if not any(alarm.kind == "language" for alarm in alarms):
        alarms += _sentences(mine, theirs, beads)
        if not any(alarm.kind == "missing" for alarm in alarms):
            alarms += _clauses(mine, theirs, beads)
        alarms += _drugs(mine, theirs)
        if laterality.knows(mine.lang) and laterality.knows(theirs.lang):
            alarms += _sides(mine, theirs, beads)
        if negation.knows(mine.lang) and negation.knows(theirs.lang):
            alarms += _negations(mine, theirs, beads)
            alarms += _cause(mine, theirs)
            alarms += _opposites(mine, theirs)
    order = {"critical": 0, "major": 1, "minor": 2}
    return sorted(dict.fromkeys(alarms), key=lambda alarm: order[alarm.severity])


def _side(text: str, lang: str) -> _Side:
    folded = fold(text)
    terms, drugs = find_compared(folded, lang), find_drugs(folded, lang)
    quiet = masked(folded, ((drug.start, drug.end) for drug in drugs if drug.known))
    figures = measures(text, quiet, lang)
    marks = [(m.start, f"term {m.key}") for m in terms] + [(d.start, f"drug {d.name}") for d in drugs]
    marks += [(n.start, f"number {n.values[0]:g}") for n in (*figures.numbers, *figures.hints) if n.values[0] != 1]
    marks += [(d.start, f"number {v}") for d in figures.dates for v in (*d.year, *d.month, *d.day)]
    cut = [
        alignment.Sentence(a, b, frozenset(key for at, key in marks if a <= at < b))
        for a, b in alignment.sentences(text)
    ]
    return _Side(text, folded, quiet, lang, figures, terms, marks, cut)


def _with_names(mine: _Side, theirs: _Side) -> tuple[_Side, _Side]:
    """Both sides with the names in Latin letters of the Chinese or Japanese one (Coombs, ICD) as anchors."""
    names = {match.group() for match in _NAME.finditer(mine.folded)}
    return tuple(  # pyright: ignore[reportReturnType], a pair of two
        _anchored(side, [(m.start(), f"name {m.group()}") for m in _NAME.finditer(side.folded) if m.group() in names])
        for side in (mine, theirs)
    )


def _anchored(side: _Side, more: list[tuple[int, str]]) -> _Side:
    """The side with more anchors."""
    cut = [
        replace(each, anchors=each.anchors | {key for at, key in more if each.start <= at < each.end})
        for each in side.sentences
    ]
    return replace(side, marks=[*side.marks, *more], sentences=cut)


def _ratio(mine: _Side, theirs: _Side) -> float:
    return alignment.LENGTH.get(theirs.lang, 3.2) / alignment.LENGTH.get(mine.lang, 3.2)


def _sentences(mine: _Side, theirs: _Side, beads: Sequence[alignment.Bead]) -> Iterator[Alarm]:
    if not (covered(mine.lang) and covered(theirs.lang)):
        return
    for bead in beads:
        for here, there, places, others in (
            (mine, theirs, bead.source, bead.target),
            (theirs, mine, bead.target, bead.source),
        ):
            for place in places:
                sentence = here.sentences[place]
                lacking = alignment.uncovered(sentence, there.sentences, here.sentences)
                rest = sum(here.sentences[p].end - here.sentences[p].start for p in places)
                ratio = _ratio(here, there)
                length = sum(there.sentences[p].end - there.sentences[p].start for p in others)
                alone = not others and lacking >= 0.4
                short = length / max(1.0, ratio * rest)
                known = len(sentence.anchors)
                limit = 0.78 if known > 1 else 0.7 if known else 0.66
                if here is mine and known and lacking == 1:
                    limit = 0.9 if known > 1 else 0.86
                swallowed = others and len(places) > 1 and (lacking >= 0.75 or not known) and short < limit
                shortened = (
                    len(mine.sentences) == len(theirs.sentences) == 1
                    and rest * ratio > 60
                    and length < 0.3 * ratio * rest
                    and (lacking >= 0.4 or not known)
                )
                if not (alone or swallowed or shortened):
                    continue
                shown = span(here.text, sentence.start, sentence.end)
                if here is mine:
                    yield Alarm(
                        kind="missing",
                        severity="critical",
                        source=shown,
                        target=None,
                        why="the translation has no sentence for this",
                    )
                else:
                    yield Alarm(
                        kind="added",
                        severity="major",
                        source=None,
                        target=shown,
                        why="the source has no sentence for this",
                    )


def _clauses(mine: _Side, theirs: _Side, beads: Sequence[alignment.Bead]) -> Iterator[Alarm]:
    """Parts of a sentence of which nothing is in the translation, where that is shorter than it should be."""
    if not (covered(mine.lang) and covered(theirs.lang)):
        return
    here, there = (Counter(key for _, key in side.marks) for side in (mine, theirs))
    for bead in beads:
        if not bead.source or not bead.target:
            continue
        (a, b), (c, d) = _pieces(mine, bead.source), _pieces(theirs, bead.target)
        if d - c > _SHORT * _ratio(mine, theirs) * (b - a):
            continue
        gone: list[tuple[int, int]] = []
        keys: set[str] = set()
        start, kept = a, False
        for match in [*_CLAUSE.finditer(mine.text, a, b), None]:
            end = match.start() if match else b
            held = {key for at, key in mine.marks if start <= at < end and not key.startswith("number")}
            if held and all(here[key] > there[key] for key in held):
                gone.append((start, end))
                keys |= held
            elif not held and gone and gone[-1][1] >= start - 3:
                gone[-1] = (gone[-1][0], end)  # a clause without anchors goes with the one before it
            else:
                kept = kept or bool(held)
            start = match.end() if match else b
        nowhere = any(not there[key] for key in keys - _WEAK)
        if kept and nowhere and len(keys - _WEAK) > 1 and sum(y - x for x, y in gone) > _SHARE * (b - a):
            yield Alarm(
                kind="missing",
                severity="critical",
                source=span(mine.text, gone[0][0], gone[-1][1]),
                target=span(theirs.text, c, d),
                why="the translation says nothing of this",
            )


def _drugs(mine: _Side, theirs: _Side) -> Iterator[Alarm]:
    here, there = find_drugs(mine.folded, mine.lang), find_drugs(theirs.folded, theirs.lang)
    ours, others = {d.name for d in here}, {d.name for d in there}
    lost = [
        d
        for d in {d.name: d for d in here}.values()
        if d.name not in others and (not d.known or has_name(d.name, theirs.lang))
    ]
    gained = [
        d
        for d in {d.name: d for d in there}.values()
        if d.name not in ours and (not d.known or has_name(d.name, mine.lang))
    ]
    allergy = about_allergy(mine.folded) or about_allergy(theirs.folded)
    while lost and gained:
        one, other = lost.pop(0), gained.pop(0)
        a, b = span(mine.text, one.start, one.end), span(theirs.text, other.start, other.end)
        yield Alarm(
            kind="allergy" if allergy else "drug",
            severity="critical",
            source=a,
            target=b,
            why=f"“{a.text}” became “{b.text}”",
        )
    for drug in lost:
        if drug.known:
            a = span(mine.text, drug.start, drug.end)
            yield Alarm(
                kind="allergy" if allergy else "drug",
                severity="critical",
                source=a,
                target=None,
                why=f"“{a.text}” is not in the translation",
            )
    for drug in gained:
        if drug.known or (not here and mine.lang not in IDEOGRAPHIC):
            b = span(theirs.text, drug.start, drug.end)
            yield Alarm(
                kind="allergy" if allergy else "drug",
                severity="critical",
                source=None,
                target=b,
                why=f"“{b.text}” is not in the source",
            )
    if about_allergy(mine.folded) and covered(mine.lang) and covered(theirs.lang):
        allergens = {"peanut", "seafood", "latex", "contrast", "egg", "milk", "sulfa"}
        a, b = (
            {m.key: m for m in mine.terms if m.key in allergens},
            {m.key: m for m in theirs.terms if m.key in allergens},
        )
        if (gone := sorted(a.keys() - b.keys())) and (new := sorted(b.keys() - a.keys())):
            one, other = a[gone[0]], b[new[0]]
            yield Alarm(
                kind="allergy",
                severity="critical",
                source=span(mine.text, one.start, one.end),
                target=span(theirs.text, other.start, other.end),
                why="the allergen changed",
            )


def _pieces(side: _Side, places: Sequence[int]) -> tuple[int, int]:
    return (side.sentences[places[0]].start, side.sentences[places[-1]].end) if places else (0, 0)


def _sides(mine: _Side, theirs: _Side, beads: Sequence[alignment.Bead]) -> Iterator[Alarm]:
    for bead in beads:
        if not bead.source or not bead.target:
            continue
        a, b = _pieces(mine, bead.source), _pieces(theirs, bead.target)
        here = laterality.find_sides(mine.quiet[a[0] : a[1]], mine.lang)
        there = laterality.find_sides(theirs.quiet[b[0] : b[1]], theirs.lang)
        count, other = Counter(m.key for m in here), Counter(m.key for m in there)
        for side, opposite in (("left", "right"), ("right", "left")):
            swapped = (
                count[side] > other[side] + other[f"hint_{side}"]
                and other[opposite] > count[opposite] + count[f"hint_{opposite}"]
            )
            gone = count[side] and not other[side] and not other[f"hint_{side}"] and not other["both"]
            new = other[opposite] and not count[opposite] and not count[f"hint_{opposite}"] and not count["both"]
            turned = (
                (gone or new)
                and other[opposite] > 0
                and count[side] > 0
                and ((gone and new) or count[opposite] != other[opposite])
            )
            hinted = new and count[f"hint_{side}"] and not other[side]
            moved = _moved(count, other, side, opposite)
            if not (swapped or turned or hinted or moved or (gone and other[opposite] == 0)):
                continue
            first = next(m for m in here if m.key in {side, f"hint_{side}"})
            wrong = next((m for m in there if m.key == opposite), None)
            shown = span(mine.text, a[0] + first.start, a[0] + first.end)
            theirs_shown = span(theirs.text, b[0] + wrong.start, b[0] + wrong.end) if wrong else None
            why = (
                f"“{shown.text}” became “{theirs_shown.text}”"
                if theirs_shown
                else f"“{shown.text}” is not in the translation"
            )
            yield Alarm(kind="laterality", severity="critical", source=shown, target=theirs_shown, why=why)
            break


def _moved(count: Counter[str], other: Counter[str], side: str, opposite: str) -> bool:
    """Whether one side is told less often and the other more: 左房, 左室, but left atrium, right ventricle."""

    def told(counted: Counter[str], name: str) -> int:
        return counted[name] + counted[f"hint_{name}"]

    lost, won = told(count, side) - told(other, side), told(other, opposite) - told(count, opposite)
    return lost > 0 and won > 0 and other[opposite] > 0 and count["both"] == other["both"]


def _negations(mine: _Side, theirs: _Side, beads: Sequence[alignment.Bead]) -> Iterator[Alarm]:
    for bead in beads:
        if not bead.source or not bead.target:
            continue
        a, b = _pieces(mine, bead.source), _pieces(theirs, bead.target)
        ours, others = mine.quiet[a[0] : a[1]], theirs.quiet[b[0] : b[1]]
        here, there = negation.find_negations(ours, mine.lang), negation.find_negations(others, theirs.lang)
        flipped = _flipped(mine, theirs, a, b, here, there)
        if flipped:
            yield flipped
            continue
        spare = max(0, len(there.soft) - len(here.soft))
        lacking = len(here.hard) - len(there.hard) - spare
        if lacking > 0 and here.items > there.items + spare:
            cue = here.hard[-1] if there.hard else here.hard[0]
            shown = span(mine.text, a[0] + cue.start, a[0] + cue.end)
            yield Alarm(
                kind="negation",
                severity="critical",
                source=shown,
                target=span(theirs.text, *b),
                why=f"the negation “{shown.text}” is not in the translation",
            )
            continue
        strong = next((m for m in here.soft if ours[m.start : m.end] in _STRONG), None)
        plain = [m for m in there.soft if not negation.is_neutral(others, m, theirs.lang)]
        if strong and not (here.hard or there.hard or plain):
            shown = span(mine.text, a[0] + strong.start, a[0] + strong.end)
            yield Alarm(
                kind="negation",
                severity="critical",
                source=shown,
                target=span(theirs.text, *b),
                why=f"“{shown.text}” is not in the translation",
            )
            continue
        spare = len(here.soft)
        if there.hard and not here.hard and len(there.hard) > spare:
            cue = there.hard[0]
            shown = span(theirs.text, b[0] + cue.start, b[0] + cue.end)
            yield Alarm(
                kind="negation",
                severity="critical",
                source=span(mine.text, *a),
                target=shown,
                why=f"the negation “{shown.text}” is not in the source",
            )


def _cause(mine: _Side, theirs: _Side) -> Iterator[Alarm]:
    """无明显诱因 that became "for obvious reason": the negation of a cause is so common that it counts as one word."""
    source, target = negation.UNPROVOKED.search(mine.folded), negation.PROVOKED.search(theirs.folded)
    if mine.lang == "zh" and theirs.lang == "en" and source and target:
        shown, back = span(mine.text, *source.span()), span(theirs.text, *target.span())
        why = f"the negation in “{shown.text}” is not in the translation"
        yield Alarm(kind="negation", severity="critical", source=shown, target=back, why=why)


def _flipped(
    mine: _Side,
    theirs: _Side,
    a: tuple[int, int],
    b: tuple[int, int],
    here: negation.Negations,
    there: negation.Negations,
) -> Alarm | None:
    absent = negation.implied(mine.quiet[a[0] : a[1]], mine.lang)
    gone = negation.implied(theirs.quiet[b[0] : b[1]], theirs.lang)
    ours, others = [*_findings(mine, a), *absent], [*_findings(theirs, b), *gone]
    for one in ours:
        same, mates = [m for m in others if m.key == one.key], [m for m in ours if m.key == one.key]
        if len(same) != 1 or len(mates) != 1:
            continue
        other = same[0]
        polarity = True if one in absent else negation.negated(mine.quiet[a[0] : a[1]], one, here, mine.lang)
        rendered = True if other in gone else negation.negated(theirs.quiet[b[0] : b[1]], other, there, theirs.lang)
        if polarity is None or rendered is None or polarity == rendered:
            continue
        shown, back = (
            span(mine.text, a[0] + one.start, a[0] + one.end),
            span(theirs.text, b[0] + other.start, b[0] + other.end),
        )
        words = ("negated", "affirmed") if polarity else ("affirmed", "negated")
        what = "allergy" if one.key == "allergy" else "negation"
        return Alarm(
            kind=what,
            severity="critical",
            source=shown,
            target=back,
            why=f"“{shown.text}” is {words[0]}, “{back.text}” is {words[1]}",
        )
    return None


def _findings(side: _Side, piece: tuple[int, int]) -> list[Mention]:
    """The findings and diseases of a piece of text, at their places in it."""
    start, end = piece
    return [
        Mention(m.key, m.start - start, m.end - start)
        for m in side.terms
        if start <= m.start < end and kind(m.key) in "fd"
    ]


def _opposites(mine: _Side, theirs: _Side) -> Iterator[Alarm]:
    here, there = find_opposites(mine.folded, mine.lang), find_opposites(theirs.folded, theirs.lang)
    ours, others = {m.key: m for m in here}, {m.key: m for m in there}
    for pair in opposite_pairs():
        for one, other in (pair, pair[::-1]):
            if one in ours and other not in ours and other in others and one not in others:
                a, b = ours[one], others[other]
                shown, back = span(mine.text, a.start, a.end), span(theirs.text, b.start, b.end)
                yield Alarm(
                    kind="term",
                    severity="major",
                    source=shown,
                    target=back,
                    why=f"“{shown.text}” became its opposite, “{back.text}”",
                )
