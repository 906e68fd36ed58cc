"""Names of people, by label (姓名：, Patient:), by title (张医生, Mrs Smith, Herr Dr. Weber), and by signature.

What looks like a name after a label of a role (患者, 医师, Patient) is weighed: a Chinese name begins with one of the
surnames in use and is no clinical word; a name in Latin script is capitalised words that are no clinical word.
"""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterator
from functools import cache

from tools.medicine.identity.numbers import Found
from tools.medicine.lexicon import fold, vocabulary, words
from tools.medicine.terms import find_terms

_HAN = r"[\u4e00-\u9fff]"
_COLON = r"[ \t]{0,4}[:：|][ \t_＿]{0,12}"
_GAP = r"[ \t_＿]{0,12}"
_CAPITAL = r"[A-ZÀ-ÖØ-Þ]"
_LOWER = r"[a-zß-öø-ÿœ]"
_PARTICLE = r"(?:de la|de los|de las|del|de|da|dos|du|van der|van den|van|von der|von|zu|zum|der|la|le|al|el|bin|ibn|ben|di|y|e)"
_TOKEN = rf"(?:(?:O'|D'|d'|Mc|Mac|L'|Al-|El-)?{_CAPITAL}{_LOWER}+(?:[-'’](?:{_CAPITAL}{_LOWER}+))*|(?:[OD]')?{_CAPITAL}{{2,}}(?:[-'’]{_CAPITAL}{{2,}})*)"
_INITIAL = rf"{_CAPITAL}\."
_LATIN_NAME = (
    rf"(?:{_INITIAL}[ -]?)*{_TOKEN}(?:,? (?:{_INITIAL} ?)*(?:{_PARTICLE} )?(?:{_TOKEN}|{_INITIAL}))"
    rf"{{0,4}}"
)
_AFTER_NAME = (
    r"(?=$|[\s，,、。；;：:（(/|＿_\-—）)]|性别|年龄|男|女|住院|主治|主任|副主任|民族|职业|床|科|婚|出生|记录|日期|签|电话|医|护|因|系|于|"
    r"先生|女士|某|的|报告|审核|检验|检查|联系|\d)"
)


@cache
def _surnames() -> str:
    return "|".join(sorted(words(vocabulary("identity")["surnames"]["zh"]), key=len, reverse=True))


@cache
def _japanese_surnames() -> str:
    return "|".join(sorted(words(vocabulary("identity")["surnames"]["ja"]), key=len, reverse=True))


def _any(table: str, *langs: str) -> str:
    found = {word for lang in langs for word in words(vocabulary("identity")[table].get(lang))}
    return "|".join(re.escape(word).replace(r"\ ", r"[ ]") for word in sorted(found, key=len, reverse=True))


@cache
def _not_han() -> tuple[str, ...]:
    return tuple(words(vocabulary("identity")["not_names"]["han"]))


@cache
def _not_latin() -> frozenset[str]:
    return frozenset(words(vocabulary("identity")["not_names"]["latin"]))


_PERSON_FOLLOWS = r"[，,、 （(]\s?(?:(?:男|女)(?:性|，|,|、|。| |；|\d|$)|\d{1,3}\s?岁)"
_PREPOSITIONS = frozenset("于向和应经从自常时")
_WEAK_SURNAMES = frozenset("于向和应经从自管常时单全解易成位任何包关路余文许安方石白金万左连高康")
"""Surnames that are more often other words: they count before a title only where the name is known otherwise."""
_SAID = frozenset("高石方金白康许安文余左万")
"""Those among them that stand before 医生 and 大夫 as surnames alone."""
_LATIN = ("en", "fr", "es", "de")


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    surname, japanese = _surnames(), _japanese_surnames()
    given = r"(?:[\u4e00-\u9fff] ?[\u4e00-\u9fff]|[\u4e00-\u9fff])"
    titles = _any("titles_after", "zh")
    latin_labels = _any("name_labels", *_LATIN)
    latin_roles = _any("role_labels", *_LATIN)
    han_labels, han_roles = _any("name_labels", "zh", "ja"), _any("role_labels", "zh", "ja")
    latin_titles = "|".join(
        dict.fromkeys(word for lang in _LATIN for word in words(vocabulary("identity")["titles"][lang]))
    )
    credentials = _any("titles_after", "en")

    return {
        "han_label": re.compile(
            rf"(?:{han_labels})(?:[（(][^）)\n]{{0,12}}[）)])?(?:{_COLON}|[ \t]{{1,8}}|\n)"
            rf"(?P<name>(?:{japanese})[ 　]?[\u3040-\u30ff\u4e00-\u9fff]{{1,4}}(?=$|[\s（(、。])|{_HAN} {_HAN}(?: {_HAN})?(?!{_HAN})|{_HAN}{{2,4}}(?:[·•]{_HAN}{{1,8}}){{0,3}}(?!{_HAN})|(?:{surname}){_HAN}{{1,2}}?{_AFTER_NAME}|{_LATIN_NAME}|{_HAN}[*×＊]{{1,2}})"
        ),
        "han_role": re.compile(
            rf"(?:{han_roles})(?:[（(][^）)\n]{{0,12}}[）)])?(?:{_COLON})"
            rf"(?P<name>(?:{surname}) ?{given}{_AFTER_NAME}|(?:{japanese})[ 　][\u3040-\u30ff\u4e00-\u9fff]{{1,4}}(?=$|[\s（(、。：]|[ 　]?様|医師|先生)|(?:{japanese})[\u3040-\u30ff\u4e00-\u9fff]{{0,4}}?(?=$|[\s（(、。：]|様|医師|先生)|{_LATIN_NAME})"
        ),
        "han_signed": re.compile(
            rf"(?:签名|签字|医师|医生|护士|药师|术者|记录者)[ \t_＿：:]{{0,12}}[ \t\n]"
            rf"(?P<name>(?:{surname}){given})(?=$|[\s，,、。；;/_＿])",
            re.MULTILINE,
        ),
        "han_context": re.compile(
            rf"(?:患者|病人|患儿|产妇|孕妇|死者|伤者)[ 　]?(?P<name>(?:{surname}){given})"
            rf"(?={_PERSON_FOLLOWS}|因|[（(](?:身份证|电话|住院|男|女|\d))"
        ),
        "han_kin": re.compile(
            rf"(?:家属|其子|其女|其夫|其妻|其父|其母|儿子|女儿|丈夫|妻子|父亲|母亲|哥哥|姐姐|弟弟|妹妹|同事|朋友|邻居|保姆|联系人|我叫|名叫|致电|告知)[（(]?"
            rf"(?P<name>(?:{surname}){given})(?=$|[，,、（(。；\s：]|代诉|代述|陈述|诉|表示|送|陪|同意|签|要求|来|告|护送|发现)"
        ),
        "han_first": re.compile(rf"(?:^|[\n。；：:“])\s?(?P<name>(?:{surname}){given})(?={_PERSON_FOLLOWS}|家属|患者)"),
        "han_bed": re.compile(
            rf"\d{{1,3}}床[ 　]?(?P<name>(?:{surname}){given})(?=$|[\s，,、：:（(；;\d]|诉|神志|今日|术后)"
        ),
        "han_post": re.compile(
            rf"(?:责任|主管|值班|夜班|当班|经治|管床|主治|住院|接诊|首诊|手术|麻醉|会诊|审核|报告)(?:护士|医师|医生|护师|技师)[ 　]?"
            rf"(?P<name>(?:{surname}){given})(?=$|[\s，,、。；;（(]|查房|会诊|指示|嘱|签|操作|执行|记录|报告|交班)"
        ),
        "ja_post": re.compile(
            rf"(?:看護師|主治医|担当医|執刀医|紹介医|医師|[夫妻父母兄弟姉妹]|長男|長女|次男|次女|患者)[ 　]"
            rf"(?P<name>(?:{japanese})(?:[ 　][\u3040-\u30ff\u4e00-\u9fff]{{1,4}})?)(?=$|[\s（(、。：　]|様|医師|先生)"
        ),
        "ja_reading": re.compile(
            r"(?:(?<=[\u4e00-\u9fff])[（(]|(?:フリガナ|ふりがな|カナ氏名|カナ)[:： 　]{1,3})"
            r"(?P<name>(?:[\u3041-\u309f]{1,8}[ 　]?[\u3041-\u309f]{1,8}|[\u30a1-\u30ff]{2,8}[ 　][\u30a1-\u30ff]{1,8}))(?=[）)\s])"
        ),
        "han_slash": re.compile(
            rf"(?P<first>(?:{surname}){given})\s?[/／、]\s?(?P<name>(?:{surname}){given})(?=$|[\s/／，。）)])"
        ),
        "han_title": re.compile(rf"(?P<name>(?:{surname})(?:{given}|某{{1,2}})?)(?=(?:{titles}))"),
        "han_mou": re.compile(rf"(?P<name>(?:{surname})某{{1,2}}(?!{_HAN}?[某])|(?:{surname})[*×＊]{{1,2}})"),
        "han_familiar": re.compile(rf"(?P<name>[老小](?:{surname}))(?=[，。、（(]|说|诉|的(?:家属|儿子|女儿))"),
        "ja_title": re.compile(
            rf"(?P<name>(?:{japanese})[ 　]?[\u3040-\u30ff\u4e00-\u9fff]{{0,4}}?)(?=様|さん|氏(?!名)|先生|医師|看護師)"
        ),
        "ja_context": re.compile(
            rf"(?P<name>(?:{japanese})[ 　]?[\u3040-\u30ff\u4e00-\u9fff]{{1,3}}?)(?=[、（( ]\s?(?:\d{{1,3}}[歳才]|男|女))"
        ),
        "latin_label": re.compile(
            rf"(?<![A-Za-zÀ-ÿ])(?i:{latin_labels})(?:[ ]?\([^)\n]{{0,20}}\))?(?:{_COLON}|\t)(?P<name>{_LATIN_NAME}|{_HAN}{{2,4}}(?!{_HAN}))"
        ),
        "latin_role": re.compile(
            rf"(?<![A-Za-zÀ-ÿ])(?i:{latin_roles})(?:[ ]?\([^)\n]{{0,20}}\))?(?:{_COLON}|\.[ ]?[:：]?[ ]{{0,4}})(?:(?i:{latin_titles})\.? ){{0,3}}(?P<name>{_LATIN_NAME}|{_HAN}{{2,4}}(?!{_HAN}))"
        ),
        "latin_signed": re.compile(
            rf"(?:/s/|(?i:signed by|dictated by|reviewed by|gez\.|signé par|firmado por|fdo\.|i\.\s?a\.|sincerely,|regards,|grüßen|saludo,?|cordialement,?))[ \t\n:]{{0,6}}(?:(?:{_TITLE_WORDS})\.? ){{0,3}}(?P<name>{_LATIN_NAME})"
        ),
        "latin_title": re.compile(
            rf"(?<![A-Za-zÀ-ÿ.])(?:{_TITLE_WORDS})(?:\.|(?= ))(?: (?:Kollege|Kollegin|Kollegen|collègue|confrère))?(?: ?(?:med|Prof|Dr|dent|habil)\.)* ?(?P<name>(?:(?:{_PARTICLE}) )?{_LATIN_NAME})"
        ),
        "latin_credential": re.compile(
            rf"(?P<name>(?:{_INITIAL} ?)*{_TOKEN}(?: (?:{_INITIAL} ?)*(?:{_PARTICLE} )?{_TOKEN}){{1,3}}|(?:{_INITIAL} ?)+{_TOKEN}),? (?i:{credentials})(?![A-Za-z])"
        ),
        "latin_patient": re.compile(
            rf"(?<![A-Za-zÀ-ÿ])(?i:patient|patiente|patientin|paciente|client)(?:,)? (?P<name>(?:{_INITIAL} ?)*{_TOKEN}(?: (?:{_INITIAL} ?)*(?:{_PARTICLE} )?{_TOKEN}){{1,3}})"
        ),
        "latin_reversed": re.compile(
            rf"(?<![A-Za-zÀ-ÿ])(?i:pt|patient|re),? (?P<name>{_TOKEN}, {_TOKEN})(?= (?:in|is|was|has|on|from)\b|,|\.)"
        ),
        "latin_kin": re.compile(
            rf"(?<![A-Za-zÀ-ÿ])(?i:wife|husband|son|daughter|mother|father|brother|sister|partner|friend|caregiver|neighbou?r|niece|nephew|"
            rf"hijo|hija|esposa|esposo|marido|mujer|madre|padre|hermano|hermana|fils|fille|époux|épouse|mari|femme|mère|père|"
            rf"ehemann|ehefrau|mann|sohn|tochter|mutter|vater|bruder|schwester),? (?P<name>(?:{_INITIAL} ?)*{_TOKEN}(?: (?:{_INITIAL} ?)*(?:{_PARTICLE} )?{_TOKEN}){{1,3}})"
        ),
        "latin_kin_alone": re.compile(
            rf"(?<![A-Za-zÀ-ÿ])(?i:(?:his|her|the|their|su|sus|son|sa|ses) (?:wife|husband|son|daughter|mother|father|brother|sister|partner|friend|"
            rf"hijo|hija|esposa|esposo|marido|madre|padre|hermano|hermana|fils|fille|mari|femme|mère|père|frère|sœur)),? "
            rf"(?P<name>(?!Alzheimer|Parkinson|Crohn|Hodgkin|Huntington|Graves|Hashimoto|Down|Marfan){_CAPITAL}{_LOWER}{{2,}})(?=[.,;)]|$| [a-zà-ÿ(])"
        ),
        "latin_sexed": re.compile(
            rf"(?P<name>(?:{_INITIAL} ?)*{_TOKEN}(?: (?:{_INITIAL} ?)*(?:{_PARTICLE} )?{_TOKEN}){{1,3}})"
            rf"(?=,? \(?(?:[FMfm]|[Mm]ale|[Ff]emale),? ?\d{{1,3}} ?(?:y|yo|yrs?|years?)\b)"
        ),
        "latin_acting": re.compile(
            rf"(?:^|(?<=[.!?:] )|(?<=\n)|(?<=Acude )|(?<=acude ))(?P<name>(?:{_INITIAL} ?)*{_TOKEN}(?: (?:{_INITIAL} ?)*(?:{_PARTICLE} )?{_TOKEN}){{1,3}})"
            rf"(?= (?:is|was|remains?|presented|presents|denies|denied|reports|reported|states|stated|has|had|returned|returns|came|called|underwent|appears|"
            rf"tolerated|complains|continues|takes|lives|refiere|presenta|acude|acompañad[oa]|niega|ingresa|ingresó|fue|présente|est|consulte|se plaint|"
            rf"wurde|klagt|stellt|berichtet|ist|kommt|stellte) )",
            re.MULTILINE,
        ),
        "latin_aged": re.compile(
            rf"(?P<name>(?:{_INITIAL} ?)*{_TOKEN}(?: (?:{_INITIAL} ?)*(?:{_PARTICLE} )?{_TOKEN}){{1,3}})(?=,? (?:is |was |ist |es |est )?(?:an?|eine?|une?|una?)? ?\d{{1,3}}[- ](?:year|yo\b|y\.o|ans\b|años|jährige))"
        ),
    }


_TITLE_WORDS = (
    r"MD|Mr|Mrs|Ms|Miss|Mx|MR|MRS|MS|Dr|DR|Doctor|Prof|Professor|Nurse|Mme|Mlle|Monsieur|Madame|Docteur|Pr|M(?=\.)|Sr|Sra|Srta|"
    r"docteur|professeur|monsieur|madame|doctora?|señora?|profesora?|doña|Señora?|Don|Doña|Dña|D(?=\.)|Dra|Doctora|Herrn?|Frau|Hr|PD|OA|OÄ"
)
_KEPT = {"Dr", "Prof", "Mr", "Mrs", "Ms", "Med", "Herr", "Frau"}


def find_names(text: str) -> list[Found]:
    """Every name that a label, a title, a signature or its context gives away, in order; they may overlap."""
    found: list[Found] = []
    for kind, pattern in _patterns().items():
        for match in pattern.finditer(text):
            for group in ("first", "name"):
                if group in match.groupdict():
                    start, end = match.span(group)
                    if found_name := _weighed(text, start, end, kind):
                        found.append(found_name)
    found += _given_names(text)
    found += _signed_lines(text)
    return sorted(set(found), key=lambda each: (each.start, -each.end))


def _weighed(text: str, start: int, end: int, kind: str) -> Found | None:
    name = text[start:end]
    if kind == "ja_reading":
        return Found("person", start, end)
    if re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", name):
        plain = name.replace(" ", "").replace("　", "")
        if kind == "han_title":
            bare = re.sub(r"某+$", "", plain)
            before = text[max(0, start - 1) : start]
            said = re.match(r"医生|大夫", text[end:]) and bare in _SAID and before not in {"最", "较", "更", "提", "增"}
            if bare[0] in _WEAK_SURNAMES and not said and (len(bare) == 1 or before in "由遵请经"):
                return None
            if re.match(r"某", text[end:]) is None and before in {"位", "名"}:
                return None
        japanese = re.match(_japanese_surnames(), plain)
        if kind != "han_label" and not japanese and not re.match(_surnames(), plain):
            return None
        if any(plain.startswith(word) for word in _not_han() if len(word) > 1) or plain in _not_han():
            return None
        if kind == "han_kin" and plain[0] in _PREPOSITIONS and text[end : end + 1] not in {"（", "("}:
            return None
        if kind != "han_label" and _clinical(plain):
            return None
        return Found("person", start, end)
    tokens = re.findall(r"[^\s,]+", name)
    kept = 0
    for token in tokens:  # the name ends before the first clinical or grammatical word
        if (kept and re.fullmatch(_PARTICLE, token.lower())) or re.fullmatch(_INITIAL, token):
            kept += 1
            continue
        if token.lower().strip(".'’") in _not_latin() or (
            kind != "latin_label" and len(token) > 3 and _clinical(token)
        ):
            break
        kept += 1
    while kept and re.fullmatch(rf"{_PARTICLE}|{_INITIAL}", tokens[kept - 1]) and kept > 1 and kept < len(tokens):
        kept -= 1
    if not kept or all(re.fullmatch(rf"{_PARTICLE}|{_INITIAL}", token) for token in tokens[:kept]):
        return None
    if kept < len(tokens):
        at = 0
        for token in tokens[:kept]:
            at = name.index(token, at) + len(token)
        end = start + at
    if kind == "latin_title" and kept < 2 and re.search(r"(?<![A-Za-z])D\. ?$", text[:start]):  # vitamin D. Then …
        return None
    if kind in {"latin_patient", "latin_aged", "latin_kin", "latin_acting"} and kept < 2:
        return None
    return Found("person", start, end)


def _clinical(word: str) -> bool:
    folded = fold(word)
    if re.search(r"[\u4e00-\u9fff]", word):
        return any(m.start == 0 for m in find_terms(folded, "zh"))
    if word.lower() in _given():
        return False
    return any(m.start == 0 and m.end == len(folded) for lang in _LATIN for m in find_terms(folded, lang))


@cache
def _given() -> frozenset[str]:
    return frozenset(words(vocabulary("identity")["given"]["latin"]))


_PAIR = re.compile(
    rf"(?<![A-Za-zÀ-ÿ.'])(?P<name>(?P<given>{_CAPITAL}{_LOWER}+)(?:[ -](?:{_CAPITAL}{_LOWER}+|{_INITIAL}))? (?:{_PARTICLE} )?(?P<last>{_TOKEN}))(?![A-Za-zÀ-ÿ])"
)


def _given_names(text: str) -> Iterator[Found]:
    for match in _PAIR.finditer(text):
        last = match["last"]
        if match["given"].lower() not in _given() or (last.isupper() and len(last) < 4):
            continue
        if last.lower() in _not_latin() or _clinical(last):
            continue
        yield Found("person", *match.span("name"))


_ALONE = re.compile(
    r"^[ \t]*(?P<name>[\u4e00-\u9fff]{2,3}|[\u4e00-\u9fff] [\u4e00-\u9fff])[ \t]*(?:\d{4}[-年/.].*)?$", re.MULTILINE
)


def _signed_lines(text: str) -> Iterator[Found]:
    """A name alone on a line among the last of a record, as under a report."""
    body = text.rstrip()
    tail = len(body)
    for _ in range(5):
        tail = body.rfind("\n", 0, tail)
        if tail < 0:
            return
    for match in _ALONE.finditer(text, tail):
        if found := _weighed(text, *match.span("name"), "han_signed"):
            yield found


def surname(name: str) -> str:
    """The Chinese surname that a name begins with, or nothing."""
    match = re.match(_surnames(), name)
    return match.group() if match else ""


def japanese_surname(name: str) -> str:
    """The Japanese surname that a name begins with, or nothing."""
    match = re.match(_japanese_surnames(), name)
    return match.group() if match else ""
