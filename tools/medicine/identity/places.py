"""Where somebody lives or is treated: addresses by label and by form, and names of hospitals."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterator
from typing import Final

from tools.medicine.identity.numbers import Found

_HAN: Final = r"[\u4e00-\u9fff]"
_LABELS: Final = (
    r"家庭住址|家庭地址|现住址|现住地址|住址|通讯地址|联系地址|地址|户口地址|户籍地址|户籍所在地|户籍|籍贯|出生地|工作单位|单位名称|单位|"
    r"现住所|住所|勤務先|home address|street address|mailing address|address|place of birth|birthplace|employer|residence|"
    r"adresse|domicile|lieu de naissance|employeur|dirección|domicilio|lugar de nacimiento|anschrift|wohnort|wohnhaft|geburtsort|arbeitgeber"
)
_LABELLED: Final = re.compile(
    rf"(?:(?<![A-Za-zÀ-ÿ\u4e00-\u9fff])|(?<=[原现]))(?:{_LABELS})(?![A-Za-zÀ-ÿ])[ \t]{{0,4}}[:：|\t][ \t]{{0,6}}(?P<value>[^\n|；;。]{{2,90}})",
    re.IGNORECASE,
)
_VALUE_END: Final = re.compile(
    r"[ \t]{2,}|　|(?<=[a-zäöüß]{3})\.(?=\s|$)|[ \t，,、]+(?=(?:邮编|电话|電話|联系|手机|性别|年龄|民族|职业|婚姻|入院|出院|身份证|住院号|phone|tel|mobile|sex|dob|age|mrn|"
    r"e-?mail|zip|teléfono|téléphone|telefon|edad|geb)[\w.]*[ ]?[:：. ])|[，,](?=(?:因|于|有|无))",
    re.IGNORECASE,
)
_NOTHING: Final = re.compile(
    r"(?:同上|不详|无|未知|n/?a|unknown|none|same|-+|[\d.]+\s?(?:mg|g|ml|mmol|%|[a-z/]+).*)\s*", re.IGNORECASE
)
_CHINESE: Final = re.compile(
    rf"(?:{_HAN}{{2,7}}(?:省|自治区)|(?:北京|上海|天津|重庆)市?)?"
    rf"(?:{_HAN}{{2,6}}?(?:市|州|盟|地区))?(?:{_HAN}{{1,6}}?(?:区|县|旗|市))?(?:{_HAN}{{1,8}}?(?:街道|镇|乡|开发区))?"
    rf"(?:{_HAN}{{1,8}}?(?:路|街|大道|巷|胡同|弄|道)(?:{_HAN}?段)?|{_HAN}{{1,6}}?(?:村|社区|屯|庄))"
    rf"(?:\d+(?:-\d+)?号?(?:院)?|[一二三四五六七八九十]+组|\d+组|{_HAN}{{2,8}}(?:小区|花园|公寓|家园|新村|苑|城|大厦))"
    rf"(?:{_HAN}{{1,8}}(?:小区|花园|公寓|家园|苑|大厦))?(?:\d+(?:号楼|栋|幢|座|楼|号|弄))?(?:\d+单元)?(?:\d+(?:室|房|号|楼|户))?"
)
_CHINESE_CITY: Final = re.compile(
    rf"(?:来自|住在|居住于|居住在|现住|家住|户籍在|长期居住在|生于|出生于|出生在|暂住)"
    rf"(?P<value>(?={_HAN}{{0,12}}[省市区县州镇乡村路街])(?:{_HAN}|\d|[-·A-Za-z]){{2,40}})(?=$|[，,、。；;（(\s])"
)
_CHINESE_UNITS: Final = re.compile(
    rf"(?:{_HAN}{{2,3}}省|内蒙古自治区|广西(?:壮族)?自治区|宁夏(?:回族)?自治区|新疆(?:维吾尔)?自治区|西藏自治区|北京市|上海市|天津市|重庆市){_HAN}{{2,6}}?(?:市|州|区|县)(?:{_HAN}{{1,6}}?(?:区|县|镇|乡|街道|村))*"
)
_STREET: Final = r"Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Way|Terrace|Crescent|Close|Square|Highway|Hwy|Parkway|Circle"
_ENGLISH: Final = re.compile(
    rf"(?<![\w/])\d{{1,5}}[A-Za-z]? (?:[NSEW]\.? )?(?:[A-Z][a-z'’]+ ){{1,3}}(?:{_STREET})\b\.?(?:,? (?:Apt|Apartment|Suite|Unit|Flat|#)\.? ?\w{{1,5}})?"
    rf"(?:,? [A-Z][a-z]+(?: [A-Z][a-z]+)?,? (?:[A-Z]{{2}})?(?: ?\d{{5}}(?:-\d{{4}})?| [A-Z]{{1,2}}\d[A-Z\d]? ?\d[A-Z]{{2}})?)?"
)
_POSTAL: Final = re.compile(
    r"\b[A-Z][a-z]+(?: [A-Z][a-z]+)?, [A-Z]{2},? \d{5}(?:-\d{4})?\b|\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b"
)
_FRENCH: Final = re.compile(
    r"(?<![\w/])\d{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|place|chemin|impasse|allée|quai|cours|route|square)"
    r" [^\n,;.]{3,40}(?:,? \d{5} [A-ZÀ-Þ][\w'’À-ÿ-]+(?:[ -][A-ZÀ-Þ][\wÀ-ÿ-]+)*)?"
)
_SPANISH: Final = re.compile(
    r"\b(?:[Cc]alle|C/|[Aa]venida|Avda\.?|Av\.|[Pp]laza|Pza\.?|[Pp]aseo|P[º°]|[Cc]amino|[Cc]arretera|Ctra\.?) ?(?:de (?:la |las |los |el )?|del )?[A-ZÀ-Þ][^\n,;.]{2,40},? (?:n[º°.]? ?)?\d{1,4}(?!\d)"
    r"(?:,? ?\d{1,2}[º°ª](?: ?[A-Z])?)?(?:,? \d{5} [A-ZÀ-Þ][\wÀ-ÿ]+(?: [A-ZÀ-Þ][\wÀ-ÿ]+)*)?"
)
_GERMAN: Final = re.compile(
    r"\b[A-ZÄÖÜ][\wäöüß-]{2,30}(?:straße|strasse|str\.|weg|allee|platz|gasse|ring|damm|ufer) \d{1,4}(?: ?[a-z])?(?:,? (?:D-)?\d{5} [A-ZÄÖÜ][\wäöüß-]+(?: [A-ZÄÖÜ][\wäöüß-]+)*)?"
    r"|\b(?:[A-ZÄÖÜ][\wäöüß-]+ ){1,2}(?:Straße|Str\.|Allee|Platz|Weg) \d{1,4}(?: ?[a-z])?(?:,? \d{5} [A-ZÄÖÜ][\wäöüß-]+)?"
)
_JAPANESE: Final = re.compile(
    rf"(?:〒?\d{{3}}-\d{{4}}[ 　]?)?(?:東京都|北海道|(?:京都|大阪)府|{_HAN}{{2,3}}県){_HAN}{{1,6}}?[市区町村郡][\u3040-\u30ff{_HAN[1:-1]}]{{0,10}}?(?:\d+(?:[-−丁目番地号]+\d*)*)"
    rf"|(?:東京都|北海道|(?:京都|大阪)府|{_HAN}{{2,3}}県){_HAN}{{1,5}}?[市区町村]"
)
_GENERIC: Final = frozenset(
    [
        "我院",
        "外院",
        "本院",
        "贵院",
        "他院",
        "该院",
        "当地医院",
        "上级医院",
        "上级",
        "下级医院",
        "附近医院",
        "人民医院",
        "中心医院",
        "社区医院",
        "县医院",
        "市医院",
        "省医院",
        "某医院",
        "多家医院",
        "综合医院",
        "专科医院",
        "三甲医院",
        "乡镇卫生院",
        "当地诊所",
        "社区卫生服务中心",
        "卫生院",
        "诊所",
        "当地",
        "急诊",
        "医院",
        "病院",
        "当院",
        "他院",
        "近医",
        "近隣医院",
    ]
)
_HOSPITAL_HAN: Final = re.compile(
    rf"(?P<name>[\u3040-\u309f\u4e00-\u9fff]{{2,18}}?(?:医院|卫生院|卫生服务中心|诊所|门诊部|医学院|医科大学|疗养院|病院|クリニック|医療センター))(?:{_HAN}{{0,4}}(?:院区|分院))?"
)
_HOSPITAL_LATIN: Final = re.compile(
    r"(?:(?:[A-ZÀ-Þ][\w'’.À-ÿ-]+|of|de|la|für|und|and|the|St\.) ){0,5}[A-ZÀ-Þ][\w'’.À-ÿ-]+ (?:Hospital|Medical Center|Medical Centre|Health Center|Health Centre|Clinic|Infirmary|Klinik|Krankenhaus|Klinikum)\b"
    r"|\b(?:Hospital|Hôpital|Clinique|Clínica|Centre [Hh]ospitalier(?: [Uu]niversitaire)?|CHU|Klinikum|Universitätsklinikum|Krankenhaus|Klinik)(?:(?: (?:de|del|du|des|la|las|le|les|von|am|of|d'|St\.))* [A-ZÀ-Þ][\w'’À-ÿ-]+){1,5}"
)
_CUT: Final = re.compile(
    r".*(?:就诊于|就诊|转诊至|转诊到|转入|转至|转往|收入|送往|送至|送入|前往|急送|至|到|在|于|由|往|经|赴|为|及|和|与|因|入|曾|来|的|日|月|年|后|前|时|去|从|是|我|本|该|其|某家|当地|外地|附近|某|。|，)"
)


def find_places(text: str, facilities: bool) -> Iterator[Found]:
    """Every address, and every named hospital if asked for; they may overlap."""
    # Patterns read better unbroken.
    # ruff: noqa: E501
    for match in _LABELLED.finditer(text):
        start, end = match.span("value")
        if cut := _VALUE_END.search(text, start, end):
            end = cut.start()
        value = text[start:end].rstrip(" \t，,.、）)")
        unit = "单位" in match.group()[:4] and not re.search(_HAN, value)
        if len(value) > 1 and not unit and not _NOTHING.fullmatch(value):
            yield Found("address", start, start + len(value))
    for pattern in (_CHINESE, _CHINESE_UNITS, _ENGLISH, _POSTAL, _FRENCH, _SPANISH, _GERMAN, _JAPANESE):
        for match in pattern.finditer(text):
            yield Found("address", *match.span())
    for match in _CHINESE_CITY.finditer(text):
        yield Found("address", *match.span("value"))
    if facilities:
        for match in _HOSPITAL_HAN.finditer(text):
            start, end = match.span("name")
            if cut := _CUT.match(text, start, end - 2):
                start = cut.end()
            if text[start:end] not in _GENERIC and end - start > 4:
                yield Found("facility", start, end)
        for match in _HOSPITAL_LATIN.finditer(text):
            if (
                match.group().split()[0] not in {"The", "Our", "This", "General", "Day", "Pain", "Community"}
                or len(match.group().split()) > 2
            ):
                yield Found("facility", *match.span())
