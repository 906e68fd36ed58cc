"""How much of a record's key data is found, and how much of what is found is there, by kind.

The gold records are the project's own (tools/medicine/records/key-data-*.txt), or a folder's in the same form. A fact
counts as found where an item of its kind covers the same words (or has the same name) and says the same: problems,
allergies, procedures, family and social history with their mark, medications with dose, route and times a day where
they are written, values with number and unit. Precision counts each distinct item once.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import orjson
from pydantic import BaseModel

from tools.charts.bars import Row, bars
from tools.charts.chart import Chart
from tools.errors import ConsiliaError
from tools.medicine.extraction.extraction import extract
from tools.medicine.extraction.keydata import Allergy, KeyData, Measurement, Medication

OWN: Final = Path(__file__).parents[2] / "tools" / "medicine" / "records"
_KINDS: Final = {
    "P": "problems", "M": "medications", "A": "allergies", "V": "vital signs", "L": "laboratory", "O": "procedures",
    "F": "family history", "S": "social history", "D": "dates",
}  # fmt: skip


class InvalidGold(ConsiliaError):
    """A gold record is not in the form that is read."""

    code = "invalid_evaluation_data"
    status = 422


class Fact(BaseModel):
    """A line of gold: its kind and its fields."""

    kind: str
    words: str
    fields: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        return self.fields[0] if self.fields else ""


class Gold(BaseModel):
    """A record with all its facts."""

    lang: str
    kind: str
    text: str
    facts: list[Fact]


class KindScore(BaseModel):
    """precision, recall, f1: 0 to 1. gold: facts; found: facts found; items: distinct items that were read."""

    gold: int
    found: int
    items: int
    right: int
    precision: float
    recall: float
    f1: float


class Scores(BaseModel):
    """By kind and over all (micro); named: the same with the item's words alone, whatever is said of it."""

    records: int
    overall: KindScore
    kinds: dict[str, KindScore]
    languages: dict[str, KindScore]
    named: KindScore
    missed: list[tuple[str, str, str]]
    needless: list[tuple[str, str, str]]


def load(folder: Path | None = None, name: str = "key-data-*.txt") -> list[Gold]:
    """The gold records of a folder. Raises InvalidGold."""
    folder = folder or OWN
    records: list[Gold] = []
    for path in sorted(folder.glob(name)):
        body = re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
        for number, part in enumerate(body, start=1):
            head, _, rest = part.partition("\n")
            text, mark, facts = rest.partition("\n---\n")
            if not mark:
                raise InvalidGold(f"{path}, record {number} ({head}): a line --- and the facts are missing")
            lang, _, kind = head.partition(" ")
            lines = [line for line in facts.splitlines() if line.strip()]
            records.append(Gold(lang=lang, kind=kind, text=text, facts=[_fact(line, path, number) for line in lines]))
    if not records:
        raise InvalidGold(f"{folder}: no {name} with gold records")
    return records


def _fact(line: str, path: Path, number: int) -> Fact:
    letter, _, rest = line.partition(" ")
    if letter not in _KINDS or not rest:
        raise InvalidGold(f"{path}, record {number}: {line!r} does not begin with one of {', '.join(_KINDS)}")
    match letter:
        case "M":
            words, *fields = (field.strip() for field in rest.split("|"))
            return Fact(kind=_KINDS[letter], words=words, fields=tuple(fields))
        case "V" | "D":
            words, _, value = rest.partition(" ")
            return Fact(kind=_KINDS[letter], words=words, fields=(value,))
        case "L":
            words, value, unit = rest.split(" ", 2)
            return Fact(kind=_KINDS[letter], words=words, fields=(value, unit))
        case _:
            words, _, mark = rest.rpartition(" ")
            return Fact(kind=_KINDS[letter], words=words, fields=(mark,))


class _Read(BaseModel):
    """An item that was read: where, what identifies it, and what it says, to be compared with a fact."""

    start: int
    end: int
    words: tuple[str, ...]
    name: str
    says: tuple[str, ...]


def _items(data: KeyData) -> Iterator[tuple[str, _Read]]:
    for each in data.problems:
        yield (
            "problems",
            _Read(
                start=each.start, end=each.end, words=(each.quote,), name=each.concept or each.quote, says=(each.mark,)
            ),
        )
    for each in data.family_history:
        yield (
            "family history",
            _Read(
                start=each.start,
                end=each.end,
                words=(each.quote,),
                name=each.concept or each.quote,
                says=(each.presence,),
            ),
        )
    for each in data.medications:
        yield (
            "medications",
            _Read(
                start=each.start,
                end=each.end,
                words=(each.quote,),
                name=each.drug or each.quote,
                says=_medication(each),
            ),
        )
    for each in data.allergies:
        yield (
            "allergies",
            _Read(
                start=each.start,
                end=each.end,
                words=(each.substance or "-",),
                name=each.substance or "-",
                says=_allergy(each),
            ),
        )
    for each in data.vital_signs:
        yield (
            "vital signs",
            _Read(start=each.start, end=each.end, words=(each.name,), name=each.name, says=(_value(each),)),
        )
    for each in data.laboratory:
        unit = (each.amount.ucum or "-") if each.amount else "-"
        yield (
            "laboratory",
            _Read(start=each.start, end=each.end, words=(each.name,), name=each.name, says=(_value(each), unit)),
        )
    for each in data.procedures:
        says = "planned" if each.planned else each.mark
        yield (
            "procedures",
            _Read(start=each.start, end=each.end, words=(each.quote,), name=each.name or each.quote, says=(says,)),
        )
    for each in data.social_history:
        yield (
            "social history",
            _Read(start=each.start, end=each.end, words=(each.kind,), name=each.kind, says=(each.mark,)),
        )
    for each in data.dates:
        yield (
            "dates",
            _Read(
                start=each.start, end=each.end, words=(each.iso or each.quote,), name=each.iso or each.quote, says=("",)
            ),
        )


def _medication(each: Medication) -> tuple[str, ...]:
    dose = f"{each.dose.value:g} {each.dose.ucum or '-'}" if each.dose else "-"
    often = f"{each.frequency.per_day:g}" if each.frequency and each.frequency.per_day else "-"
    return dose, each.route or "-", often


def _allergy(each: Allergy) -> tuple[str, ...]:
    return (each.presence,)


def _value(each: Measurement) -> str:
    if each.amount is None:
        return each.text or ""
    return f"{each.amount.value:g}" + (f"/{each.second.value:g}" if each.second else "")


def _same_words(fact: Fact, item: _Read) -> bool:
    if fact.kind in {"vital signs", "laboratory", "social history", "dates"} or fact.words == "-":
        return fact.words in item.words
    a = fact.words.lower()
    return any(a in b or b in a for b in (words.lower() for words in item.words))


def _same(fact: Fact, item: _Read) -> bool:
    match fact.kind:
        case "dates":
            return True
        case "medications":
            pairs = zip(fact.fields, item.says, strict=False)
            return all(
                gold == read or (gold == "-" and at == 1) or (at == 2 and gold == "-")
                for at, (gold, read) in enumerate(pairs)
            ) or (
                fact.fields[0].endswith(" -")
                and fact.fields[0].split()[0] == item.says[0].split()[0]
                and fact.fields[2] in {"-", item.says[2]}
            )
        case "vital signs":
            return _number(fact.fields[0]) == _number(item.says[0])
        case "laboratory":
            return _number(fact.fields[0]) == _number(item.says[0]) and fact.fields[1] == item.says[1]
        case _:
            return fact.mark == item.says[0]


def _number(text: str) -> str:
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.lower()


def evaluate(records: Sequence[Gold] | None = None) -> Scores:
    """Extract every record and compare."""
    records = load() if records is None else records
    strict: dict[str, Counter[str]] = {}
    languages: dict[str, Counter[str]] = {}
    named: Counter[str] = Counter()
    missed: list[tuple[str, str, str]] = []
    needless: list[tuple[str, str, str]] = []
    for record in records:
        items: dict[str, dict[tuple[str, ...], _Read]] = {}
        for kind, item in _items(extract(record.text)):
            read_so_far = items.setdefault(kind, {})
            known = read_so_far.get((item.name, *item.says))
            words = (*known.words, *item.words) if known else item.words
            read_so_far[(item.name, *item.says)] = item.model_copy(update={"words": words})
        for kind in _KINDS.values():
            facts = [fact for fact in record.facts if fact.kind == kind]
            read = list(items.get(kind, {}).values())
            counts = _matched(facts, read, _both)
            loose = _matched(facts, read, _same_words)
            for counter in (strict.setdefault(kind, Counter()), languages.setdefault(record.lang, Counter())):
                counter.update(gold=len(facts), found=len(counts[0]), items=len(read), right=len(counts[1]))
            named.update(gold=len(facts), found=len(loose[0]), items=len(read), right=len(loose[1]))
            place = f"{record.lang} {record.kind}"
            missed += [
                (place, kind, " | ".join((f.words, *f.fields))) for at, f in enumerate(facts) if at not in counts[0]
            ]
            needless += [
                (place, kind, " | ".join((i.words[0], *i.says))) for at, i in enumerate(read) if at not in counts[1]
            ]
    return Scores(
        records=len(records),
        overall=_score(sum(strict.values(), Counter[str]())),
        kinds={kind: _score(counter) for kind, counter in strict.items()},
        languages={lang: _score(counter) for lang, counter in languages.items()},
        named=_score(named),
        missed=missed,
        needless=needless,
    )


def _both(fact: Fact, item: _Read) -> bool:
    return _same_words(fact, item) and _same(fact, item)


def _matched(facts: list[Fact], read: list[_Read], same: Callable[[Fact, _Read], bool]) -> tuple[set[int], set[int]]:
    """Facts that some item tells, and items that tell some fact."""
    pairs = [(a, b) for a, fact in enumerate(facts) for b, item in enumerate(read) if same(fact, item)]
    return {a for a, _ in pairs}, {b for _, b in pairs}


def _score(counts: "Counter[str]") -> KindScore:
    precision = counts["right"] / counts["items"] if counts["items"] else 0.0
    recall = counts["found"] / counts["gold"] if counts["gold"] else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return KindScore(
        gold=counts["gold"], found=counts["found"], items=counts["items"], right=counts["right"],
        precision=precision, recall=recall, f1=f1,
    )  # fmt: skip


def write(scores: Scores, folder: Path) -> Scores:
    """Write scores.json and the plot (scores.svg) into the folder; the scores again."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scores.json").write_bytes(orjson.dumps(scores.model_dump(), option=orjson.OPT_INDENT_2))
    (folder / "scores.svg").write_text(_plot(scores).svg() + "\n", encoding="utf-8")
    return scores


def _plot(scores: Scores) -> Chart:
    rows = [*scores.kinds.items(), *scores.languages.items()]
    return bars(
        "Key data found in records",
        [Row(f"{name} ({score.gold})", [score.precision, score.recall]) for name, score in rows],
        ["precision", "recall"],
        description=f"{scores.records} records: F1 {scores.overall.f1:.3f}, by the words alone {scores.named.f1:.3f}.",
        value="{:.3f}".format,
        highest=1,
        name="kind of fact or language",
    )
