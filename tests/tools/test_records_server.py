"""The records server over MCP: FHIR Bundles read, key data extracted, people hidden."""

import base64
import json
from typing import Any

from mcp import Client

from tools.medicine.records_server import server
from tools.serving import ERROR_META

BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "name": [{"text": "张伟"}], "birthDate": "1950-02-01"}},
        {"resource": {"resourceType": "Condition", "code": {"text": "2型糖尿病"}}},
        {"resource": {"resourceType": "AllergyIntolerance", "code": {"text": "青霉素"}}},
        {
            "resource": {
                "resourceType": "MedicationStatement",
                "status": "active",
                "medicationCodeableConcept": {"text": "二甲双胍片"},
                "dosage": [{"text": "0.5g 口服 每日两次"}],
            }
        },
    ],
}


async def _call(tool: str, **arguments: Any) -> Any:
    async with Client(server()) as client:
        result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return result.structured_content


async def test_a_fhir_bundle_is_read_hidden_and_its_key_data_extracted():
    content = base64.b64encode(json.dumps(BUNDLE, ensure_ascii=False).encode()).decode()
    record = await _call("read_document", content_base64=content)
    assert record["form"] == "fhir"
    hidden = await _call("deidentify_record", record=record)
    assert "张伟" not in json.dumps(hidden["record"], ensure_ascii=False)
    assert "1950-02-01" not in hidden["record"]["text"]
    data = await _call("extract_key_data", text=hidden["record"]["text"], language="zh")
    assert [each["icd10cm"] for each in data["problems"]] == ["E11.9"]
    assert [each["drug"] for each in data["allergies"]] == ["penicillin"]
    [metformin] = data["medications"]
    assert (metformin["dose"]["value"], metformin["route"], metformin["frequency"]["per_day"]) == (0.5, "oral", 2)


async def test_json_that_is_no_bundle_is_refused_with_a_code():
    async with Client(server()) as client:
        for content in (b'{"resourceType": "Bundle", "entry": []}', b"<a>", b'{"resourceType": "Patient"}'):
            result = await client.call_tool("read_document", {"content_base64": base64.b64encode(content).decode()})
            assert result.is_error
            assert (result.meta or {})[ERROR_META]["code"] in {"invalid_fhir", "invalid_clinical_document"}
