"""The key data as lines to read: what, how much, whose and whether, each in the record's own words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

KINDS: Final = (
    "problems", "medications", "allergies", "vital_signs", "laboratory", "procedures", "family_history",
    "social_history",
)  # fmt: skip
_FLAGS: Final = {"high": "↑", "low": "↓", "abnormal": "!"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line. mark: negated, suspected, historical, other (somebody else's) or affirmed. code: ICD-10-CM."""

    quote: str
    detail: str
    mark: str
    code: str = ""
    flag: str = ""


def facts(key_data: Mapping[str, Any]) -> dict[str, list[Fact]]:
    """The lines of each kind that has any, in the order of KINDS. key_data: `KeyData` as JSON."""
    items: Mapping[str, list[dict[str, Any]]] = key_data
    found = {kind: [_fact(kind, each) for each in items.get(kind, [])] for kind in KINDS}
    return {kind: lines for kind, lines in found.items() if lines}


def _fact(kind: str, item: Mapping[str, Any]) -> Fact:
    details = {"medications": _medication, "allergies": _allergy, "vital_signs": _measured, "laboratory": _measured}
    parts = details.get(kind, _other)(item)
    return Fact(
        quote=item["quote"],
        detail=" · ".join(each for each in parts if each),
        mark=_mark(item),
        code=item.get("icd10cm") or "",
        flag=_FLAGS.get(item.get("flag") or "", ""),
    )


def _mark(item: Mapping[str, Any]) -> str:
    """As `keydata.Statement.mark` says it."""
    if item.get("subject") == "other":
        return "other"
    if item.get("presence") in ("negated", "suspected"):
        return item["presence"]
    return "stopped" if item.get("stopped") else "historical" if item.get("historical") else "affirmed"


def _amount(amount: Mapping[str, Any] | None) -> str:
    if not amount:
        return ""
    high = f"–{amount['high']:g}" if amount.get("high") else ""
    return f"{amount['value']:g}{high} {amount.get('unit') or ''}".strip()


def _medication(item: Mapping[str, Any]) -> Iterator[str]:
    yield _amount(item.get("dose"))
    yield item.get("route") or ""
    often: Mapping[str, Any] | None = item.get("frequency")
    yield often["text"] if often else ""
    yield f"{item['duration_days']:g} d" if item.get("duration_days") else ""


def _allergy(item: Mapping[str, Any]) -> Iterator[str]:
    yield item.get("substance") or ""
    yield item.get("reaction") or ""


def _measured(item: Mapping[str, Any]) -> Iterator[str]:
    value = _amount(item.get("amount")) or item.get("text") or ""
    if item.get("second"):
        value = f"{item['amount']['value']:g}/{_amount(item['second'])}"
    yield f"{item.get('comparator') or ''}{value}"
    reference = item.get("reference")
    yield f"[{reference['text']}]" if reference else ""


def _other(item: Mapping[str, Any]) -> Iterator[str]:
    yield item.get("relation") or ""
    yield item.get("quantity") or ""
