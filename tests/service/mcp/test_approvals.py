"""What a run asks, as a form that clients can show, and back; and the same through a real client."""

from typing import Any

from mcp_types import ElicitResult

from service.mcp import approvals
from tests.conftest import Server
from tests.service.mcp.conftest import connected
from tests.service.mcp.test_tools import CONTRACT, RECORD, said
from workflows.financial_advisor.conversation import DECISION_SCHEMA


def asked(schema: Any = None, **value: Any) -> dict[str, Any]:
    return {"id": "i1", "value": {"title": "T", "question": "Q?", "schema": schema, **value}}


def test_a_form_is_flat_whatever_a_run_asks() -> None:
    resume = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 4000},
            "profile": {"type": "object"},
            "holdings": {"type": "array", "items": {"type": "object"}},
        },
    }
    for schema in (DECISION_SCHEMA, resume, {"type": "array", "items": {"type": "object"}}, None, {"enum": [1]}):
        form = approvals.form(asked(schema))
        for name, declared in form.schema["properties"].items():
            assert declared["type"] in ("string", "number", "integer", "boolean", "array"), name
            assert "properties" not in declared
    advisor = approvals.form(asked(dict(DECISION_SCHEMA)))
    assert advisor.schema["properties"]["decision"] == {"type": "string", "enum": ["refuse", "release"]}
    assert approvals.answer(advisor, {"decision": "release", "warned": True, "reason": ""}) == {
        "decision": "release",
        "warned": True,
    }


def test_a_plain_question_has_a_plain_answer() -> None:
    form = approvals.form({"id": "i1", "value": "How many?", "response_schema": {"type": "integer"}})
    assert form.schema["properties"] == {"answer": {"title": "Answer", "type": "integer"}}
    assert approvals.answer(form, {"answer": 3}) == 3


def test_an_edit_is_put_together_from_its_fields() -> None:
    edit = {"properties": {"decision": {"const": "edit"}, "edits": {"type": "array"}}}
    approve = {
        "properties": {
            "decision": {"const": "approve"},
            "accepted": {"type": "array", "items": {"enum": ["a1", "a2"]}, "title": "Accepted"},
        }
    }
    form = approvals.form(asked({"oneOf": [approve, edit]}))
    assert form.schema["properties"]["accepted"]["items"] == {"type": "string", "enum": ["a1", "a2"]}
    fields = {"edit_segment": "s1", "edit_language": "fr", "edit_text": "Bonjour"}
    told = approvals.answer(form, {"decision": "edit", "accepted": ["a1"], **fields})
    assert told == {"decision": "edit", "edits": [{"segment": "s1", "language": "fr", "text": "Bonjour"}]}
    assert approvals.answer(form, {"decision": "approve", "accepted": ["a1"]}) == {
        "decision": "approve",
        "accepted": ["a1"],
    }


async def test_a_critical_risk_is_shown_with_its_reason(mcp_server: Server) -> None:
    messages: list[str] = []

    async def person(context: Any, params: Any) -> ElicitResult:
        messages.append(params.message)
        return ElicitResult(action="accept", content={"decision": "reject", "reason": "unlimited"})

    async with connected(mcp_server, "2026-07-28", elicitation_callback=person) as client:
        done = await client.call_tool("review_contract", {"content": CONTRACT, "approval": "critical"})
    assert done.structured_content["result"]["decision"]["decision"] == "reject"
    assert "critical" in messages[0]
    assert "Our liability is unlimited" in messages[0]


async def test_a_translation_is_edited_and_then_released(mcp_server: Server) -> None:
    async with connected(mcp_server, "2025-11-25") as client:
        waits = await client.call_tool("translate_record", {"content": RECORD, "targets": ["fr"]})
        run = waits.structured_content
        assert run["state"] == "waiting", said(waits)
        [whole] = (await client.read_resource(f"consilia://runs/{run['run_id']}/question")).contents
        assert '"segments"' in whole.text  # type: ignore[union-attr]
        left = run["result"]["untranslated"][0]
        edits = [{"segment": left["segment"], "language": "fr", "text": "Lettre de sortie"}]
        again = await client.call_tool("answer_run", {"run_id": run["run_id"], "decision": "edit", "edits": edits})
        assert again.structured_content["state"] == "waiting", said(again)
        told = again.structured_content["result"]
        assert told["untranslated_total"] == run["result"]["untranslated_total"] - 1
        accepted = [each["id"] for each in told["alarms"] if each["severity"] == "critical"]
        given = {"run_id": again.structured_content["run_id"], "decision": "approve", "accepted": accepted}
        done = await client.call_tool("answer_run", given)
        assert done.structured_content["state"] == "done", said(done)
