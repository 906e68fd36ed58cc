"""`from_fhir`: a FHIR Bundle (R4, R4B or R5, JSON) as the text of a record, with headings and lines.

It is read as it comes, not validated: Bundles of real systems seldom hold to every rule, and only what is worth reading
is read. What a resource does not say is left out; nothing is added. Narrative (text.div) is read where nothing is coded.
"""
# ruff: noqa: E501

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any, Final, cast

import orjson

from tools.documents.document import Block
from tools.medicine.fhir.writing import InvalidFhir
from tools.medicine.narrative import Narrative

MAX_RESOURCES: Final = 20_000
_TITLES: Final = {
    "Patient": {"zh": "患者信息", "en": "Patient information"},
    "Encounter": {"zh": "就诊", "en": "Encounter"},
    "AllergyIntolerance": {"zh": "过敏史", "en": "Allergies"},
    "Condition": {"zh": "诊断", "en": "Diagnoses"},
    "Medication": {"zh": "用药", "en": "Medications"},
    "Vital": {"zh": "生命体征", "en": "Vital signs"},
    "Observation": {"zh": "检查结果", "en": "Laboratory results"},
    "Procedure": {"zh": "手术", "en": "Procedures"},
    "FamilyMemberHistory": {"zh": "家族史", "en": "Family history"},
    "Social": {"zh": "个人史", "en": "Social history"},
    "Immunization": {"zh": "疫苗接种", "en": "Immunizations"},
    "Document": {"zh": "文书", "en": "Notes"},
}
_SEPARATOR: Final = re.compile(r"\s+")


def is_bundle(content: bytes) -> bool:
    """Whether a file looks like a FHIR Bundle in JSON."""
    head = content[:100_000].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"{") and re.search(rb'"resourceType"\s*:\s*"Bundle"', content[:1_000_000]) is not None


def from_fhir(content: bytes) -> tuple[str, list[Block], str | None]:
    """The text, its blocks, and its language where the Bundle says one. Raises InvalidFhir."""
    try:
        bundle = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InvalidFhir(f"the file is no JSON: {error}") from None
    if not isinstance(bundle, dict) or cast(dict[str, Any], bundle).get("resourceType") != "Bundle":
        raise InvalidFhir('the JSON is no FHIR Bundle: its "resourceType" is not "Bundle"')
    found = [each for each in _dicts(cast(dict[str, Any], bundle).get("entry")) if _dict(each.get("resource"))]
    if len(found) > MAX_RESOURCES:
        raise InvalidFhir(f"the Bundle has {len(found)} resources; at most {MAX_RESOURCES} are read")
    resources = [_dict(each["resource"]) for each in found]
    language = _language(cast(dict[str, Any], bundle), resources)
    shown = "zh" if (language or "").startswith("zh") or _is_chinese(content) else "en"
    grouped: dict[str, list[str]] = {}
    for resource in resources:
        kind, lines = _lines(resource, shown)
        if lines:
            grouped.setdefault(kind, []).extend(lines)
    writer = Narrative()
    for kind, titles in _TITLES.items():
        lines = list(dict.fromkeys(grouped.get(kind, [])))
        if lines:
            writer.add(titles[shown] + ("：" if shown == "zh" else ":"), "heading", 0)
            for line in lines:
                writer.add(line, "list_item")
    if not writer.blocks:
        raise InvalidFhir("the Bundle holds nothing that can be read as a record (conditions, medications, notes …)")
    return writer.text, writer.blocks, language


def _dict(value: object) -> dict[str, Any]:
    found: dict[str, Any] = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    return found


def _dicts(value: object) -> list[dict[str, Any]]:
    items = cast(list[object], value) if isinstance(value, list) else []
    return [_dict(item) for item in items if _dict(item)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _language(bundle: dict[str, Any], resources: list[dict[str, Any]]) -> str | None:
    for each in (bundle, *(r for r in resources if r.get("resourceType") == "Composition"), *resources):
        if code := _text(each.get("language")):
            return code
    return None


def _is_chinese(content: bytes) -> bool:
    sample = content[:200_000].decode("utf-8", "ignore")
    return len(re.findall(r"[\u4e00-\u9fff]", sample)) > 20


def _concept(value: object) -> str:
    """What a CodeableConcept (or R5 CodeableReference) says in words."""
    concept = _dict(value)
    if "concept" in concept:
        concept = _dict(concept["concept"])
    if text := _text(concept.get("text")):
        return text
    shown = [_text(coding.get("display")) or _text(coding.get("code")) for coding in _dicts(concept.get("coding"))]
    return next((each for each in shown if each), "")


def _code(value: object) -> str:
    return next((_text(coding.get("code")) for coding in _dicts(_dict(value).get("coding"))), "") or _text(value)


def _quantity(value: object) -> str:
    quantity = _dict(value)
    number = quantity.get("value")
    if not isinstance(number, int | float):
        return ""
    unit = _text(quantity.get("unit")) or _text(quantity.get("code"))
    return f"{_text(quantity.get('comparator'))}{number:g} {unit}".strip()


def _day(resource: dict[str, Any], *names: str) -> str:
    for name in names:
        value = resource.get(name)
        text = _text(value) or _text(_dict(value).get("start"))
        if text:
            return text[:10]
    return ""


def _lines(resource: dict[str, Any], shown: str) -> tuple[str, list[str]]:
    kind = _text(resource.get("resourceType"))
    reader = _READERS.get(kind)
    if reader is None or _text(_dict(resource.get("verificationStatus")).get("text")) == "entered-in-error":
        return kind, []
    if _code(resource.get("verificationStatus")) == "entered-in-error" or resource.get("status") == "entered-in-error":
        return kind, []
    group, line = reader(resource, shown)
    lines = [each for each in (line if isinstance(line, list) else [line]) if each]
    if not lines and (narrative := _narrative(resource)):
        lines = narrative
    return group, lines


def _narrative(resource: dict[str, Any]) -> list[str]:
    div = _text(_dict(resource.get("text")).get("div"))
    broken = re.sub(r"<(?:br|/p|/li|/tr|/div|/h\d)[^>]{0,200}>", "\n", div)
    plain = unescape(re.sub(r"<[^>]{0,2000}>", " ", broken))
    return [line for each in plain.splitlines() if (line := _SEPARATOR.sub(" ", each).strip())]


def _patient(resource: dict[str, Any], shown: str) -> tuple[str, list[str]]:
    zh = shown == "zh"
    colon = "：" if zh else ": "
    lines: list[str] = []
    for name in _dicts(resource.get("name"))[:3]:
        given = (
            [each for each in cast(list[object], name.get("given") or []) if isinstance(each, str)]
            if isinstance(name.get("given"), list)
            else []
        )
        whole = _text(name.get("text")) or (
            f"{_text(name.get('family'))}{''.join(given)}"
            if zh
            else " ".join([*given, _text(name.get("family"))]).strip()
        )
        if whole:
            lines.append(("姓名" if zh else "Name") + colon + whole)
    sex = {"male": "男" if zh else "male", "female": "女" if zh else "female"}.get(_text(resource.get("gender")), "")
    values = (
        ("性别" if zh else "Sex", sex),
        ("出生日期" if zh else "Date of birth", _text(resource.get("birthDate"))),
        *(
            ("病历号" if zh else "Record number", _text(each.get("value")))
            for each in _dicts(resource.get("identifier"))[:5]
        ),
        *(("电话" if zh else "Telephone", _text(each.get("value"))) for each in _dicts(resource.get("telecom"))[:5]),
        *(("地址" if zh else "Address", _address(each)) for each in _dicts(resource.get("address"))[:3]),
    )
    return "Patient", lines + [label + colon + value for label, value in values if value]


def _address(address: dict[str, Any]) -> str:
    if text := _text(address.get("text")):
        return text
    lines = (
        [each for each in cast(list[object], address.get("line") or []) if isinstance(each, str)]
        if isinstance(address.get("line"), list)
        else []
    )
    return ", ".join(filter(None, [*lines, *(_text(address.get(name)) for name in ("city", "state", "postalCode"))]))


def _condition(resource: dict[str, Any], shown: str) -> tuple[str, str]:
    text = _concept(resource.get("code"))
    if not text:
        return "Condition", ""
    status = _code(resource.get("verificationStatus"))
    clinical = _code(resource.get("clinicalStatus"))
    day = _day(resource, "onsetDateTime", "onsetPeriod", "recordedDate")
    if status == "refuted":
        text = f"无{text}" if shown == "zh" else f"No {text}"
    elif status in {"provisional", "differential", "unconfirmed"}:
        text = f"{text}待排" if shown == "zh" else f"possible {text}"
    elif clinical in {"inactive", "remission", "resolved"}:
        text = f"{text}病史" if shown == "zh" else f"history of {text}"
    return "Condition", f"{text} ({day})" if day else text


def _medication(resource: dict[str, Any], shown: str) -> tuple[str, str]:
    text = _concept(resource.get("medicationCodeableConcept")) or _concept(resource.get("medication"))
    text = text or _text(_dict(resource.get("medicationReference")).get("display"))
    if not text:
        return "Medication", ""
    dosages = _dicts(resource.get("dosage")) or _dicts(resource.get("dosageInstruction"))
    said = [_dosage(each) for each in dosages[:3]]
    line = " ".join(filter(None, [text, "; ".join(filter(None, said))]))
    status = _text(resource.get("status"))
    if status in {"stopped", "cancelled", "on-hold"}:
        return "Medication", f"停用{line}" if shown == "zh" else f"{line} (stopped)"
    return (
        "Medication",
        f"未服用{line}"
        if status == "not-taken" and shown == "zh"
        else f"not taking {line}"
        if status == "not-taken"
        else line,
    )


def _dosage(dosage: dict[str, Any]) -> str:
    if text := _text(dosage.get("text")):
        return text
    rates = _dicts(dosage.get("doseAndRate"))
    dose = _quantity(rates[0].get("doseQuantity")) if rates else _quantity(dosage.get("doseQuantity"))
    repeat = _dict(_dict(dosage.get("timing")).get("repeat"))
    count, period, unit = (repeat.get(name) for name in ("frequency", "period", "periodUnit"))
    often = _concept(_dict(dosage.get("timing")).get("code"))
    if not often and isinstance(count, int) and isinstance(period, int | float) and unit in {"d", "h", "wk"}:
        names = {"d": "day", "h": "hours", "wk": "week"}
        often = (
            f"every {period:g} hours"
            if unit == "h"
            else f"{count} times per {names[unit]}"
            if period == 1
            else f"every {period:g} {names[unit]}s"
        )
    return " ".join(filter(None, [dose, _concept(dosage.get("route")), often]))


def _allergy(resource: dict[str, Any], shown: str) -> tuple[str, str]:
    text = _concept(resource.get("code"))
    if not text:
        return "AllergyIntolerance", ""
    reactions = [
        said
        for reaction in _dicts(resource.get("reaction"))
        for manifestation in _dicts(reaction.get("manifestation"))
        if (said := _concept(manifestation))
    ]
    if _code(resource.get("verificationStatus")) == "refuted":
        return "AllergyIntolerance", f"否认{text}过敏" if shown == "zh" else f"No allergy to {text}"
    return (
        "AllergyIntolerance",
        f"{text}（{'、'.join(reactions)}）"
        if reactions and shown == "zh"
        else f"{text} ({', '.join(reactions)})"
        if reactions
        else text,
    )


def _observation(resource: dict[str, Any], shown: str) -> tuple[str, list[str]]:
    categories = {_code(each) for each in _dicts(resource.get("category"))}
    group = "Vital" if "vital-signs" in categories else "Social" if "social-history" in categories else "Observation"
    name = _concept(resource.get("code"))
    parts = [_component(each) for each in _dicts(resource.get("component"))]
    values = [value for _, value in parts if value]
    pressures = len(values) == 2 and all(re.search(r"mm\s?\[?Hg", value) for value in values)
    if pressures:
        one, other = (re.sub(r"\s.*", "", value) for value in values)
        value = f"{one}/{other} mmHg"
    else:
        value = _value(resource)
    if not name:
        return group, []
    lines = [f"{name}{'：' if shown == 'zh' else ': '}{value}{_reference(resource, shown)}"] if value else []
    if not pressures:
        lines += [f"{part}: {said}" for part, said in parts if part and said]
    return group, lines


def _component(component: dict[str, Any]) -> tuple[str, str]:
    return _concept(component.get("code")), _value(component)


def _value(resource: dict[str, Any]) -> str:
    for name in ("valueString", "valueDateTime"):
        if text := _text(resource.get(name)):
            return text
    if isinstance(whole := resource.get("valueInteger"), int):
        return str(whole)
    range_ = _dict(resource.get("valueRange"))
    if range_:
        return " - ".join(filter(None, (_quantity(range_.get("low")), _quantity(range_.get("high")))))
    return _quantity(resource.get("valueQuantity")) or _concept(resource.get("valueCodeableConcept"))


def _reference(resource: dict[str, Any], shown: str) -> str:
    """The range of reference and the flag, as a laboratory prints them."""
    said = ""
    for range_ in _dicts(resource.get("referenceRange"))[:1]:
        low, high = (_dict(range_.get(name)).get("value") for name in ("low", "high"))
        text = _text(range_.get("text")) or (
            f"{low:g}-{high:g}" if isinstance(low, int | float) and isinstance(high, int | float) else ""
        )
        text = text.strip("（）() ")
        said = f"（{text}）" if text and shown == "zh" else f" ({text})" if text else ""
    flag = {_code(each) for each in _dicts(resource.get("interpretation"))}
    return said + (" ↑" if flag & {"H", "HH"} else " ↓" if flag & {"L", "LL"} else "")


def _procedure(resource: dict[str, Any], shown: str) -> tuple[str, str]:
    text = _concept(resource.get("code"))
    day = _day(resource, "performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod")
    if text and resource.get("status") == "not-done":
        text = f"未行{text}" if shown == "zh" else f"{text} was not done"
    return "Procedure", f"{text} ({day})" if text and day else text


def _family(resource: dict[str, Any], shown: str) -> tuple[str, str]:
    who = _concept(resource.get("relationship"))
    conditions = [said for each in _dicts(resource.get("condition")) if (said := _concept(each.get("code")))]
    if not conditions:
        return "FamilyMemberHistory", ""
    return (
        "FamilyMemberHistory",
        f"{who}患{'、'.join(conditions)}" if shown == "zh" else f"{who}: {', '.join(conditions)}",
    )


def _encounter(resource: dict[str, Any], shown: str) -> tuple[str, str]:
    reasons = [said for each in _dicts(resource.get("reasonCode")) if (said := _concept(each))]
    period = _dict(resource.get("period"))
    days = " - ".join(filter(None, (_text(period.get("start"))[:10], _text(period.get("end"))[:10])))
    return "Encounter", " ".join(filter(None, ["、".join(reasons) if shown == "zh" else ", ".join(reasons), days]))


def _immunization(resource: dict[str, Any], _: str) -> tuple[str, str]:
    day = _day(resource, "occurrenceDateTime")
    text = _concept(resource.get("vaccineCode"))
    return "Immunization", f"{text} ({day})" if text and day else text


def _document(resource: dict[str, Any], _: str) -> tuple[str, list[str]]:
    """Plain text that is attached, conclusions of reports, and the narrative of a composition."""
    lines = [_text(resource.get("conclusion"))]
    for content in _dicts(resource.get("content")):
        lines += _attached(_dict(content.get("attachment")))
    lines += [line for form in _dicts(resource.get("presentedForm")) for line in _attached(form)]
    for section in _dicts(resource.get("section")):
        narrative = _narrative(section)
        if narrative and not section.get("entry"):
            lines += [_text(section.get("title")), *narrative]
    return "Document", [line for line in lines if line]


def _attached(attachment: dict[str, Any]) -> list[str]:
    if not _text(attachment.get("contentType")).startswith("text/plain"):
        return []
    try:
        text = base64.b64decode(_text(attachment.get("data")), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


_READERS: Final[dict[str, Callable[[dict[str, Any], str], tuple[str, str | list[str]]]]] = {
    "Patient": _patient,
    "Encounter": _encounter,
    "Condition": _condition,
    "MedicationStatement": _medication,
    "MedicationRequest": _medication,
    "MedicationUsage": _medication,
    "MedicationAdministration": _medication,
    "AllergyIntolerance": _allergy,
    "Observation": _observation,
    "Procedure": _procedure,
    "FamilyMemberHistory": _family,
    "Immunization": _immunization,
    "DocumentReference": _document,
    "DiagnosticReport": _document,
    "Composition": _document,
}


def readable() -> Iterator[str]:
    """The types of resources that are read."""
    yield from _READERS
