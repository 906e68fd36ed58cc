"""The clinician's sign-off: what is shown, which decisions there are, and what a decision changes."""

from collections.abc import Sequence
from typing import Any, Final, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from workflows.medical_translation.report import SEVERITIES, complete
from workflows.medical_translation.state import Raised, Segment, Statement, Translated, TranslationState, key

# Every key of the state is optional to LangGraph; a sign-off comes after the nodes that set them.
# pyright: reportTypedDictNotRequiredAccess=false

SHOWN: Final = 500
"""Most segments of one interrupt; those with alarms or untranslated rests come first and all of them are shown."""


def question(state: TranslationState) -> dict[str, Any]:
    """What a person is asked, with all that is needed to decide, de-identified: the interrupt's value."""
    critical = critical_ids(state["alarms"])
    done = complete(state)
    asked = "Release the translation?"
    if critical:
        asked = f"{len(critical)} critical alarms must be accepted one by one, or their segments edited. {asked}"
    if not done:
        asked += " It is incomplete: approving releases it as a draft for a translator."
    shown = _shown(state)
    return {
        "kind": "sign_off",
        "title": "A medical translation waits for a clinician",
        "question": asked,
        "outcome": "released" if done else "needs_translator",
        "problem": state.get("problem"),
        "coverage": state["translation"]["coverage"],
        "alarms": [each.model_dump(mode="json") for each in _by_weight(state["alarms"])],
        "cautions": [each.model_dump(mode="json") for each in state.get("cautions", [])],
        "advice": [each.model_dump(mode="json") for each in state.get("advice", [])],
        "segments": shown,
        "segments_total": len(state["segments"]),
        "files": state["files"],
        "schema": schema(state),
    }


def schema(state: TranslationState) -> dict[str, Any]:
    """The JSON schema of a decision."""
    critical = critical_ids(state["alarms"])
    reason: dict[str, Any] = {"type": "string", "maxLength": 2000, "title": "Reason"}
    accepted: dict[str, Any] = {
        "type": "array",
        "title": "Critical alarms that I have looked at and accept",
        "items": {"type": "string"},
        "uniqueItems": True,
    }
    if critical:
        accepted["items"] = {"enum": critical}
    edit = {
        "type": "object",
        "properties": {
            "segment": {"type": "string", "title": "Segment, or statement of the advice"},
            "language": {"enum": list(state["targets"]), "title": "Language"},
            "text": {"type": "string", "minLength": 1, "maxLength": 20_000, "title": "New translation"},
        },
        "required": ["segment", "language", "text"],
        "additionalProperties": False,
    }
    edits = {"type": "array", "items": edit, "minItems": 1, "title": "Edited segments"}
    choices: list[tuple[str, str, dict[str, Any], list[str]]] = [
        ("approve", "Release", {"accepted": accepted}, ["accepted"] if critical else []),
        ("edit", "Change segments; they are verified again", {"edits": edits}, ["edits"]),
        ("reject", "Do not release", {}, ["reason"]),
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["decision"],
        "oneOf": [
            {
                "title": title,
                "properties": {"decision": {"const": name}, "reason": reason, **more},
                "required": ["decision", *required],
                "additionalProperties": False,
            }
            for name, title, more, required in choices
        ],
    }


def decide(state: TranslationState, answer: Any) -> dict[str, Any]:
    """What an answer changes of the state: a decision on record, or the problem for which it is asked again."""
    given = cast(dict[str, Any], answer) if isinstance(answer, dict) else {"decision": answer}
    problem = _problem(state, given)
    if problem:
        return {"problem": problem, "decision": None}
    edits = cast(list[dict[str, str]], given.get("edits") or [])
    statements = {each.id for each in state.get("advice", [])}
    advised = {key(each["segment"], each["language"]): each["text"] for each in edits if each["segment"] in statements}
    decision: dict[str, Any] = {
        "decision": given["decision"],
        "reason": str(given.get("reason") or ""),
        "accepted": sorted(given.get("accepted") or []),
        "edited": [key(each["segment"], each["language"]) for each in edits],
    }
    changed = {
        key(each["segment"], each["language"]): _edited(each) for each in edits if each["segment"] not in statements
    }
    return {
        "problem": None,
        "decision": decision,
        "decisions": [*state.get("decisions", []), decision],
        **({"translations": changed} if changed else {}),
        **({"advice": [_said(each, advised) for each in state["advice"]]} if advised else {}),
    }


def critical_ids(alarms: Sequence[Raised]) -> list[str]:
    """The alarms that block a release until a person decides."""
    return [each.id for each in alarms if each.severity == "critical"]


def _problem(state: TranslationState, given: dict[str, Any]) -> str | None:
    """What is wrong with a decision, in one sentence that repeats no text of the record; None when it can be taken."""
    decision = given.get("decision")
    if decision not in ("approve", "edit", "reject"):
        return "decision must be 'approve', 'edit' or 'reject'"
    if decision == "approve":
        left = sorted(set(critical_ids(state["alarms"])) - set(map(str, given.get("accepted") or [])))
        if left:
            return (
                f"critical alarms block the release: accept each in 'accepted', or edit its segment: {', '.join(left)}"
            )
    wanted: dict[str, Any] = next(
        each for each in schema(state)["oneOf"] if each["properties"]["decision"]["const"] == decision
    )
    faults: list[ValidationError] = list(Draft202012Validator(wanted).iter_errors(given))  # pyright: ignore[reportUnknownMemberType]
    if faults:
        return f"{'.'.join(map(str, faults[0].path)) or 'the decision'}: {_told(faults[0])}"
    known = {each.id for each in (*state["segments"], *state.get("advice", []))}
    edits = cast(list[dict[str, str]], given.get("edits") or [])
    unknown = [each["segment"] for each in edits if each["segment"] not in known]
    return f"there is no segment {', '.join(map(repr, unknown))}" if unknown else None


def _told(fault: ValidationError) -> str:
    """A fault's message without the value, which may be text about a patient."""
    match fault.validator:
        case "required":
            return fault.message
        case "additionalProperties":
            return "has a field that this decision does not take"
        case _:
            return f"does not fit {fault.validator} = {str(fault.validator_value)[:200]}"


def _said(statement: Statement, advised: dict[str, str]) -> Statement:
    """The statement with the translations that a clinician gave."""
    given = {at.split(".", 1)[1]: text for at, text in advised.items() if at.split(".", 1)[0] == statement.id}
    return statement.model_copy(update={"translations": {**statement.translations, **given}})


def _edited(edit: dict[str, str]) -> Translated:
    return Translated(
        segment=edit["segment"], language=edit["language"], text=edit["text"], done="translated", said_by="clinician"
    )


def _by_weight(alarms: Sequence[Raised]) -> list[Raised]:
    return sorted(alarms, key=lambda each: SEVERITIES.index(each.severity))


def _shown(state: TranslationState) -> list[dict[str, Any]]:
    """The segments to look at, in the order of the record."""
    translations = state["translations"]
    alarmed: dict[str, list[str]] = {}
    for each in state["alarms"]:
        alarmed.setdefault(each.segment, []).append(each.id)

    def wanting(segment: Segment) -> bool:
        renderings = (translations[key(segment.id, target)] for target in state["targets"])
        return segment.id in alarmed or any(each.done in ("partial", "untranslated") for each in renderings)

    first = [segment.id for segment in state["segments"] if wanting(segment)]
    wanted = frozenset(first)
    rest = [segment.id for segment in state["segments"] if segment.id not in wanted]
    shown = wanted | frozenset(rest[: max(0, SHOWN - len(first))])
    return [
        {
            "id": segment.id,
            "section": segment.section,
            "page": segment.page,
            "language": segment.language,
            "source": segment.text,
            "translations": {
                target: translations[key(segment.id, target)].model_dump(
                    mode="json", include={"text", "done", "untranslated", "said_by"}
                )
                for target in state["targets"]
            },
            "alarms": alarmed.get(segment.id, []),
        }
        for segment in state["segments"]
        if segment.id in shown
    ]
