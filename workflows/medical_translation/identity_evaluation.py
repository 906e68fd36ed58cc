"""How much of who somebody is de-identification hides, and how much else it hides, on records with planted identities.

The records are the project's own (tools/medicine/records/identities.txt); their slots are filled by a seeded generator.
Recall: identities of which every letter and digit was hidden, of all that were planted. Precision: hidden pieces that
touch a planted identity, of all hidden pieces. Who wrote the rules wrote the records too: expect less on others.
"""

# ruff: noqa: E501

import re
from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

from pydantic import BaseModel

from tools.medicine.identity.deidentification import deidentify
from tools.medicine.identity.mapping import Kind, Options
from tools.medicine.identity.numbers import valid_dni, valid_id_card
from tools.medicine.lexicon import vocabulary, words

RECORDS: Final = Path(__file__).parents[2] / "tools" / "medicine" / "records" / "identities.txt"

_GIVEN_HAN: Final = [
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "勇",
    "艳",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀英",
    "建国",
    "志强",
    "淑兰",
    "子涵",
    "雨桐",
    "浩然",
    "桂英",
    "玉梅",
    "海燕",
    "晓东",
    "国栋",
    "欣怡",
    "一鸣",
    "春花",
]
_LATIN: Final = {
    "en": (
        ["Walter", "Denise", "Gregory", "Amina", "Thomas", "Priya", "Harold", "Shauna", "Kevin", "Ruth"],
        ["Whitfield", "Okafor", "Brown", "Kowalski", "O'Brien", "Ramirez", "Young", "Nguyen", "Hargreaves", "Patel"],
    ),
    "es": (
        ["Lucía", "Javier", "Carmen", "Alonso", "Rocío", "Tomás"],
        ["García López", "Fernández Ruiz", "Iglesias", "Navarro Gil", "Ortega"],
    ),
    "fr": (
        ["Camille", "Étienne", "Solène", "Bernard", "Aurélie"],
        ["Lefèvre", "Moreau", "Dubois", "Girard", "Le Goff"],
    ),
    "de": (
        ["Jürgen", "Annelore", "Matthias", "Ulrike", "Björn"],
        ["Schäfer", "Krüger", "von Hagen", "Lindner", "Weiß"],
    ),
}
_JAPANESE: Final = (["太郎", "花子", "健一", "美咲", "翔太", "恵子"], ["佐藤", "鈴木", "高橋", "田中", "渡辺", "小林"])
_CITIES: Final = {
    "zh": ["江苏省南京市", "浙江省温州市", "四川省成都市武侯区", "河北省邢台市"],
    "en": ["Springfield, IL 62704", "Dayton, OH 45402"],
}
_ADDRESSES: Final = {
    "zh": ["江苏省南京市鼓楼区中山路12号3栋501室", "北京市朝阳区望京街道花家地西里7号楼2单元303", "湖南省长沙县星沙镇松雅社区4组", "广州市天河区体育西路189号城建大厦12楼", "河南省南阳市方城县清河镇李庄村"],
    "en": ["42 Oak Street, Springfield, IL 62704", "1180 N. Maple Avenue, Apt 4B, Dayton, OH 45402", "7 Church Lane, Bristol BS1 4DJ", "905 West Elm Rd"],
    "es": ["Calle Mayor 12, 28013 Madrid", "Avda. de América 45, 3º B, 41009 Sevilla"],
    "fr": ["12 rue des Lilas, 75011 Paris", "8 avenue Jean Jaurès, 69007 Lyon"],
    "de": ["Hauptstraße 5, 80331 München", "Am Lindenweg 14, 10115 Berlin"],
    "ja": ["東京都新宿区西新宿2-8-1", "大阪府吹田市山田丘3-2-15"],
}  # fmt: skip
_HOSPITALS: Final = {
    "zh": ["南京市第一医院", "复旦大学附属华山医院", "温州医科大学附属第二医院", "青羊区社区卫生服务中心"],
    "en": ["St. Mary Hospital", "Riverside Medical Center", "Hillcrest Clinic"],
    "es": ["Hospital General de Móstoles", "Hospital Virgen del Rocío"],
    "fr": ["Hôpital Saint-Louis", "CHU de Rennes"],
    "de": ["Klinikum Stuttgart", "St. Josef Krankenhaus"],
    "ja": ["虎の門病院", "大阪大学医学部附属病院"],
}  # fmt: skip
_PHONES: Final = {
    "zh": ["138{4}{4}", "159-{4}-{4}", "025-8{3}{4}", "+86 186 {4} {4}"], "en": ["(217) 555-{4}", "617-555-{4}", "+44 20 7946 {4}"],
    "es": ["6{2} {3} {3}", "91 {3} {2} {2}"], "fr": ["06 {2} {2} {2} {2}", "+33 1 {2} {2} {2} {2}"],
    "de": ["089 {4}{3}", "+49 30 {4}{4}"], "ja": ["03-{4}-{4}", "090-{4}-{4}"],
}  # fmt: skip
_KINDS: Final[dict[str, Kind]] = {
    "id": "identifier", "mrn": "identifier", "mrn2": "identifier", "insurance": "identifier", "ssn": "identifier", "bed": "identifier",
    "plate": "identifier", "dni": "identifier", "nir": "identifier", "kvnr": "identifier", "phone": "telephone", "phone2": "telephone",
    "email": "email", "address": "address", "city": "address", "employer": "address", "hospital": "facility", "dob": "birth_date",
    "old": "age",
}  # fmt: skip


class Planted(BaseModel):
    """An identity in a record, text[start:end]."""

    kind: Kind
    slot: str
    start: int
    end: int


class Record(BaseModel):
    """A record with the identities that were planted in it."""

    lang: str
    text: str
    planted: list[Planted]


class KindScore(BaseModel):
    """recall: 0 to 1."""

    planted: int
    hidden: int
    recall: float


class Scores(BaseModel):
    """All figures 0 to 1. leaked: what was not hidden, with its slot; needless: what was hidden for nothing."""

    records: int
    seed: int
    recall: float
    precision: float
    kinds: dict[str, KindScore]
    languages: dict[str, KindScore]
    leaked: list[tuple[str, str, str]]
    needless: list[tuple[str, str]]


def records(seed: int = 1, copies: int = 2) -> list[Record]:
    """The records, each filled `copies` times with other people."""
    random = Random(seed)  # noqa: S311
    templates = re.split(r"^=== (\w\w)\n", RECORDS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    pairs = list(zip(templates[::2], templates[1::2], strict=True))
    return [_filled(lang, template.strip(), random) for _ in range(copies) for lang, template in pairs]


def evaluate(seed: int = 1, copies: int = 2) -> Scores:
    """De-identify every record and compare with what was planted."""
    planted, hidden, by_language, hidden_in = (Counter[str]() for _ in range(4))
    leaked: list[tuple[str, str, str]] = []
    needless: list[tuple[str, str]] = []
    pieces = 0
    made = records(seed, copies)
    for record in made:
        spans = hidden_spans(record.text)
        covered = {at for start, end in spans for at in range(start, end)}
        for each in record.planted:
            planted[each.kind] += 1
            by_language[record.lang] += 1
            written = record.text[each.start : each.end]
            if all(at in covered or not record.text[at].isalnum() for at in range(each.start, each.end)):
                hidden[each.kind] += 1
                hidden_in[record.lang] += 1
            else:
                leaked.append((record.lang, each.slot, written))
        pieces += len(spans)
        for start, end in spans:
            if not any(start < each.end and each.start < end for each in record.planted):
                needless.append((record.lang, record.text[max(0, start - 12) : end]))
    return Scores(
        records=len(made),
        seed=seed,
        recall=hidden.total() / planted.total(),
        precision=1 - len(needless) / max(1, pieces),
        kinds={kind: _score(planted[kind], hidden[kind]) for kind in sorted(planted)},
        languages={lang: _score(by_language[lang], hidden_in[lang]) for lang in by_language},
        leaked=leaked,
        needless=needless,
    )


def hidden_spans(text: str) -> list[tuple[int, int]]:
    """Where in the text something was hidden, by walking through the placeholders."""
    done = deidentify(text, Options())
    words_of = {each.placeholder: each.text for each in done.mapping.identities}
    spans: list[tuple[int, int]] = []
    at = 0
    for piece in re.split(r"(⟦[^⟧]+⟧)", done.text):
        size = len(words_of.get(piece, piece))
        if piece in words_of:
            spans.append((at, at + size))
        at += size
    return spans


def _score(planted: int, hidden: int) -> KindScore:
    return KindScore(planted=planted, hidden=hidden, recall=hidden / max(1, planted))


def _filled(lang: str, template: str, random: Random) -> Record:
    people = {slot: _person(lang, random) for slot in ("name", "name2", "doctor", "doctor2", "doctor3")}
    text, planted, at = "", list[Planted](), 0
    for match in re.finditer(r"\{(\w+)\}", template):
        text += template[at : match.start()]
        slot = match.group(1)
        value = _value(slot, lang, people, random)
        if slot not in {"age", "title"}:
            planted.append(
                Planted(kind=_KINDS.get(slot, "person"), slot=slot, start=len(text), end=len(text) + len(value))
            )
        text += value
        at = match.end()
    return Record(lang=lang, text=text + template[at:], planted=planted)


def _person(lang: str, random: Random) -> tuple[str, str]:
    """(given name, surname)."""
    if lang == "zh":
        return random.choice(_GIVEN_HAN), random.choice(words(vocabulary("identity")["surnames"]["zh"])[:160])
    given, surnames = _JAPANESE if lang == "ja" else _LATIN[lang]
    return random.choice(given), random.choice(surnames)


def _value(slot: str, lang: str, people: dict[str, tuple[str, str]], random: Random) -> str:
    match slot:
        case "name" | "name2" | "doctor" | "doctor2" | "doctor3":
            given, surname = people[slot]
            return surname + given if lang in {"zh", "ja"} else f"{given} {surname}"
        case "surname" | "doctorsurname":
            return people["name" if slot == "surname" else "doctor"][1]
        case "firstname":
            return people["name"][0]
        case "name_last_first":
            return f"{people['name'][1].upper()}, {people['name'][0]}"
        case "title":
            return {"en": "Mr.", "es": "La Sra.", "fr": "M.", "de": "Herr"}[lang]
        case "age":
            return str(random.randint(19, 88))
        case "old":
            return str(random.randint(90, 101))
        case "dob":
            return _birth(lang, random)
        case "address":
            return random.choice(_ADDRESSES[lang])
        case "city":
            return random.choice(_CITIES[lang])
        case "employer":
            return "市第三纺织厂"
        case "hospital":
            return random.choice(_HOSPITALS[lang])
        case "phone" | "phone2":
            return _digits(random.choice(_PHONES[lang]), random)
        case _:
            return _number(slot, random)


def _digits(form: str, random: Random) -> str:
    return re.sub(r"\{(\d)\}", lambda m: "".join(random.choice("123456789") for _ in range(int(m[1]))), form)


def _birth(lang: str, random: Random) -> str:
    year, month, day = random.randint(1935, 2003), random.randint(1, 12), random.randint(1, 28)
    forms = {
        "zh": f"{year}年{month}月{day}日",
        "en": f"{month:02d}/{day:02d}/{year}",
        "ja": f"{year}年{month}月{day}日",
    }
    return forms.get(lang, f"{day:02d}.{month:02d}.{year}" if lang == "de" else f"{day:02d}/{month:02d}/{year}")


def _number(slot: str, random: Random) -> str:
    match slot:
        case "id":
            body = f"{random.randint(110101, 650000)}{random.randint(1940, 2003)}{random.randint(1, 12):02d}{random.randint(1, 28):02d}{random.randint(0, 999):03d}"
            return next(body + check for check in "0123456789X" if valid_id_card(body + check))
        case "dni":
            body = f"{random.randint(10_000_000, 99_999_999)}"
            return next(body + letter for letter in "TRWAGMYFPDXBNJZSQVHLCKE" if valid_dni(body + letter))
        case "nir":
            return f"{random.randint(1, 2)} {random.randint(40, 99)} {random.randint(1, 12):02d} 75 {random.randint(100, 999)} {random.randint(100, 999)} {random.randint(10, 97)}"
        case "kvnr":
            return f"{random.choice('ABCDEFGHK')}{random.randint(100_000_000, 999_999_999)}"
        case "ssn":
            return _digits("{3}-{2}-{4}", random)
        case "bed":
            return str(random.randint(1, 60))
        case "plate":
            return "苏A" + _digits("{5}", random)
        case "email":
            return f"w{random.randint(10, 99)}.zhao@example.com"
        case "insurance":
            return _digits("{4}{3}{3}", random)
        case _:
            return random.choice(["", "ZY", "A"]) + _digits("{4}{4}", random)
