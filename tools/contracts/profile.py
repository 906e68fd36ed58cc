"""What a contract is, read from the passages already found: kind, parties with their aliases, dates, governing law."""

import re
from collections.abc import Sequence
from datetime import date

from tools.contracts.chinese.facts import ALIASED, DATE, LABELLED, ROLES
from tools.contracts.contract import Party, Passage, Profile
from tools.contracts.sentences import ContractText

# The first kind whose words the title shows wins; else the kind whose words the opening shows most.
_KINDS: tuple[tuple[str, str], ...] = (
    ("nda", r"non-?\s?disclosure|confidentiality agreement|secrecy|\bnda\b|保密协议|保密合同|保密協議"),
    ("franchise", r"franchis|特许经营|加盟"),
    ("joint_venture", r"joint venture|shareholders'? agreement|合资|合营|股东协议"),
    ("employment", r"employment|executive agreement|劳动合同|聘用|雇佣|劳务合同|勞動合同"),
    ("lease", r"\blease\b|tenancy|租赁|租房|租賃"),
    ("loan", r"\bloan\b|credit agreement|promissory|facility agreement|借款|贷款|借貸"),
    ("distribution", r"distribut(?:or|ion)|resell|dealer|经销|分销|經銷"),
    ("agency", r"\bagency\b|sales representative|commission agent|代理"),
    ("licence", r"licen[sc]e|许可|授权|許可"),
    ("supply", r"supply|purchase|\bsale\b|manufactur|procurement|采购|买卖|购销|供货|供应|加工|承揽|採購|買賣"),
    (
        "services",
        r"services?\b|consult|maintenance|outsourc|hosting|professional|master agreement"
        r"|服务|委托|咨询|外包|运维|开发|服務",
    ),
)
_ROLE = re.compile(
    r"\b(supplier|vendor|seller|service provider|provider|contractor|consultant|licensor|licensee|landlord|lessor"
    r"|tenant|lessee"
    r"|buyer|purchaser|customer|client|distributor|reseller|manufacturer|franchisor|franchisee|employer|employee"
    r"|executive|lender"
    r"|borrower|agent|principal|guarantor|sponsor|discloser|recipient|disclosing party|receiving party|publisher"
    r"|company)\b",
    re.IGNORECASE,
)
_ALIAS_AFTER = re.compile(r"\((?:[^()\"“”]{0,80})[\"“](?:the\s+)?([A-Z][^\"“”()]{0,40}?)[,.]?[\"”]")
_OPENED_BY_QUOTE = re.compile(r"\([^()]{0,120}[\"“](?:the\s+)?$", re.IGNORECASE)
_NO_ALIAS = re.compile(r"agreement|contract|date|part(?:y|ies)\b|amendment|term\b", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WRITTEN = re.compile(
    r"(?P<month>[A-Za-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:s\s?t|n\s?d|r\s?d|t\s?h)?\s*,?\s+(?P<year>\d{4})"
    r"|(?P<day2>\d{1,2})\s?(?:s\s?t|n\s?d|r\s?d|t\s?h)?\s+(?:day\s+of\s+)?(?P<month2>[A-Za-z]{3,9})\.?\s*,?\s+(?P<year2>\d{4})",
    re.IGNORECASE,
)
_HAN = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0, "Ｏ": 0}
_NUMBER = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|eighteen|twenty|thirty)"
_DURATION = re.compile(
    rf"(?:{_NUMBER}\s+)?\(?\b\d{{1,3}}\)?[\s-]+(?:years?|months?)|{_NUMBER}[\s-]+(?:years?|months?)"
    r"|[\d一二两三四五六七八九十]+\s*(?:[（(]\d+[）)])?\s*(?:个月|年)",
    re.IGNORECASE,
)
_ENDS_ON = re.compile(r"until|through|expir|\bend(?:s|ing)?\b|\bto\b|terminat|至|到|止", re.IGNORECASE)
_LONGEST_PRINTED = 120  # characters; a longer passage describes an event, which is for the passage to show
_LAW = (
    re.compile(
        r"\blaws?\s+of\s+(?:the\s+)?(?P<place>(?:(?:State|Commonwealth|Province|Republic|Kingdom|People's Republic"
        r"|Federal Republic|District)\s+of\s+)?"
        r"[A-Z][\w.'’-]*(?:\s+(?:[A-Z][\w.'’-]*|of(?=\s+[A-Z])|and(?=\s+Wales|\s+Northern)))*)"
    ),
    re.compile(
        r"(?P<place>(?:New York|English|Delaware|California|Texas|German|French|Swiss|Irish|Scots|Singapore|Hong Kong"
        r"|Japanese|Swedish))\s+laws?\b"
    ),
    re.compile(
        r"(?:适用|受|依据|適用|按照|依照)[^。；]{0,8}?(?P<place>中华人民共和国(?:香港特别行政区|澳门特别行政区)?|中華人民共和國|香港(?:特别行政区|特別行政區)?|澳门|中国(?:大陆"
        r"|内地)?|中國"
        r"|台湾(?:地区)?|英格兰(?:及|和|与)威尔士|英格兰|英国|新加坡|美国[一-鿿]{0,6}州|纽约州|[一-鿿]{2,6}国)[^。；]{0,12}?法"
    ),
)


def profile(contract: ContractText, facts: Sequence[Passage], found: Sequence[Passage]) -> Profile:
    """The profile of a contract. facts: what `find_facts` found; found: what `find_clauses` found."""
    text = contract.text
    names = _of("document_name", facts)
    title = " ".join(names[0].quote.split()) if names else None
    laws = _of("governing_law", found)
    agreement, effective, expiry = (
        _of(kind, facts) for kind in ("agreement_date", "effective_date", "expiration_date")
    )
    return Profile(
        title=title,
        kind=_kind(title or "", text[:4_000]),
        parties=_chinese_parties(text, facts) if contract.language == "zh" else _english_parties(text, facts),
        agreement_date=_day(agreement[0].quote) if agreement else None,
        effective_date=_day(effective[0].quote) if effective else None,
        expiration_date=_until(expiry[0].quote) if expiry else None,
        governing_law=next((law for passage in laws if (law := _law(passage.quote))), None),
        passages=tuple(sorted((*facts, *laws), key=lambda passage: (passage.start, passage.end, passage.category))),
    )


def iso(printed: str) -> str | None:
    """ISO 8601 of a full date ("March 1, 2025", "1st day of March, 2025", "二〇二五年三月一日"); or None."""
    written = _WRITTEN.search(printed)
    if written:
        name = (written["month"] or written["month2"]).lower()[:3]
        month = _MONTHS.index(name) + 1 if name in _MONTHS else 0
        return _calendar(int(written["year"] or written["year2"]), month, int(written["day"] or written["day2"]))
    numbers = re.search(r"(\d{4})\s*[年\-./]\s*(\d{1,2})\s*[月\-./]\s*(\d{1,2})", printed)
    if numbers:
        return _calendar(*map(int, numbers.groups()))
    american = re.fullmatch(r"\s*(\d{1,2})/(\d{1,2})/(\d{4})\s*", printed)
    if american:
        return _calendar(int(american[3]), int(american[1]), int(american[2]))
    han = re.search(
        r"([零〇○Ｏ一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月([一二三四五六七八九十]{1,3})日", printed
    )
    if han:
        year = int("".join(str(_HAN[digit]) for digit in han[1]))
        return _calendar(year, _below_hundred(han[2]), _below_hundred(han[3]))
    return None


def _calendar(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:  # "February 30" and the like: not a day, so it stays as printed
        return None


def _below_hundred(han: str) -> int:
    tens, ten, units = han.rpartition("十")
    return (_HAN.get(tens, 1) * 10 if ten else 0) + (_HAN[units] if units else 0)


def _of(category: str, passages: Sequence[Passage]) -> list[Passage]:
    return [passage for passage in passages if passage.category == category]


def _day(printed: str) -> str | None:
    plain = " ".join(printed.split())
    return iso(printed) or (plain if len(plain) <= _LONGEST_PRINTED else None)


def _until(sentence: str) -> str | None:
    """The last full date up to which the sentence on the term runs, else its length of time as printed."""
    ends = [
        match.group()
        for match in (*_WRITTEN.finditer(sentence), *DATE.finditer(sentence))
        if _ENDS_ON.search(sentence[max(0, match.start() - 40) : match.start()])
    ]
    full = [day for printed in ends if (day := iso(printed))]
    if full:
        return max(full)
    duration = _DURATION.search(sentence)
    return " ".join(duration.group().split()) if duration else None


def _law(sentence: str) -> str | None:
    for pattern in _LAW:
        match = pattern.search(sentence)
        if match:
            return " ".join(match["place"].split()).rstrip(".,")
    return None


def _kind(title: str, opening: str) -> str:
    for kind, words in _KINDS:
        if re.search(words, title, re.IGNORECASE):
            return kind
    counts = {kind: len(re.findall(words, opening, re.IGNORECASE)) for kind, words in _KINDS}
    best = max(counts, key=lambda kind: counts[kind])
    return best if counts[best] >= 3 else "other"


def _english_parties(text: str, facts: Sequence[Passage]) -> tuple[Party, ...]:
    """Names in order, each with the alias in brackets after it. Names without one are left out if two have."""
    passages = _of("parties", facts)
    aliases = {p.start for p in passages if _OPENED_BY_QUOTE.search(text[max(0, p.start - 130) : p.start])}
    names = [passage for passage in passages if passage.start not in aliases]
    parties: list[Party] = []
    for index, name in enumerate(names):
        stop = names[index + 1].start if index + 1 < len(names) else name.end + 500
        alias = _alias(text[name.end : min(stop, name.end + 500)])
        role = _ROLE.search(alias) if alias else None
        parties.append(
            Party(
                name=" ".join(name.quote.split()),
                alias=alias,
                role=role.group().lower() if role else None,
                start=name.start,
                end=name.end,
            )
        )
    called = [party for party in parties if party.alias]
    return tuple(called if len(called) >= 2 else parties[:4])


def _alias(after: str) -> str | None:
    for match in _ALIAS_AFTER.finditer(after):
        if not _NO_ALIAS.search(match[1]):
            return " ".join(match[1].split())
    return None


def _chinese_parties(text: str, facts: Sequence[Passage]) -> tuple[Party, ...]:
    """Names in order with their label (甲方), and the role in brackets beside it (采购方)."""
    labelled = {match.start("name"): match for match in LABELLED.finditer(text)}
    aliased = {match.start("name"): match for match in ALIASED.finditer(text)}
    parties: list[Party] = []
    for passage in _of("parties", facts):
        label, called = labelled.get(passage.start), aliased.get(passage.start)
        alias = called["alias"] if called else label["label"] if label else None
        beside = label["role"] if label else None
        words = [word for word in (beside, label["label"] if label else None, alias) if word]
        role = next((match.group() for word in words if (match := re.search(ROLES, word))), None)
        parties.append(Party(name=passage.quote, alias=alias, role=role, start=passage.start, end=passage.end))
    return tuple(parties)
