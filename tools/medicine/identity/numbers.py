"""Numbers, addresses of the net and codes that name one person: ID cards, telephones, record and insurance numbers."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tools.medicine.identity.mapping import Kind

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of a text that says who somebody is."""

    # Patterns read better unbroken.
    # ruff: noqa: E501

    kind: Kind
    start: int
    end: int


_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_WEB: Final = re.compile(r"\b(?:https?://|www\.)[^\s，。；、）)>\]]+|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_ID_CARD: Final = re.compile(
    r"(?<![\dA-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
)
_SSN: Final = re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])")
_NIR: Final = re.compile(r"(?<!\d)[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d[\dAB] ?\d{3} ?\d{3}(?: ?\d{2})?(?!\d)")
_DNI: Final = re.compile(r"(?<![\dA-Za-z])(?:\d{8}|[XYZ]\d{7})-?[A-HJ-NP-TV-Z](?![\dA-Za-z])")
_KVNR: Final = re.compile(r"(?<![\dA-Za-z])[A-Z]\d{9}(?!\d)")
_PHONES: Final = re.compile(
    r"(?<![\d.A-Za-z])(?:"
    r"(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}"  # mobile, China
    r"|0\d{2,3}[- ]\d{7,8}(?:[-转]\d{1,5})?"  # landline, China
    r"|\+\d{1,3}[ -]?(?:\(0?\d{1,4}\)[ -]?)?\d{1,4}(?:[ -/]?\d{2,4}){2,5}"  # international
    r"|(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-.]\d{4}"  # North America
    r"|0\d(?:[ .]\d{2}){4}"  # France
    r"|[6789]\d{2} \d{3} \d{3}|[6789]\d{2} \d{2} \d{2} \d{2}|9\d \d{3} \d{2} \d{2}"  # Spain
    r"|0\d{1,4}-\d{1,4}-\d{3,4}"  # Japan
    r"|0\d{2,5}[ /-]\d{4,9}(?:-\d{1,4})?"  # Germany
    r")(?![\d])"
)
_SEPARATOR: Final = r"\s{0,3}(?:(?:号码|号|No\.?|Nr\.?|N[°º]\.?)\s{0,2})?(?P<mark>[:：#|=]?)\s{0,3}"
_PHONE_LABELS: Final = (
    r"联系电话|联系方式|家庭电话|手机号码?|手机|电话号码|电话|传真|微信号?|QQ号?|電話番号|電話|携帯|FAX|"
    r"telephone|phone|mobile|cell|tel|fax|téléphone|portable|tél|teléfono|móvil|tfno|telefon|handy|mobil"
)
_NUMBER_LABELS: Final = (
    r"身份证号码|身份证号|身份证|公民身份号码|护照号码?|护照|军官证号?|社会保障号码?|社保卡号|社保号|医保卡号|医保号|医保编号|"
    r"医疗保险号|医疗证号|保险号|新农合号|住院号|住院病案号|病案号|病历号|病历编号|门诊号|门诊病历号|急诊号|就诊卡号|就诊号|就诊卡|"
    r"诊疗卡号|登记号|患者编号|患者ID|病人ID|健康卡号|健康档案号|检查号|检查编号|影像号|放射号|CT号|MRI号|X线号|超声号|病理号|"
    r"标本号|标本编号|样本号|样本编号|条码号|条形码|报告编号|处方号|处方编号|发票号|银行卡号|卡号|执业证号|执业证书编号|医师编码|"
    r"车牌号|床号|编号|序列号|"
    r"medical record (?:number|no)|medical record|record (?:number|no)|hospital (?:number|no)|chart (?:number|no)|"
    r"patient (?:id|number|no)|patient identifier|unit (?:number|no)|mrn|account (?:number|no)|acct|encounter (?:number|no)|visit (?:number|no)|"
    r"case (?:number|no)|accession (?:number|no)|accession|specimen (?:id|number|no)|sample (?:id|no)|"
    r"insurance (?:id|number|no)|policy (?:number|no)|member (?:id|number|no)|subscriber id|group (?:number|no)|medicare (?:number|no|id)|"
    r"medicaid (?:number|no|id)|health card (?:number|no)|health plan (?:number|id)|nhs (?:number|no)|ssn|social security (?:number|no)|"
    r"passport (?:number|no)|passport|driver'?s licen[cs]e(?: number| no)?|licen[cs]e (?:number|no)|npi|dea|"
    r"serial (?:number|no)|device (?:id|serial)|order (?:number|no)|prescription (?:number|no)|rx (?:number|no)|"
    r"numéro de dossier|n[°º] (?:de )?dossier|numéro de sécurité sociale|n[°º] (?:de )?sécurité sociale|sécurité sociale|nir|ipp|nda|"
    r"numéro (?:de )?patient|numéro d'identification|numéro de séjour|rpps|finess|"
    r"número de historia(?: clínica)?|n\.?[°º]\.? (?:de )?historia(?: clínica)?|historia clínica n[°º]|nhc|nuhsa|cip|número de afiliación|"
    r"tarjeta sanitaria|n[°º] (?:de )?ss|seguridad social|dni|nie|nif|pasaporte|n[°º] (?:de )?colegiado|colegiado|episodio|"
    r"fallnummer|fall-nr|patientennummer|patienten-nr|patienten-id|pat\.-id|aufnahmenummer|aufnahme-nr|versichertennummer|"
    r"versicherten-nr|krankenversichertennummer|kv-nr|krankenkassennummer|personalausweis(?:nummer)?|ausweisnummer|reisepass|"
    r"auftragsnummer|auftrags-nr|probennummer|lanr|bsnr|"
    r"account|numéro d'assuré|nass|naf|carte vitale|tarjeta (?:sanitaria|sip)|患者ID|ID番号|ID|患者番号|カルテ番号|診察券番号|保険証番号|被保険者番号|記号番号|受付番号|検体番号|マイナンバー|個人番号"
)
_VALUE: Final = r"(?P<value>[A-Za-z]{0,6}[-/]?\d[\dA-Za-z]*(?:[-/.][\dA-Za-z]+)*(?: \d{2,6}(?![\d]*[ ]?[a-zA-Z%年月日岁/]))*|[A-Z]{2,4} \d{6,12}|[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][·]?[A-Z0-9]{4,6})"
_LABELLED: Final = re.compile(
    rf"(?<![A-Za-zÀ-ÿ])(?:{_NUMBER_LABELS})(?:(?<=[\u4e00-\u9fff])|(?![A-Za-zÀ-ÿ]))\.?{_SEPARATOR}{_VALUE}",
    re.IGNORECASE,
)
_LABELLED_PHONE: Final = re.compile(
    rf"(?<![A-Za-zÀ-ÿ])(?:{_PHONE_LABELS})(?![A-Za-zÀ-ÿ])[.]?{_SEPARATOR}(?P<value>\+?\(?\d[\d ()/.+-]{{4,20}}\d|[A-Za-z][-\w]{{5,19}}(?<=\d))",
    re.IGNORECASE,
)
_HASH: Final = re.compile(r"(?<![\w#])#\s?(?P<value>\d{5,12}|\d{2,6}(?:-\d{2,6}){1,3})(?![\d-])")


def valid_id_card(number: str) -> bool:
    """Whether the last character of an 18-character Chinese ID number is right (GB 11643-1999, ISO 7064 MOD 11-2)."""
    if not re.fullmatch(r"\d{17}[\dXx]", number):
        return False
    return _CHECKS[sum(w * int(d) for w, d in zip(_WEIGHTS, number, strict=False)) % 11] == number[-1].upper()


def valid_dni(number: str) -> bool:
    """Whether the letter of a Spanish DNI or NIE is right (Real Decreto 1553/2005: the number modulo 23)."""
    digits = re.sub(r"\D", "", number.translate(str.maketrans("XYZ", "012"))[:-1])
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1]


def find_numbers(text: str) -> Iterator[Found]:
    """Every identifying number, e-mail address and address of the net; they may overlap."""
    for kind, pattern in (("email", _EMAIL), ("web", _WEB)):
        for match in pattern.finditer(text):
            yield Found("email" if kind == "email" else "web", *match.span())
    for match in _ID_CARD.finditer(text):  # its form is so particular that a mistyped one is hidden too
        yield Found("identifier", *match.span())
    for pattern in (_SSN, _NIR, _KVNR):
        for match in pattern.finditer(text):
            yield Found("identifier", *match.span())
    for match in _DNI.finditer(text):
        if valid_dni(match.group()):
            yield Found("identifier", *match.span())
    for match in _LABELLED.finditer(text):
        if match["mark"] or match.group().startswith("床") or sum(c.isdigit() for c in match["value"]) >= 5:
            yield Found("identifier", *match.span("value"))
    for match in _HASH.finditer(text):
        yield Found("identifier", *match.span("value"))
    for match in _LABELLED_PHONE.finditer(text):
        if match["mark"] or sum(c.isdigit() for c in match["value"]) >= 6:
            yield Found("telephone", *match.span("value"))
    for match in _PHONES.finditer(text):
        yield Found("telephone", *match.span())
