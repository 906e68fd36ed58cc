"""What a workflow found, cut to what a model can read: the files hold all of it."""

from typing import Any, Final, cast

import orjson

from tools.contracts.categories import BY_KEY

LISTED: Final = 40
"""Most findings, alarms or untranslated segments in a digest; the number of all of them stands beside."""
QUOTED: Final = 400
"""Most characters of a quote or proposed wording in a digest."""
LONGEST: Final = 60_000
"""Most characters of a user's own workflow's output in a digest, as JSON."""

Fields = dict[str, Any]


def digest(workflow: str, output: Fields) -> Fields:
    """The output of a run without what is too long for a conversation."""
    match workflow:
        case "contract_review" if output.get("review"):
            return {**_review(output["review"]), "decision": output.get("decision")}
        case "medical_translation" if output.get("translation"):
            return {**_translation(output["translation"]), "outcome": output.get("outcome")}
        case "financial_advisor" if output.get("advice"):
            return _advice(output["advice"])
        case _:
            written = orjson.dumps(output)
            if len(written) <= LONGEST:
                return output
            start = written[:LONGEST].decode(errors="ignore")
            return {"truncated": True, "bytes": len(written), "start": start}


def _review(review: Fields) -> Fields:
    places = {each["id"]: each["path"] or each["title"] for each in review["structure"]["clauses"]}
    language: str = review["language"].split("-")[0]
    findings: list[Fields] = []
    for each in review["findings"][:LISTED]:
        category, reasons = BY_KEY.get(each["category"]), cast(dict[str, str], each["reason"])
        amendment: Fields = each["amendment"] or {}
        proposed = str(amendment.get("new") or "")
        findings.append(
            {
                "id": each["id"],
                "severity": each["severity"],
                "category": (category.zh if language == "zh" else category.en)
                if category
                else each["category"].capitalize(),
                "clause": places.get(each["clause"]),
                "page": each["page"],
                "reason": reasons.get(language) or next(iter(reasons.values()), ""),
                "quote": each["quote"][:QUOTED],
                "proposed": proposed[:QUOTED] if proposed != each["quote"] else "",
            }
        )
    return {
        "document": review["document"],
        "language": review["language"],
        "pages": review["pages"],
        "party": review["party"],
        "playbook": review["playbook"]["name"],
        "counts": review["counts"]["by_severity"],
        "findings_total": review["counts"]["total"],
        "findings": findings,
        "disclaimer": review["disclaimer"].get(language) or review["disclaimer"]["en"],
    }


def _translation(told: Fields) -> Fields:
    left: list[Fields] = told["untranslated"]
    return {
        "language": told["language"],
        "targets": told["targets"],
        "coverage": told["coverage"],
        "alarm_counts": told["counts"]["by_severity"],
        "alarms": [_fields(each, "id", "severity", "kind", "why") for each in told["alarms"][:LISTED]],
        "cautions": [_fields(each, "code", "severity", "message") for each in told["cautions"][:LISTED]],
        "untranslated_total": len(left),
        "untranslated": [_fields(each, "segment", "language", "pieces") for each in left[:LISTED]],
        "advice": [
            {**_fields(each, "severity", "text"), "sources": [one["title"] for one in each["citations"]]}
            for each in told["advice"][:LISTED]
        ],
        "disclaimer": told["disclaimer"]["en"],
    }


def _fields(entry: Fields, *names: str) -> Fields:
    return {name: entry[name] for name in names}


def _advice(advice: Fields) -> Fields:
    return {
        "kind": advice["kind"],
        "sections": advice["sections"],
        "missing": advice["missing"],
        "recommendation": advice["recommendation"],
        "client_class": advice["suitability"]["client_class"] if advice["suitability"] else None,
        "figures_traced": len(advice["figures"]),
        "synthetic": advice["synthetic"],
        "disclosure": advice["disclosure"],
    }


def text(workflow: str, result: Fields | None, heading: str, tail: str) -> str:
    """A digest in words (Markdown)."""
    parts = [heading]
    if result is not None:
        match workflow:
            case "contract_review" if "findings" in result:
                parts.append(_review_text(result))
            case "medical_translation" if "coverage" in result:
                parts.append(_translation_text(result))
            case "financial_advisor" if "sections" in result:
                parts.append(_advice_text(result))
            case _:
                parts.append("```json\n" + orjson.dumps(result, option=orjson.OPT_INDENT_2).decode() + "\n```")
    return "\n\n".join([*parts, tail] if tail else parts)


def _review_text(review: Fields) -> str:
    counts = ", ".join(f"{count} {severity}" for severity, count in review["counts"].items() if count) or "none"
    lines = [f"**{review['document']}**: {review['findings_total']} findings ({counts})."]
    for number, each in enumerate(review["findings"], 1):
        where = " · ".join(str(part) for part in (each["clause"], each["page"] and f"page {each['page']}") if part)
        lines.append(
            f"{number}. [{each['severity']}] **{each['category']}**{f' ({where})' if where else ''}: {each['reason']}"
        )
        if each["quote"]:
            lines.append(f"   > {' '.join(each['quote'].split())}")
        if each["proposed"]:
            lines.append(f"   Proposed: {' '.join(each['proposed'].split())}")
    if review["findings_total"] > len(review["findings"]):
        lines.append(f"… and {review['findings_total'] - len(review['findings'])} more, in the report.")
    if review["party"] is None:
        lines.append("No party was given: “we” is the party named first. Say for whom the user acts to be sure.")
    return "\n".join([*lines, f"_{review['disclaimer']}_"])


def _translation_text(told: Fields) -> str:
    shares = ", ".join(f"{target} {int(each['share'] * 100)}%" for target, each in told["coverage"].items())
    counts = ", ".join(f"{count} {severity}" for severity, count in told["alarm_counts"].items() if count) or "none"
    lines = [f"Outcome: {told['outcome'] or 'not released yet'}. Translated: {shares}. Alarms: {counts}."]
    lines += [f"- [{each['severity']}] {each['id']}: {each['why']}" for each in told["alarms"]]
    lines += [f"- [{each['severity']}] caution: {each['message']}" for each in told["cautions"]]
    lines += [f"- advice ({each['severity']}): {each['text']}" for each in told["advice"]]
    if told["untranslated_total"]:
        lines.append(f"{told['untranslated_total']} segments are not translated, in whole or in part:")
        lines += [
            f"- {each['segment']}.{each['language']}: {' · '.join(each['pieces'])}" for each in told["untranslated"]
        ]
    return "\n".join([*lines, f"_{told['disclaimer']}_"])


def _advice_text(advice: Fields) -> str:
    parts: list[str] = []
    for section in advice["sections"]:
        body = "\n".join(section["paragraphs"])
        parts.append(f"**{section['title']}**\n{body}" if section["title"] else body)
    return "\n\n".join([*parts, f"_{advice['disclosure']}_"] if advice["kind"] == "answer" else parts)
