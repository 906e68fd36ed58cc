"""The medicine server through an MCP client, and a user's own documents through the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult
from typer.testing import CliRunner

from service.cli import app
from service.database.tables import DEFAULT_TENANT
from tools.medicine import server as medicine
from tools.serving import ERROR_META, calling_for


async def _result(tool: str, arguments: dict[str, Any], tenant: str, folder: Path | None = None) -> CallToolResult:
    async with Client(medicine.server(folder)) as client:
        return await client.call_tool(tool, arguments, meta=calling_for(tenant))


async def _call(
    tool: str, tenant: str = DEFAULT_TENANT, folder: Path | None = None, **arguments: Any
) -> dict[str, Any]:
    result = await _result(tool, arguments, tenant, folder)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def test_every_tool_only_reads_and_says_what_it_gives() -> None:
    async with Client(medicine.server()) as client:
        tools = (await client.list_tools()).tools
    assert len(tools) >= 15
    for tool in tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.open_world_hint is False
        assert tool.output_schema
        assert tool.description


async def test_a_record_s_medications_are_reviewed_with_sources() -> None:
    review = await _call(
        "review_medications",
        medications=[
            {"drug": "华法林", "amount": 3, "unit": "mg", "route": "口服", "times_per_day": 1},
            {"drug": "布洛芬", "amount": 400, "unit": "mg", "times_per_day": 3},
            {"drug": "二甲双胍", "amount": 1000, "unit": "mg", "times_per_day": 2},
            {"drug": "unobtainium"},
        ],
        patient={"conditions": ["慢性肾脏病"], "egfr": 25, "age": 68},
    )
    kinds = {(each["kind"], each["severity"]) for each in review["warnings"]}
    assert {("interaction", "major"), ("renal", "contraindicated")} <= kinds
    assert all(each["sources"] and each["entry"] for each in review["warnings"])
    assert review["unread"]["drugs"] == ["unobtainium"]


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("drug_facts", {"name": "ワルファリン"}, {"key": "warfarin", "atc": "B01AA03"}),
        ("condition_summary", {"name": "I48"}, {"key": "atrial_fibrillation"}),
        ("convert_unit", {"value": 100, "source": "mg/dL", "target": "mmol/L", "analyte": "血糖"}, {"value": 5.55062}),
        ("convert_unit", {"value": 100, "source": "μmol/L", "target": "mg/dL", "analyte": "肌酐"}, {"value": 1.1312}),
        ("convert_unit", {"value": 37, "source": "℃", "target": "°F"}, {"value": 98.6, "unit": "[degF]"}),
        ("convert_unit", {"value": 150, "source": "lb", "target": "kg"}, {"value": 68.0389}),
        ("convert_unit", {"value": 7, "source": "%", "target": "mmol/mol", "analyte": "HbA1c"}, {"value": 52.9952}),
        ("weight_dose", {"dose_per_kg": 15, "weight_kg": 70, "largest": 1000}, {"value": 1000.0}),
        ("drip_rate", {"volume_ml": 500, "hours": 4}, {"value": 41.67}),
        ("infusion_rate", {"dose_ug_kg_min": 5, "weight_kg": 70, "concentration_mg_ml": 1.6}, {"value": 13.12}),
        ("body_size", {"height_cm": 170, "weight_kg": 70}, {"value": 1.818, "unit": "m2"}),
        ("look_up_code", {"system": "icd10", "text": "社区获得性肺炎"}, {"code": "J18.9"}),
        ("look_up_code", {"system": "atc", "text": "C09AA03"}, {"display": "lisinopril"}),
        ("look_up_code", {"system": "ucum", "text": "mmHg"}, {"code": "mm[Hg]"}),
        ("translate_segment", {"segment": "无发热。", "source_lang": "zh", "target_lang": "en"}, {"text": "No fever."}),
    ],
)
async def test_a_tool_answers(tool: str, arguments: dict[str, Any], expected: dict[str, Any]) -> None:
    answer = await _call(tool, **arguments)
    assert {key: answer[key] for key in expected} == expected


async def test_kidney_function_follows_the_published_formulas() -> None:
    person = {"age": 60, "sex": "male", "creatinine": 1.0, "unit": "mg/dL"}
    gault = await _call("kidney_function", **person, weight_kg=72, formula="cockcroft-gault")
    assert gault["value"] == 80.0
    assert "Nephron 1976" in gault["source"]
    assert (await _call("kidney_function", **person))["value"] == pytest.approx(86, abs=1)


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("drug_facts", {"name": "unobtainium"}, "unknown_entry"),
        ("look_up_code", {"system": "icd10", "text": "Q99.99x"}, "unknown_code"),
        ("convert_unit", {"value": 1, "source": "mg/dL", "target": "mmol/L"}, "invalid_input"),
        ("convert_unit", {"value": 1, "source": "mg", "target": "cm"}, "invalid_input"),
        ("kidney_function", {"age": 9, "sex": "male", "creatinine": 1, "unit": "mg/dL"}, "invalid_input"),
        ("drip_rate", {"volume_ml": 0, "hours": 4}, "invalid_input"),
    ],
)
async def test_what_cannot_be_answered_is_an_error_with_a_code(tool: str, arguments: dict[str, Any], code: str) -> None:
    result = await _result(tool, arguments, DEFAULT_TENANT)
    assert result.is_error
    assert (result.meta or {})[ERROR_META]["code"] == code


def test_a_folder_of_documents_is_imported_told_and_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    folder = tmp_path / "documents"
    (folder / "wards").mkdir(parents=True)
    (folder / "抗凝.md").write_text("# 院内抗凝方案\n\n机械瓣患者INR目标为2.5至3.5。\n", encoding="utf-8")
    (folder / "wards" / "icu.txt").write_text("Vancomycin troughs are taken before the fourth dose.", encoding="utf-8")
    (folder / "broken.pdf").write_bytes(b"\0\1\2")
    monkeypatch.setenv("CONSILIA_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)

    def imported() -> dict[str, Any]:
        result = CliRunner().invoke(app, ["data", "import-knowledge", str(folder), "--json"])
        assert result.exit_code == 0, result.output
        return {each["name"]: each for each in json.loads(result.stdout)}

    first, again = imported(), imported()
    assert first == again
    assert first["抗凝.md"]["passages"] == 1
    assert first["wards/icu.txt"]["passages"] == 1
    assert first["broken.pdf"]["error"]

    async def search(query: str, tenant: str) -> list[dict[str, Any]]:
        folder = tmp_path / "var" / "knowledge"
        return (await _call("search_knowledge", tenant, folder, query=query, kinds=["document"]))["hits"]

    found = asyncio.run(search("机械瓣 INR", DEFAULT_TENANT))
    assert [hit["entry"] for hit in found] == ["document/抗凝.md#0"]
    assert found[0]["sources"][0]["title"] == "抗凝.md"
    assert asyncio.run(search("机械瓣 INR", "another")) == []


def test_a_folder_without_a_readable_document_ends_with_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSILIA_DATA_DIR", str(tmp_path / "var"))
    (tmp_path / "empty").mkdir()
    assert CliRunner().invoke(app, ["data", "import-knowledge", str(tmp_path / "empty")]).exit_code == 1
    assert CliRunner().invoke(app, ["data", "import-knowledge", str(tmp_path / "nowhere")]).exit_code == 2
