"""The knowledge base read from its TOML files, and names found in it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tools.medicine.knowledge.entries import AllergyRule, Condition, Drug, Interaction, Limit, Names, RenalRule, Source
from tools.medicine.lexicon import IDEOGRAPHIC, fold
from tools.medicine.term_base import LANGUAGES, Term, name

FILES = Path(__file__).parent
_LIMIT = re.compile(r"(\w+) (single|daily|weekly) ([\d.]+) (mg/kg|mg|units)(?:: (.+))?")
_RENAL = re.compile(r"<(\d+) (contraindicated|avoid|reduce|caution): (.+)")


@dataclass(frozen=True)
class Knowledge:
    """Everything that is known. outside: substances that only interactions name (alcohol, contrast medium)."""

    drugs: Mapping[str, Drug]
    conditions: Mapping[str, Condition]
    interactions: tuple[Interaction, ...]
    allergies: tuple[AllergyRule, ...]
    outside: tuple[str, ...]

    @cached_property
    def drug_names(self) -> dict[str, str]:
        """Folded names and brands, with the drug's key; names proper win over brands."""
        brands = {fold(brand): drug.key for drug in self.drugs.values() for brand in drug.brands}
        return brands | {fold(each): drug.key for drug in self.drugs.values() for each in drug.names.all()}

    @cached_property
    def condition_names(self) -> dict[str, str]:
        """Folded names with the condition's key; full entries win over mere states."""
        ordered = sorted(self.conditions.values(), key=lambda each: bool(each.summary))
        return {fold(each): condition.key for condition in ordered for each in condition.names.all()}

    @cached_property
    def classes(self) -> frozenset[str]:
        """Every class that a drug bears."""
        return frozenset(each for drug in self.drugs.values() for each in drug.classes)


@cache
def load() -> Knowledge:
    """The project's own knowledge base."""
    sources = {key: Source(**row) for key, row in _toml(FILES / "sources.toml").items()}
    rules = _toml(FILES / "interactions.toml")
    return Knowledge(
        {key: _drug(key, row, sources) for key, row in _folder("drugs").items()},
        {key: _condition(key, row) for key, row in _folder("conditions").items()},
        tuple(Interaction(**_cited(row, sources)) for row in rules["interaction"]),
        tuple(AllergyRule(**_cited(row, sources)) for row in _toml(FILES / "allergies.toml")["allergy"]),
        tuple(rules["outside"]),
    )


def _toml(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)


def _folder(folder: str) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted((FILES / folder).glob("*.toml")):
        for key, row in _toml(path).items():
            if key in rows:
                raise ValueError(f"{path.name}: {key!r} is there twice")
            rows[key] = row
    return rows


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _names(cell: str) -> Names:
    cells = cell.split("|")
    if len(cells) != len(LANGUAGES):
        raise ValueError(f"{len(cells)} cells of names, {len(LANGUAGES)} are needed: {cell!r}")
    return Names(**{
        lang: tuple(name(each).text for each in _parts(part)) for lang, part in zip(LANGUAGES, cells, strict=True)
    })  # fmt: skip


def _cited(row: dict[str, Any], sources: Mapping[str, Source]) -> dict[str, Any]:
    return {**row, "sources": tuple(sources[key] for key in _parts(row["sources"]))}


def _drug(key: str, row: dict[str, Any], sources: Mapping[str, Source]) -> Drug:
    known = {"names", "atc", "brands", "confused_with", "classes", "uses", "dose", "max", "weekly", "contra", "renal",
             "hepatic", "pregnancy", "elderly", "warnings", "sources"}  # fmt: skip
    if unknown := row.keys() - known:
        raise ValueError(f"drug {key}: unknown fields {sorted(unknown)}")
    return Drug(
        key=key,
        names=_names(row["names"]),
        atc=row["atc"],
        brands=_parts(row.get("brands", "")),
        confused_with=_parts(row.get("confused_with", "")),
        classes=_parts(row["classes"]),
        uses=row["uses"],
        dose=row["dose"],
        limits=tuple(_limit(key, text) for text in row.get("max", ())),
        weekly=tuple(row.get("weekly", ())),
        contraindications=_parts(row.get("contra", "")),
        renal=tuple(sorted((_renal(key, text) for text in row.get("renal", ())), key=lambda rule: rule.below)),
        hepatic=row.get("hepatic", ""),
        pregnancy=row.get("pregnancy", ""),
        elderly=row.get("elderly", ""),
        warnings=row.get("warnings", ""),
        sources=tuple(sources[each] for each in _parts(row["sources"])),
    )


def _limit(key: str, text: str) -> Limit:
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise ValueError(f"drug {key}: no limit: {text!r}")
    route, period, amount, unit, note = match.groups()
    return Limit(route=route, period=period, amount=float(amount), unit=unit, note=note or "")  # pyright: ignore[reportArgumentType], matched


def _renal(key: str, text: str) -> RenalRule:
    match = _RENAL.fullmatch(text)
    if match is None:
        raise ValueError(f"drug {key}: no renal rule: {text!r}")
    return RenalRule(below=float(match[1]), advice=match[2], detail=match[3])  # pyright: ignore[reportArgumentType], matched


def _condition(key: str, row: dict[str, Any]) -> Condition:
    return Condition(
        key=key,
        names=_names(row["names"]),
        icd10=row["icd10"],
        is_a=_parts(row.get("is_a", "")),
        summary=row.get("summary", ""),
        red_flags=_parts(row.get("red_flags", "")),
        tests=_parts(row.get("tests", "")),
        treatments=_parts(row.get("treatments", "")),
        sources=tuple(Source(title=title) for title in _parts(row.get("sources", ""))),
    )


def terms() -> list[Term]:
    """The drugs and the conditions as terms of the term base, with the gender of their names."""
    rows = [("drug", row["names"]) for row in _folder("drugs").values()]
    rows += [("diagnosis", row["names"]) for row in _folder("conditions").values() if "summary" in row]
    return [
        Term(kind, {
            lang: tuple(
                replace(name(each), loose=kind == "diagnosis" and at > 0) for at, each in enumerate(_parts(cell))
            )
            for lang, cell in zip(LANGUAGES, cells.split("|"), strict=True)
        })
        for kind, cells in rows
    ]  # fmt: skip


def find_drug(text: str) -> Drug | None:
    """The drug that a name in any language, a brand, or a name with its salt or form means ("阿司匹林肠溶片 100mg")."""
    found = find_drugs(text)
    return found[0] if found else None


def find_drugs(text: str) -> list[Drug]:
    """Every drug that a text names, in order; the longest name at each place wins."""
    known = load()
    folded = fold(text.strip())
    if key := known.drug_names.get(folded):
        return [known.drugs[key]]
    keys: list[str] = []
    taken = [False] * len(folded)
    places: list[tuple[int, str]] = []
    for each in _by_length("drug"):
        at = folded.find(each)
        while at >= 0:
            end = at + len(each)
            if not any(taken[at:end]) and _stands(folded, at, end):
                taken[at:end] = [True] * len(each)
                places.append((at, known.drug_names[each]))
            at = folded.find(each, at + 1)
    for _, key in sorted(places):
        if key not in keys:
            keys.append(key)
    return [known.drugs[key] for key in keys]


def find_condition(text: str) -> Condition | None:
    """The condition that a name in any language or an ICD-10 code means, also as part of a longer text."""
    known = load()
    folded = fold(text.strip())
    if key := known.condition_names.get(folded):
        return known.conditions[key]
    if re.fullmatch(r"[A-Za-z]\d\d(\.\d+)?", text.strip()):
        return _by_code(text.strip().upper())
    for each in _by_length("condition"):
        at = folded.find(each)
        if at >= 0 and len(each) > 1 and _stands(folded, at, at + len(each)):
            return known.conditions[known.condition_names[each]]
    return None


def _by_code(code: str) -> Condition | None:
    entries = [each for each in load().conditions.values() if each.summary]
    exact = next((each for each in entries if each.icd10 == code), None)
    return exact or next((each for each in entries if each.icd10.split(".")[0] == code.split(".")[0]), None)


@cache
def _by_length(kind: str) -> tuple[str, ...]:
    known = load()
    names = known.drug_names if kind == "drug" else known.condition_names
    return tuple(sorted((each for each in names if len(each) > 1), key=len, reverse=True))


def _stands(folded: str, at: int, end: int) -> bool:
    """Whether a name is a word of its own: Latin letters must not go on at either side."""
    before, first, last, after = folded[at - 1 : at], folded[at], folded[end - 1], folded[end : end + 1]
    return not (
        (first.isascii() and first.isalpha() and before.isascii() and before.isalpha())
        or (last.isascii() and last.isalpha() and after.isascii() and after.isalpha())
    )


def in_language(names: Names, lang: str) -> str:
    """The preferred name in a language, else in English."""
    found: tuple[str, ...] = getattr(names, lang, ()) if lang in (*LANGUAGES, *IDEOGRAPHIC) else ()
    return (found or names.en)[0]
