"""The facts of a Chinese contract: its name, parties, the day it was made, and from when until when it runs.

Chinese contracts put them at the head (首部): the title on a line, "甲方（采购方）：…" for each party, "签订日期：…".
"""

import re
from collections.abc import Iterator

from tools.contracts.contract import Passage
from tools.contracts.sentences import ContractText

_OPENING = 6_000  # characters of the head, in which the parties stand

_HAN_DIGIT = "〇○零Ｏ一二三四五六七八九十"
DATE = re.compile(
    r"\d{4}\s*年\s*\d{1,2}\s*月\s*\d{1,2}\s*日|\d{4}[-./]\d{1,2}[-./]\d{1,2}"
    rf"|[{_HAN_DIGIT}]{{4}}年[{_HAN_DIGIT}]{{1,3}}月[{_HAN_DIGIT}]{{1,3}}日"
)
ROLES = (
    r"(?:委托|受托|采购|供应|供货|出租|承租|转租|许可|被许可|转让|受让|发包|承包|分包|承揽|定作|出卖|买受|购买|销售|服务|需|供|买|卖|買|賣"
    r"|披露|接收|接受|授权|被授权|特许|被特许|加盟|代理|经销|借款|贷款|出借|担保|保证|投资|合作|用工|聘用|受聘|运营|开发|建设|施工|监理)(?:方|人|商|单位)"
)
_LABEL = rf"(?:[甲乙丙丁戊己]方|{ROLES}|用人单位|劳动者|房东|租客|客户|服务商|供应商|员工)"
_NAME = r"(?P<name>[^\s：:，,。；;（(_＿【|][^\n\t：:，,。；;_＿|]{1,48}?)"
_NAME_END = (
    r"(?=[ \t]{2,}|　|\t|\n|$|[，,。；;|]|[（(](?:以下|下称|简称|统一|身份证|住所|地址)"
    r"|\s+(?:住所|地址|法定代表人|统一社会信用代码|身份证|联系))"
)
LABELLED = re.compile(
    rf"(?:^|(?<=[\s　|>*]))(?P<label>{_LABEL})\s*"
    rf"(?:[（(](?P<role>[^）)\n]{{1,16}})[）)])?\s*\**\s*[：:]\s*\**\s*{_NAME}{_NAME_END}",
    re.MULTILINE,
)
ALIASED = re.compile(
    r"(?P<name>[一-鿿A-Za-z][一-鿿A-Za-z0-9·（）()&.]{3,40}?)\s*[（(][^（）()\n]{0,40}?(?:以下|下文|下)?(?:统|合)?(?:简称|簡稱|称|稱)(?:为|為)?"
    r"\s*[“\"「『'](?P<alias>[^”\"」』']{1,16})[”\"」』'][^（）()\n]{0,20}[）)]"
)
_TITLE = re.compile(
    r"^[ \t　#*]*(?P<title>[^\s。；：:，,|*][^\n。；：:，,|*]{0,38}?(?:合同|协议|協議|合約|契约|备忘录|意向书|承诺书)"
    r"书?(?:[（(][^）)\n]{1,20}[）)])?)[ \t　*]*$",
    re.MULTILINE,
)
_MENTIONED = re.compile(r"(?:本|签订|订立|达成)?《(?P<title>[^》\n]{2,40}(?:合同|协议|協議|合約)书?)》")
_SIGNED = re.compile(rf"(?:签订|签署|签约|订立|簽訂|簽署|合同)(?:日期|时间|日|時間)\s*[：:]\s*(?P<date>{DATE.pattern})")
_MADE = re.compile(rf"于\s*(?P<date>{DATE.pattern})[^。；\n]{{0,40}}?(?:签订|签署|订立|达成|簽訂|簽署)")
_DATED = re.compile(rf"^[^\n]{{0,30}}(?:日期|日\s*期)\s*[：:]\s*(?P<date>{DATE.pattern})", re.MULTILINE)
_EFFECTIVE_DAY = re.compile(
    rf"(?:生效(?:日期|日|时间)\s*(?:为|是)?\s*[：:]?\s*(?P<named>{DATE.pattern})|自\s*(?P<since>{DATE.pattern})\s*(?:之日)?起"
    r"(?:正式)?生效)"
)
_TAKES_EFFECT = re.compile(
    r"(?:本合同|本协议|合同|协议|本合約|本協議)[^。；\n]{0,40}(?:签字|盖章|签署|签订|批准|签章|簽署|簽訂)[^。；\n]{0,25}生效"
)
_RUNS = re.compile(
    rf"(?:(?:合同|协议|合作|服务|租赁|许可|授权|代理|聘用|劳动合同|本合同|本协议|約|議)?(?:有效期|期限|租期)[^。；\n]{{0,40}}?"
    rf"(?:{DATE.pattern}|[\d一二两三四五六七八九十]+\s*(?:[（(]\d+[）)])?\s*(?:个月|年|日))|(?:至|到)\s*(?:{DATE.pattern})\s*(?:止|届满|终止"
    rf"|到期)|到期日\s*[：:为]\s*(?:{DATE.pattern}))"
)
_OTHER_TERM = re.compile(r"质保|保修|保密|竞业|付款|交货|交付|验收|诉讼|时效|保险|续期")


def find_facts(contract: ContractText) -> list[Passage]:
    """Name, parties, dates and duration, in the order of the text. Every quote is literally `text[start:end]`."""
    text = contract.text
    found = [*_document_name(text), *_parties(text), *_agreement_date(text), *_effective_date(text), *_expiry(contract)]
    return sorted(found, key=lambda passage: (passage.start, passage.end, passage.category))


def _passage(text: str, category: str, span: tuple[int, int], confidence: float) -> Passage:
    start, end = span
    return Passage(
        category=category, quote=text[start:end], start=start, end=end, confidence=confidence, rule=f"facts.{category}"
    )


def _document_name(text: str) -> Iterator[Passage]:
    for pattern, confidence in ((_TITLE, 0.9), (_MENTIONED, 0.6)):
        match = pattern.search(text, 0, min(len(text), _OPENING))
        if match:
            yield _passage(text, "document_name", match.span("title"), confidence)
            return


def _parties(text: str) -> Iterator[Passage]:
    """Each named party once: after its label, or before "以下简称"."""
    head = min(len(text), _OPENING)
    spans = [match.span("name") for match in LABELLED.finditer(text, 0, head)]
    spans += [
        match.span("name")
        for match in ALIASED.finditer(text, 0, head)
        if re.search(rf"[甲乙丙丁]方|{ROLES}|公司", match["alias"])
        or match["name"].endswith(("公司", "中心", "厂", "大学"))
    ]
    seen: set[str] = set()
    taken: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        name = text[start:end].strip(' *　“”"')
        overlaps = any(left < end and start < right for left, right in taken)
        if len(name) < 2 or name in seen or overlaps or re.fullmatch(r"[\s\d.xX/*-]+", name):
            continue
        seen.add(name)
        taken.append((start, end))
        left = start + text[start:end].index(name)
        yield _passage(text, "parties", (left, left + len(name)), 0.85)


def _agreement_date(text: str) -> Iterator[Passage]:
    for pattern, confidence in ((_SIGNED, 0.9), (_MADE, 0.8), (_DATED, 0.6)):
        match = pattern.search(text)
        if match:
            yield _passage(text, "agreement_date", match.span("date"), confidence)
            return


def _effective_date(text: str) -> Iterator[Passage]:
    day = _EFFECTIVE_DAY.search(text)
    if day:
        yield _passage(text, "effective_date", day.span("named") if day["named"] else day.span("since"), 0.9)
        return
    event = _TAKES_EFFECT.search(text)
    if event:
        yield _passage(text, "effective_date", event.span(), 0.7)


def _expiry(contract: ContractText) -> Iterator[Passage]:
    """The sentence that says how long the contract runs: the one under a heading on the term before any other."""
    candidates = [
        (bool(re.search(r"期限|有效期|租期", f"{sentence.heading}{sentence.title}")), -index, sentence)
        for index, sentence in enumerate(contract.sentences)
        if (runs := _RUNS.search(sentence.text)) and not _OTHER_TERM.search(sentence.text[: runs.start() + 8])
    ]
    if candidates:
        _, _, sentence = max(candidates, key=lambda candidate: candidate[:2])
        yield _passage(contract.text, "expiration_date", (sentence.start, sentence.end), 0.7)
