"""`to_fhir`: key data as a FHIR R4 document, validated by fhir.resources before it is given out.

R4 (4.0.1) is what most systems read. fhir.resources has its close successor R4B (4.3.0), in which the resources used
here are the same but for changes that this document does not touch; so R4B's models validate it.
"""
# ruff: noqa: E501

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import Any, Final, cast
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson
from pydantic import ValidationError

from tools.errors import ConsiliaError
from tools.medicine.extraction.keydata import KeyData
from tools.medicine.fhir.codings import LOINC
from tools.medicine.fhir.resources import Resource, resources

_SECTIONS: Final = {
    "problems": ("11450-4", "Problem list"),
    "medications": ("10160-0", "History of medication use"),
    "allergies": ("48765-2", "Allergies and adverse reactions"),
    "vital-signs": ("8716-3", "Vital signs"),
    "laboratory": ("30954-2", "Relevant diagnostic tests and laboratory data"),
    "procedures": ("47519-4", "History of procedures"),
    "family-history": ("10157-6", "History of family member diseases"),
    "social-history": ("29762-2", "Social history"),
    "warnings": ("51848-0", "Evaluation note"),
}
"""LOINC codes of the sections, as in HL7's Continuity of Care Document."""


_FREE: Final = frozenset({"valueString", "text", "display", "detail", "id", "fullUrl", "reference"})
_COUNTED: Final = frozenset({"valueInteger", "valueUnsignedInt"})
_PLAIN: Final = re.compile(r"[^\s\x00-\x1f](?:[^\x00-\x1f]*[^\s\x00-\x1f])?")
"""A text that every string of FHIR may hold: not empty, no control characters, no white space at its ends."""
_ENTRIES: Final = 50
"""Entries of a Bundle that are validated together."""


class InvalidFhir(ConsiliaError):
    """A Bundle that is none, or resources that do not hold to FHIR."""

    code = "invalid_fhir"
    status = 422


def to_fhir(
    data: KeyData, when: datetime, title: str = "Medical record", source: str | None = None, placed: bool = True
) -> dict[str, Any]:
    """A Bundle of type document: Composition, an anonymous Patient, what was read, and its Provenance.

    when: the time of the reading, with its zone. source: what names the record (its SHA-256, say), for stable ids. placed:
    whether the offsets of quotes are given beside them.
    Raises InvalidFhir, which would be our fault.
    """
    stamp = when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    namespace = uuid5(NAMESPACE_URL, f"urn:consilia:{source or title}")
    entries: list[tuple[str, Resource]] = []
    sections: dict[str, list[str]] = {}
    for number, (section, resource) in enumerate(resources(data)):
        identity = str(uuid5(namespace, f"{number}"))
        resource = {key: value for key, value in resource.items() if value not in ([], None)}
        if not placed:
            resource = _unplaced(resource)
        entries.append((identity, {**resource, "id": identity}))
        sections.setdefault(section, []).append(identity)
    fixed = _fixed(namespace, stamp, title, data, entries, sections)
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": str(uuid5(namespace, "bundle")),
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid5(namespace, 'document')}"},
        "type": "document",
        "timestamp": stamp,
        "entry": [{"fullUrl": f"urn:uuid:{identity}", "resource": resource} for identity, resource in (*fixed, *entries)],
    }  # fmt: skip
    linked = cast(dict[str, Any], _linked(bundle, {"Patient/patient": f"urn:uuid:{uuid5(namespace, 'patient')}"}))
    shapes = {orjson.dumps(_shape(entry)): entry for entry in linked["entry"]}
    validated({**linked, "entry": list(shapes.values())})
    return linked


def _shape(value: object, name: str = "") -> object:
    """A resource without what any text or number may stand in for: one of each shape is validated.

    Of a long record's ten thousands of resources most differ in their words and offsets only.
    """
    if isinstance(value, dict):
        return {key: _shape(item, key) for key, item in cast(dict[str, object], value).items()}
    if isinstance(value, list):
        return [_shape(item, name) for item in cast(list[object], value)]
    if name in _FREE and isinstance(value, str) and _PLAIN.fullmatch(value):
        return ""
    return 0 if name in _COUNTED and isinstance(value, int) and value >= 0 else value


def validated(bundle: dict[str, Any]) -> dict[str, Any]:
    """The Bundle as it is, if fhir.resources accepts it. Raises InvalidFhir."""
    from fhir.resources.R4B.bundle import Bundle  # a third of a second to import

    told = bundle.get("entry")
    entries = cast(list[Any], told) if isinstance(told, list) else []
    starts = range(0, max(1, len(entries)), _ENTRIES)
    for start in starts:  # a few at a time: validation in one go lets no other thread run
        part: dict[str, Any] = {**bundle, "entry": entries[start : start + _ENTRIES]} if len(starts) > 1 else bundle
        try:
            Bundle.model_validate(part)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(str(each) for each in fault["loc"])
            many = f" (counted from entry {start})" if start else ""
            raise InvalidFhir(f"the FHIR document is not valid at {place}{many}: {fault['msg']}") from None
    return bundle


def _unplaced(resource: Resource) -> Resource:
    """A resource whose quotes have no offsets."""
    extensions = [
        {**each, "extension": [part for part in each["extension"] if part["url"] == "quote"]}
        for each in resource.get("extension", [])
    ]
    return {**resource, "extension": extensions} if extensions else resource


def _fixed(
    namespace: UUID,
    stamp: str,
    title: str,
    data: KeyData,
    entries: list[tuple[str, Resource]],
    sections: dict[str, list[str]],
) -> Iterator[tuple[str, Resource]]:
    patient, device = str(uuid5(namespace, "patient")), str(uuid5(namespace, "device"))
    known = dict(entries)
    composition: Resource = {
        "resourceType": "Composition",
        "id": str(uuid5(namespace, "composition")),
        "status": "preliminary",
        "type": {"coding": [{"system": LOINC, "code": "34133-9", "display": "Summary of episode note"}]},
        "subject": {"reference": "Patient/patient"},
        "date": stamp,
        "author": [{"reference": f"urn:uuid:{device}"}],
        "title": title,
        "section": [
            {
                "title": _SECTIONS[kind][1],
                "code": {"coding": [{"system": LOINC, "code": _SECTIONS[kind][0], "display": _SECTIONS[kind][1]}]},
                "text": {"status": "generated", "div": _narrative([known[identity] for identity in identities])},
                "entry": [{"reference": f"urn:uuid:{identity}"} for identity in identities],
            }
            for kind, identities in sections.items()
        ],
    }
    if re.fullmatch(r"[a-z]{2,3}", data.language) and data.language != "und":
        composition["language"] = data.language
    if not composition["section"]:
        del composition["section"]
    yield composition["id"], composition
    yield patient, {"resourceType": "Patient", "id": patient}
    yield (
        device,
        {
            "resourceType": "Device",
            "id": device,
            "deviceName": [{"name": "Consilia", "type": "model-name"}],
            "note": [{"text": "Read from the record's text by rule, without a person; check before use."}],
        },
    )
    if entries:
        provenance = str(uuid5(namespace, "provenance"))
        yield (
            provenance,
            {
                "resourceType": "Provenance",
                "id": provenance,
                "target": [{"reference": f"urn:uuid:{identity}"} for identity, _ in entries],
                "recorded": stamp,
                "agent": [{"who": {"reference": f"urn:uuid:{device}"}}],
            },
        )


def _narrative(items: list[Resource]) -> str:
    lines = "".join(f"<li>{escape(_line(item))}</li>" for item in items)
    return f'<div xmlns="http://www.w3.org/1999/xhtml"><ul>{lines}</ul></div>'


def _line(item: Resource) -> str:
    quotes = [
        part["valueString"]
        for extension in item.get("extension", [])
        for part in extension["extension"]
        if part["url"] == "quote"
    ]
    status: Resource = item.get("verificationStatus") or {}
    mark: str = status["coding"][0]["code"] if status else item.get("status", "")
    text = item.get("detail") or "; ".join(quotes)
    printable = "".join(character if character.isprintable() else " " for character in text)
    return (
        f"{printable} ({mark})"
        if mark not in {"final", "confirmed", "completed", "partial", "preliminary"}
        else printable
    )


def _linked(value: object, links: dict[str, str]) -> object:
    """References inside the document by fullUrl."""
    if isinstance(value, dict):
        each = cast(dict[str, object], value)
        return {
            key: links.get(item, item) if key == "reference" and isinstance(item, str) else _linked(item, links)
            for key, item in each.items()
        }
    if isinstance(value, list):
        return [_linked(item, links) for item in cast(list[object], value)]
    return value
